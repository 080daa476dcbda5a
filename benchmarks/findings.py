"""Keep what studies found, and write docs/findings.md from what is kept.

    python benchmarks/findings.py keep NAME [RUNS]   copies RUNS/NAME/results.json (runs/NAME/ without RUNS), with what
                                                     made it, to results/studies/NAME.json; then does the rest
    python benchmarks/findings.py                    rewrites the blocks of docs/findings.md, and its figures

A block stands between <!-- findings:STUDY --> and <!-- end -->; <!-- findings:summary --> is the table of all. What is
around them is written by hand and holds no measured number. A test fails when the page is stale.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from fashionlab.common.errors import UsageError
from fashionlab.common.files import write_json, write_text
from fashionlab.models import count_macs
from fashionlab.report import study_figures, style
from fashionlab.runs.model import load_model
from fashionlab.runs.results import RunResults, load_results
from fashionlab.studies import catalog, wording
from fashionlab.studies.folder import StudyFolder
from fashionlab.studies.schema import BASELINE, Study

ROOT = Path(__file__).parents[1]
KEPT, PAGE = ROOT / "results" / "studies", ROOT / "docs" / "findings.md"
FIGURES = Path("figures") / "findings"  # seen from the page
BLOCK = re.compile(r"(<!-- findings:(?P<name>[a-z0-9.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOT_MEASURED = "Not measured yet: results/ has no file for it."
# Studies whose question is what accuracy costs.
TRADE_OFFS = ("claim-8-architectures", "claim-8-few-pictures", "claim-9-optimizers", "claim-9-small-network")
TESTS = {"paired": "paired t test", "permutation": "paired permutation test"}

Record = dict[str, Any]


def keep(study: Study, runs: Path, kept: Path) -> Path:
    """Write kept/<study>.json. Raises UsageError unless runs/<study> holds that study, declared as it is now, and all
    of its runs are done: a verdict on a part is none."""
    folder = StudyFolder(runs / study.name)
    results = folder.read_json(folder.results)
    if not results["complete"]:
        raise UsageError(f"{folder.path}: {results['runs']['open']} runs are still to be done; "
                         f"`fashionlab study {study.name}` does them")
    if results["declared"] != study.declared.model_dump(mode="json"):
        raise UsageError(f"{folder.path}: its declaration is not that of the built-in study {study.name}")
    done = {arm: {seed: load_results(folder.run(arm, int(seed)).path) for seed in values}
            for arm, values in _values(results).items()}
    del results["folder"]
    path = kept / f"{study.name}.json"
    write_json(path, {"command": f"fashionlab study {study.name}", **results, "made": _made(done),
                      "details": {arm: _details(found) for arm, found in done.items()}})
    return path


def _values(results: Record) -> dict[str, dict[str, float]]:
    return {arm: one["values"] for arm, one in _everyone(results).items()}


def _everyone(results: Record) -> dict[str, Record]:
    return {BASELINE: results["baseline"], **results["arms"]}


def _made(done: dict[str, dict[str, RunResults]]) -> list[Record]:
    """Where and with what code the runs were made, each place once, with the number of its runs."""
    places = Counter()
    for run in (run for found in done.values() for run in found.values()):
        environment = {key: run.environment[key] for key in ("machine", "versions", "commit", "device", "threads",
                                                             "precision")}
        places[json.dumps(environment)] += 1
    return [{"runs": count, **json.loads(place)} for place, count in places.items()]


def _details(found: dict[str, RunResults]) -> Record:
    """What an arm's runs took, and the classes that each run gave to no test picture."""
    metrics = {seed: run.metrics for seed, run in found.items()}
    details: Record = {key: {seed: getattr(one, key) for seed, one in metrics.items()}
                       for key in ("epochs", "train_seconds")}
    details["never_predicted"] = {seed: missing for seed, run in found.items() if (missing := _never_predicted(run))}
    if found:
        model, spec = load_model(next(iter(found.values())).folder, torch.device("cpu"))
        details["macs"] = count_macs(model, (spec.channels, spec.image_size, spec.image_size))
    return details


def _never_predicted(run: RunResults) -> list[str]:
    said = set(run.test.predicted.tolist())
    return [name for label, name in enumerate(run.test.classes) if label not in said]


def mark_measured(declaration: Path) -> None:
    """The header of the declaring file names the results from now on."""
    text = declaration.read_text(encoding="utf-8")
    write_text(declaration, text.replace(NOT_MEASURED, f"Measured: results/studies/{declaration.stem}.json, "
                                                       "docs/findings.md."))


