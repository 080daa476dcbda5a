"""What the runs of a study amount to: values by seed, and a verdict for each arm."""

from __future__ import annotations

import csv
import io
from typing import Any

from fashionlab.common.errors import DataError
from fashionlab.common.files import write_json, write_text
from fashionlab.common.records import Interval
from fashionlab.runs.results import load_results
from fashionlab.studies.folder import StudyFolder
from fashionlab.studies.schema import BASELINE, Study
from fashionlab.studies.statistics import Verdict, judge, mean_interval, paired_permutation

LEVEL = 0.95
# The protocol's least number of seeds for a claim.
CLAIM_SEEDS = 5
_TESTS = {"paired": "paired_t", "permutation": "permutation"}

Record = dict[str, Any]


def write_results(study: Study, folder: StudyFolder) -> Record:
    """Judge what has been run so far; write results.json and results.csv (a row a run). Returns what the first holds.

    Values and differences are on the scale of metrics.json (an accuracy is a share); times `scale` they are in `unit`.
    A number that cannot be known is None. Raises DataError when a finished run cannot be read.
    """
    runs = {arm: [_read_run(study, folder, arm, seed) for seed in study.seeds] for arm in study.recipes}
    metric, declared = study.metric, study.declared
    values = {arm: {run["seed"]: run["value"] for run in records if run["state"] != "open"}
              for arm, records in runs.items()}
    verdicts = judge(values[BASELINE], {arm: values[arm] for arm in declared.arms},
                     smallest_difference=declared.smallest_difference / metric.scale, test=_TESTS[declared.test],
                     level=LEVEL, higher_is_better=metric.higher_is_better)
    open_runs = sum(run["state"] == "open" for records in runs.values() for run in records)
    results = {
        "study": study.name, "folder": str(folder.path), "question": declared.question,
        "metric": metric.name, "title": metric.title, "unit": metric.unit, "scale": metric.scale,
        "higher_is_better": metric.higher_is_better,
        "smallest_difference": declared.smallest_difference / metric.scale,
        "test": declared.test, "level": LEVEL, "seeds": list(study.seeds), "complete": not open_runs,
        "runs": {"planned": len(study.runs), "open": open_runs,
                 "failed": sum(run["state"] == "failed" for records in runs.values() for run in records)},
        "baseline": _arm(runs[BASELINE]),
        "arms": {arm: {**_arm(runs[arm]), **_comparison(verdicts[arm], runs[BASELINE], runs[arm])}
                 for arm in declared.arms},
        "declared": declared.model_dump(mode="json"),
        "notes": _notes(study, folder, runs),
    }
    write_json(folder.results, results)
    write_text(folder.table, _csv(runs, metric.name))
    return results


def _read_run(study: Study, folder: StudyFolder, arm: str, seed: int) -> Record:
    """state: complete, failed (with its reason) or open (not finished)."""
    run, state = folder.run(arm, seed), folder.state(arm, seed)
    record: Record = {"seed": seed, "run": run.path.name, "state": "open", "value": None}
    if state == "complete":
        value = study.metric.read(load_results(run.path).metrics, str(run.path))
        record.update(state="complete", value=value, environment=_environment(folder, arm, seed))
    elif state in ("diverged", "failed"):
        record.update(state="failed", reason=run.read_json(run.status).get("reason", state))
    return record


def _environment(folder: StudyFolder, arm: str, seed: int) -> tuple[str, ...]:
    """What makes the same recipe and seed give other bits, other times or, with other pictures, other values."""
    environment = load_results(folder.run(arm, seed).path).environment
    try:
        return (environment["machine"]["processor"], environment["device"], f"{environment['threads']} threads",
                environment["precision"], f"PyTorch {environment['versions']['torch']}",
                f"data {environment['data']['sha256'][:12]}")
    except (KeyError, TypeError) as error:
        raise DataError(f"{folder.run(arm, seed).environment}: no {error}") from error


