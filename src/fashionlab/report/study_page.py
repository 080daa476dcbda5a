"""The page of a study: the answer, the evidence, and what was declared before anything was trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fashionlab.common.errors import DataError
from fashionlab.common.files import write_text
from fashionlab.report import study_figures, style
from fashionlab.report.html import embedded, render
from fashionlab.studies import wording
from fashionlab.studies.folder import StudyFolder

_SECTIONS = (("answer", "Answer"), ("runs", "Runs"), ("declared", "Declared"), ("method", "How it is judged"))
_TESTS = {"paired": "Student's paired t test", "permutation": "the paired permutation test"}
_MARKS = {"better": "good", "worse": "bad", "equivalent": "", "undecided": "soft"}

Cell = str | dict[str, Any]


def write_study_page(folder: Path) -> Path:
    """Write study.html, and its figures under figures/, from the study's results.json. Returns the page's path.

    Raises DataError when the folder holds no results of a study.
    """
    study = StudyFolder(folder)
    results = _read(study)
    write_text(study.page, render(
        "study.html", sections=_SECTIONS, results=results, lead=_lead(results), tiles=_tiles(results),
        verdicts=[(name, wording.verdict(results, arm)) for name, arm in results["arms"].items()],
        arms=_arm_rows(results), seeds=_seed_table(results), failures=_failure_rows(results),
        figures=_figures(study, results), test=_TESTS[results["test"]], declared=_declared(results),
        changes=_change_rows(results["declared"]), smallest=wording.smallest(results),
        value_unit=wording.value_unit(results), text=study.declaration.read_text(encoding="utf-8")))
    return study.page


def _read(study: StudyFolder) -> dict[str, Any]:
    if not study.settings.is_file():
        raise DataError(f"{study.path}: not the folder of a study (no study.json in it)")
    if not study.results.is_file():
        raise DataError(f"{study.path}: this study has no results yet; run `fashionlab study` with its file first")
    return study.read_json(study.results)


def _lead(results: dict[str, Any]) -> str:
    """One sentence: how many arms got which verdict."""
    words = [wording.word(arm) for arm in results["arms"].values()]
    counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    state = "" if results["complete"] else f" So far {results['runs']['open']} runs are missing: nothing is decided."
    return f"Of {len(words)} arm{'s' * (len(words) > 1)} against the baseline: {counts}.{state}"


def _tiles(results: dict[str, Any]) -> list[dict[str, str]]:
    runs = results["runs"]
    baseline = results["baseline"]
    mean = "-" if baseline["mean"] is None else wording.number(results, baseline["mean"], wording.value_unit(results))
    return [
        {"label": "Baseline", "value": mean,
         "note": f"{results['title']}, mean of {baseline['n']} seeds"},
        {"label": "Runs", "value": f"{runs['planned'] - runs['open']} of {runs['planned']}",
         "note": f"{len(results['seeds'])} seeds, {runs['failed']} failed"},
        {"label": "What matters", "value": wording.smallest(results),
         "note": "smallest difference, declared beforehand"},
    ]


def _arm_rows(results: dict[str, Any]) -> list[list[Cell]]:
    base = results["baseline"]
    rows: list[list[Cell]] = [["baseline", "", _mean(results, base), "", "", "", str(base["n"]),
                               str(len(base["failures"]))]]
    for name, arm in results["arms"].items():
        rows.append([
            name, {"text": arm["verdict"], "mark": _MARKS[arm["verdict"]]}, _mean(results, arm),
            {"text": wording.difference(results, arm), "sort": "" if arm["difference"] is None else arm["difference"]},
            *({"text": wording.probability(arm[key]), "sort": 2 if arm[key] is None else arm[key]}
              for key in ("p_corrected", "p_equivalence")),
            str(arm["n"]), str(len(arm["failures"])),
        ])
    return rows


def _mean(results: dict[str, Any], arm: dict[str, Any]) -> Cell:
    text = wording.interval(results, arm["mean"], arm["interval"])
    return {"text": text, "sort": "" if arm["mean"] is None else arm["mean"]}


def _everyone(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"baseline": results["baseline"], **results["arms"]}


def _seed_table(results: dict[str, Any]) -> dict[str, Any]:
    """A row a seed, a column an arm: the value, or "failed" or "open"."""
    arms = _everyone(results)

    def cell(arm: dict[str, Any], seed: int) -> Cell:
        if str(seed) in arm["values"]:
            value = arm["values"][str(seed)]
            return {"text": wording.number(results, value), "sort": value}
        failed = any(failure["seed"] == seed for failure in arm["failures"])
        return {"text": "failed", "sort": "", "mark": "bad"} if failed else {"text": "open", "sort": "", "mark": "soft"}

    return {"columns": [{"label": "seed"}, *({"label": name, "number": True} for name in arms)],
            "rows": [[str(seed), *(cell(arm, seed) for arm in arms.values())] for seed in results["seeds"]]}


def _failure_rows(results: dict[str, Any]) -> list[list[str]]:
    return [[failure["run"], failure["reason"]] for arm in _everyone(results).values() for failure in arm["failures"]]


def _declared(results: dict[str, Any]) -> list[tuple[str, str]]:
    better = "higher" if results["higher_is_better"] else "lower"
    expected = results["declared"].get("expected")
    claimed = [("Claimed", f"{expected['claim']} ({', '.join(expected['sources'])})")] if expected else []
    return [
        ("Question", results["question"]), *claimed,
        ("Metric", f"{results['metric']}: {results['title']}; {better} is better"),
        ("Smallest difference that matters", wording.smallest(results)),
        ("Test", _TESTS[results["test"]]), ("Seeds", ", ".join(map(str, results["seeds"]))),
    ]


def _change_rows(declared: dict[str, Any]) -> list[list[str]]:
    arms = {"baseline": declared["baseline"], **declared["arms"]}
    return [[name, arm["recipe"] or declared["baseline"]["recipe"],
             ", ".join(f"{key} = {json.dumps(value)}" for key, value in arm["set"].items()) or "nothing"]
            for name, arm in arms.items()]


def _figures(study: StudyFolder, results: dict[str, Any]) -> list[dict[str, Any]]:
    drawn = []
    for name, draw in (("differences", study_figures.differences), ("values", study_figures.values)):
        sheet = draw(results)
        files: dict[style.Format, Path] = {kind: study.path / "figures" / f"{name}.{kind}" for kind in ("svg", "png")}
        for kind, path in files.items():
            style.save(sheet, path, kind)
        width, height = (round(96 * inches) for inches in sheet.get_size_inches())
        drawn.append({"uri": embedded(files["svg"]), "width": width, "height": height, **_caption(results, name)})
    return drawn


def _caption(results: dict[str, Any], name: str) -> dict[str, str]:
    if name == "differences":
        differences = "; ".join(f"{name}: {wording.difference(results, arm)}, {wording.word(arm)}"
                                for name, arm in results["arms"].items())
        return {"caption": "Mean paired difference of each arm from the baseline with its interval; small ticks are "
                           "single seeds, the grey band is what was declared not to matter.",
                "alt": f"Differences from the baseline. {differences}"}
    means = "; ".join(f"{name}: {wording.interval(results, arm['mean'], arm['interval'])}"
                      for name, arm in _everyone(results).items())
    return {"caption": "Each point is a run; a line joins the runs of one seed. Lines that lean the same way are what "
                       "a paired test sees.", "alt": f"Values of all runs. {means}"}