def render(text: str, kept: Path) -> str:
    """The page `text` with every block made anew from the files in `kept`."""
    names = [match["name"] for match in BLOCK.finditer(text) if match["name"] != "summary"]
    studies = {name: catalog.load(name) for name in names}
    results = {name: read(name, kept) for name in names}

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        made = (summary(studies, results) if name == "summary"
                else measured(studies[name], found) if (found := results[name]) else not_measured(studies[name]))
        return match[1] + made + match[3]

    return BLOCK.sub(block, text)


def read(name: str, kept: Path) -> Record | None:
    path = kept / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def summary(studies: dict[str, Study], results: dict[str, Record | None]) -> str:
    """A row a study: its question, who claimed something, and what became of the claim."""
    rows = []
    for name, study in studies.items():
        expected, found = study.declared.expected, results[name]
        sources = ", ".join(source[:3] for source in expected.sources) if expected else ""
        rows.append([f"[{study.declared.question}](#{name})", sources, on_the_claim(found) if found else
                     "not measured yet"])
    return _table(["question", "claimed by", "the claim"], rows)


def on_the_claim(results: Record) -> str:
    """What became of the claim, arm by arm where the arms disagree."""
    claimed = (results["declared"].get("expected") or {}).get("verdicts", {})
    if not claimed:
        found = Counter(wording.word(arm) for arm in results["arms"].values())
        return "nothing predicted; " + ", ".join(f"{count} {word}" for word, count in found.items())
    became = {arm: fate(verdict, results["arms"][arm]["verdict"]) for arm, verdict in claimed.items()}
    if len(set(became.values())) == 1:
        return f"**{next(iter(became.values()))}**"
    return "; ".join(f"`{arm}`: **{word}**" for arm, word in became.items())


def fate(claimed: str, found: str) -> str:
    """What a verdict makes of a claim."""
    if found == "undecided":
        return "undecided"
    if found == claimed:
        return "holds"
    return "no difference that matters" if found == "equivalent" else "contradicted"


def not_measured(study: Study) -> str:
    """The block of a study without a file."""
    return (_asked(study) + f"Not measured yet. `fashionlab study {study.name}` trains what is missing of its "
            f"{len(study.runs)} runs, `python benchmarks/findings.py keep {study.name}` puts the answer here.\n")


def measured(study: Study, results: Record) -> str:
    """The block of a study that has been run."""
    figures = [f"![{_alternative(results)}]({(FIGURES / study.name).as_posix()}.svg)\n"]
    if study.name in TRADE_OFFS:
        figures.append(f"![Accuracy against multiply-accumulates and training time.]"
                       f"({(FIGURES / study.name).as_posix()}-cost.svg)\n")
    claim = f"The claim: {on_the_claim(results)}.\n\n" if study.declared.expected else ""
    return "\n".join([_asked(study) + claim + _verdicts(results), _arms(study, results), _dead(results) + figures[0],
                      *figures[1:], _method(results)])


def _asked(study: Study) -> str:
    text = f'<a id="{study.name}"></a>\n**{study.declared.question}**\n\n'
    expected = study.declared.expected
    return text + (f"Claimed ({', '.join(expected.sources)}): {expected.claim}\n\n" if expected else "")


def _verdicts(results: Record) -> str:
    """A line an arm: the verdict, what it makes of the claim, and how sure it is."""
    claimed = (results["declared"].get("expected") or {}).get("verdicts", {})
    lines = []
    for name, arm in results["arms"].items():
        said = f" Claimed {claimed[name]}: {fate(claimed[name], arm['verdict'])}." if name in claimed else ""
        lines.append(f"- `{name}`: **{wording.word(arm)}**{wording.verdict(results, arm)[len(wording.word(arm)):]}."
                     f"{said} {_sureness(results, arm)}\n")
    return "".join(lines)


def _sureness(results: Record, arm: Record) -> str:
    """In how many seeds the arm is higher, and the p value in words."""
    base = results["baseline"]["values"]
    higher = sum(value > base[seed] for seed, value in arm["values"].items() if seed in base)
    if arm["verdict"] == "equivalent":
        chance = f"if it did matter, so little would be seen with p {wording.probability(arm['p_equivalence'])}"
    else:
        chance = f"if there were none, so much would be seen with p {wording.probability(arm['p_corrected'])}"
    count = len(results["arms"])
    corrected = f" (corrected for {count} comparisons)" if count > 1 else ""
    return f"Higher in {higher} of {arm['pairs']} seeds; {chance}{corrected}."