def _arm(runs: list[Record]) -> Record:
    values = [run["value"] for run in runs if run["state"] == "complete"]
    interval = mean_interval(values, LEVEL) if len(values) > 1 else None
    return {
        "n": len(values),
        "mean": sum(values) / len(values) if values else None,
        "interval": _ends(interval),
        "values": {str(run["seed"]): run["value"] for run in runs if run["state"] == "complete"},
        "failures": [{key: run[key] for key in ("seed", "run", "reason")} for run in runs if run["state"] == "failed"],
        "open": [run["seed"] for run in runs if run["state"] == "open"],
    }


def _comparison(verdict: Verdict, baseline: list[Record], arm: list[Record]) -> Record:
    pairs = [(one["value"], two["value"]) for one, two in zip(baseline, arm, strict=True)
             if one["state"] == two["state"] == "complete"]
    befores, afters = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    word, reason, more = verdict.word, verdict.reason, verdict.more_seeds
    left = sum(run["state"] == "open" for run in (*baseline, *arm))
    if left:  # a verdict on a part, taken when it happens to please, would not keep its promise
        word, more = "undecided", None
        reason = f"{left} of the declared runs {'is' if left == 1 else 'are'} still to be done"
    elif len(pairs) < 2 and verdict.failed:
        counts = [(sum(run["state"] == "failed" for run in runs), len(runs), whose)
                  for runs, whose in ((arm, "the arm"), (baseline, "the baseline"))]
        failed = " and ".join(f"{count} of {n} runs of {whose}" for count, n, whose in counts if count)
        reason = f"{failed} failed; too few seeds are left to compare"
    elif len(pairs) < 2:
        reason = f"one seed says nothing about the spread over seeds; use --seeds {CLAIM_SEEDS} or more"
    return {
        "pairs": len(pairs),
        "difference": (sum(afters) - sum(befores)) / len(pairs) if pairs else None,
        "difference_interval": _ends(verdict.difference),
        "p": verdict.p, "p_corrected": verdict.p_corrected, "p_equivalence": verdict.p_equivalence,
        "p_permutation": paired_permutation(befores, afters) if len(pairs) > 1 else None,
        "verdict": word, "reason": reason, "more_seeds": more,
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _notes(study: Study, folder: StudyFolder, runs: dict[str, list[Record]]) -> list[str]:
    """What a careful reader should know besides the numbers."""
    notes = []
    settings, declared = folder.read_json(folder.settings), study.declared.seed_list
    if len(study.seeds) < CLAIM_SEEDS:
        notes.append(f"{len(study.seeds)} seed{'s' * (len(study.seeds) > 1)}: the protocol asks for at least "
                     f"{CLAIM_SEEDS} before anything is claimed")
    if study.seeds != declared:
        notes.append(f"declared with {len(declared)} seeds, run with {len(study.seeds)} as --seeds asked; seeds that "
                     "are added after a look at the result raise the chance of a false claim above 5 %")
    if study.metric.is_time and settings["jobs"] > 1:
        notes.append(f"up to {settings['jobs']} runs were timed side by side, where they slow one another down; "
                     "use --jobs 1 for times")
    failed = [run["run"] for records in runs.values() for run in records if run["state"] == "failed"]
    if failed:
        notes.append(f"failed runs count and are not repeated ({', '.join(failed)}); to repeat one, delete its folder "
                     "and say so")
    environments = sorted({run["environment"] for records in runs.values() for run in records if "environment" in run})
    if len(environments) > 1:
        notes.append("the runs were not made alike: " + "; ".join(", ".join(one) for one in environments))
    return notes


def _csv(runs: dict[str, list[Record]], metric: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "seed", "state", metric])
    for arm, records in runs.items():
        for run in records:
            writer.writerow([arm, run["seed"], run["state"], "" if run["value"] is None else run["value"]])
    return text.getvalue()