def _arms(study: Study, results: Record) -> str:
    unit = wording.value_unit(results)
    header = ["arm", f"mean [{results['level']:.0%} interval]{f', {unit}' if unit else ''}", "n",
              f"difference, {results['unit']}", "p (Holm)", "verdict", "epochs", "training, s",
              "multiply-accumulates, M"]
    rows = []
    for name, arm in _everyone(results).items():
        details = results["details"][name]
        shown = f"baseline, `{study.declared.baseline.recipe}`" if name == BASELINE else f"`{name}`"
        failed = f" ({len(arm['failures'])} failed)" if arm["failures"] else ""
        judged = ["", "", ""] if name == BASELINE else [
            wording.difference(results, arm), wording.probability(arm["p_corrected"]), wording.word(arm)]
        macs = f"{details['macs'] / 1e6:.3g}" if "macs" in details else "-"
        rows.append([shown, wording.interval(results, arm["mean"], arm["interval"]), f"{arm['n']}{failed}", *judged,
                     _mean(details["epochs"], ".3g"), _mean(details["train_seconds"], ".0f"), macs])
    return _table(header, rows)


def _mean(values: dict[str, float], form: str) -> str:
    return f"{fmean(values.values()):{form}}" if values else "-"


def _dead(results: Record) -> str:
    """The classes that runs gave to no test picture, where there are any."""
    dead = {arm: one["never_predicted"] for arm, one in results["details"].items()}
    if not any(dead.values()):
        return ""
    rows = [[f"`{arm}`", f"{len(runs)} of {len(results['details'][arm]['epochs'])}",
             "; ".join(f"seed {seed}: {', '.join(names)}" for seed, names in runs.items())]
            for arm, runs in dead.items()]
    return "Classes that no test picture was given to:\n\n" + _table(["arm", "runs with such", "classes"], rows) + "\n"


def _alternative(results: Record) -> str:
    said = "; ".join(f"{arm} {wording.difference(results, one)}, {wording.word(one)}"
                     for arm, one in results["arms"].items())
    return f"Differences from the baseline in {results['unit']}: {said}."


def _method(results: Record) -> str:
    """How it was judged and where it was made."""
    places = []
    for place in results["made"]:
        machine, commit = place["machine"], place["commit"] or "unknown"
        where = ", ".join(machine["gpus"]) if place["device"] != "cpu" else machine["processor"]
        places.append(f"{place['runs']} runs on {where}, {place['device']}, {place['threads']} threads, "
                      f"{place['precision']}, PyTorch {place['versions']['torch']}, commit {commit[:7]}"
                      f"{' with changes' if commit.endswith('+changes') else ''}")
    notes = "".join(f" Note: {note}." for note in results["notes"])
    return (f"{len(results['seeds'])} seeds; {TESTS[results['test']]}; less than {wording.smallest(results)} was "
            f"declared not to matter. `{results['command']}`: {'; '.join(places)}.{notes} All values: "
            f"[{results['study']}.json](../results/studies/{results['study']}.json).\n")


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def draw(name: str, results: Record, folder: Path) -> None:
    """The study's figures, as SVG."""
    style.save(study_figures.differences(results), folder / f"{name}.svg", "svg")
    if name in TRADE_OFFS:
        details = results["details"]
        macs = {arm: one["macs"] / 1e6 for arm, one in details.items() if "macs" in one}
        seconds = {arm: fmean(one["train_seconds"].values()) for arm, one in details.items() if one["train_seconds"]}
        costs = {"multiply-accumulates of a picture, M": macs, "training time, s": seconds}
        sheet = study_figures.trade_off(results, costs)
        style.save(sheet, folder / f"{name}-cost.svg", "svg")


def main(words: list[str]) -> None:
    if words[:1] == ["keep"] and len(words) in (2, 3):
        study = catalog.load(words[1])
        print(keep(study, Path(words[2]) if len(words) == 3 else ROOT / "runs", KEPT))
        mark_measured(next(catalog.FOLDER.rglob(f"{study.name}.yaml")))
    elif words:
        sys.exit(__doc__)
    for name in catalog.names():
        if found := read(name, KEPT):
            draw(name, found, PAGE.parent / FIGURES)
    write_text(PAGE, render(PAGE.read_text(encoding="utf-8"), KEPT))


if __name__ == "__main__":
    main(sys.argv[1:])
