"""What the report page and the model card both say of a run: names and values, read from its records alone.

A value is shown with a fixed number of digits, so that it can be compared with metrics.json by eye and by test.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from fashionlab.common.records import Interval
from fashionlab.evaluation.metrics import METRICS, headings
from fashionlab.evaluation.metrics.classes import uneven
from fashionlab.runs.metrics import Cost, Scores
from fashionlab.runs.readings import readings
from fashionlab.runs.results import RunResults

Pairs = list[tuple[str, str]]
Row = list[Any]


def show(name: str, value: float) -> str:
    """A score as text, with the digits of its metric."""
    return METRICS[name].show(value)


def show_interval(name: str, interval: Interval) -> str:
    return f"{show(name, interval.low)} to {show(name, interval.high)}"


def seconds(value: float) -> str:
    """A time as a person says it: "4 min 3 s"."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def scores(run: RunResults) -> list[Row]:
    """A row a score: name, validation (or "-"), test, and its interval on the test split ("-" where there is none).

    Balanced accuracy has one only where it says more than accuracy.
    """
    metrics = run.metrics
    validation, test, known = getattr(metrics, "val", Scores()), metrics.test, intervals(run)
    return [[label, show(key, getattr(validation, key)) if key in validation else "-", show(key, getattr(test, key)),
             show_interval(key, known[key]) if key in known else "-"]
            for key, label in headings("summary").items()
            if key in test and (key != "balanced_accuracy" or shows_balanced_accuracy(run))]


def shows_balanced_accuracy(run: RunResults) -> bool:
    """Whether it stands beside accuracy: the run's test classes are uneven, and it was judged since there is one."""
    test = run.metrics.test
    return "balanced_accuracy" in test and uneven(row.support for row in test.per_class)


def remarks(run: RunResults) -> list[str]:
    """What to know of the scores; empty for a run judged before there were remarks."""
    return [remark for scores in (getattr(run.metrics, "val", Scores()), run.metrics.test) for remark in scores.remarks]


def intervals(run: RunResults) -> dict[str, Interval]:
    """The intervals of the test scores by name; empty for a run judged before there were any."""
    return run.metrics.test.intervals


def per_class(run: RunResults) -> list[Row]:
    """A row a class: name, precision, recall, F1, pictures, and the class it is most often taken for."""
    test = run.metrics.test
    return [[row.class_, row.precision, row.recall, row.f1, row.support, _taken_for(label, counts, run.spec.classes)]
            for label, (row, counts) in enumerate(zip(test.per_class, test.confusion, strict=True))]


def _taken_for(label: int, counts: Sequence[int], classes: Sequence[str]) -> str:
    others = [(count, name) for other, (count, name) in enumerate(zip(counts, classes, strict=True)) if other != label]
    count, name = max(others, key=lambda other: other[0], default=(0, ""))
    return f"{name} ({count:,})" if count else "none"


def about(run: RunResults) -> Pairs:
    """Which model this is and how its weights came about."""
    metrics, spec, recipe = run.metrics, run.spec, run.recipe
    arguments = ", ".join(f"{key}={value}" for key, value in spec.arguments.items())
    return [
        ("Run", run.name),
        ("Recipe", metrics.recipe or "-"),
        ("Model", f"{spec.name} ({arguments})" if arguments else spec.name),
        ("Parameters", f"{metrics.parameters:,}"),
        ("Input", f"{spec.image_size} x {spec.image_size} pixels, {spec.channels} channel"
                  f"{'s' if spec.channels > 1 else ''}; {_views(spec.views)}"),
        ("Classes", f"{len(spec.classes)}: {', '.join(spec.classes)}"),
        ("Trained", f"{metrics.epochs} of at most {recipe.epochs} epochs, {metrics.steps:,} steps; ended "
                    f"because: {metrics.stopped}"),
        ("Weights", f"{metrics.weights} (chosen by {metrics.weights_chosen_by})"),
        ("Seed", str(metrics.seed)),
    ]


def _views(count: int) -> str:
    return "a picture is judged once" if count == 1 else f"the mean of {count} views of a picture is judged"


def data(run: RunResults) -> Pairs:
    """What it was trained and judged on."""
    record = run.environment["data"]
    return [
        ("Data set", run.recipe.data.dataset),
        ("Read from", record["source"]),
        ("Fitted on", f"{record['train']:,} pictures"),
        ("Validation", f"{record['validation']:,} pictures held out of the training set" if record["validation"] else
         "none held out"),
        ("Test", f"{run.metrics.test.n:,} pictures, {opened(run)}"),
        ("SHA-256 of the training set", record["sha256"]),
        ("SHA-256 of the split", record["split_sha256"]),
    ]


def opened(run: RunResults) -> str:
    """How often the run's test pictures were opened, for a protocol that counts it."""
    recorded = readings(run.folder)
    if not recorded:
        return "when they were opened is not recorded"
    often = "once" if len(recorded) == 1 else f"{len(recorded)} times"
    return f"opened {often}, {'' if len(recorded) == 1 else 'last '}on {recorded[-1].when[:10]}"


def openings(run: RunResults) -> list[Row]:
    """A row for each time that the test pictures were opened: when, who, why."""
    return [[reading.when, reading.who, reading.why] for reading in readings(run.folder)]


def environment(run: RunResults) -> Pairs:
    """Machine, software and the choices made for them with their reasons."""
    record = run.environment
    machine = record["machine"]
    return [
        ("Processor", f"{machine['processor']}, {machine['cores']} cores"),
        ("GPU", ", ".join(machine["gpus"]) or "none"),
        ("Memory", f"{machine['memory_gib']} GiB"),
        ("System", machine["system"]),
        ("Device", record["why"].get("device", record["device"])),
        ("Number format", record["why"].get("precision", record["precision"])),
        ("Threads", record["why"].get("threads", str(record["threads"]))),
        ("Processes", str(record["processes"])),
        ("Commit", record["commit"] or "not a git checkout"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in record["versions"].items())),
    ]


def reproduce(run: RunResults) -> list[str]:
    """The commands that make this run again, from the code to the scores."""
    commit = (run.environment["commit"] or "").removesuffix("+changes")
    lines = [f"git checkout {commit}"] if commit else []
    # The kept recipe is the whole recipe: the seed, overrides and limits of the command line are in it.
    skip = " --skip-unreadable" if run.environment["data"]["skip_unreadable"] else ""
    return [*lines, shlex.join(["fashionlab", "train", str(run.folder.recipe)]) + skip]


def caveats(run: RunResults) -> list[str]:
    """Why making it again may end elsewhere."""
    record = run.environment
    sentences = []
    if record["commit"] is None:
        sentences.append(f"The commit is not known; the code was fashionlab {record['versions']['fashionlab']}.")
    elif record["commit"].endswith("+changes"):
        sentences.append("The code held changes that are in no commit.")
    if record["device"] != "cpu":
        sentences.append("On a GPU the same seed gives nearly, not exactly, the same weights.")
    else:
        sentences.append(f"On the CPU the same seed gives the same weights bit for bit with the same versions, "
                         f"processor and number of threads ({record['threads']}).")
    if record["processes"] > 1:
        sentences.append(f"It was trained by {record['processes']} processes (torchrun); another number ends "
                         "elsewhere.")
    if "out of time" in run.metrics.stopped:
        sentences.append("Training ended by the clock; another machine gets further or less far.")
    if "a callback" in run.metrics.stopped:
        sentences.append("A callback of the program that trained it ended the training; the recipe alone goes on.")
    return sentences


def cost(run: RunResults) -> Pairs:
    """Size, arithmetic, time and memory; of prediction only where it was measured (see `evaluation.cost`)."""
    metrics = run.metrics
    pairs = [
        ("Parameters", f"{metrics.parameters:,}"),
        ("Training", f"{seconds(metrics.train_seconds)}, without validation; "
                     f"{metrics.images_per_second:,.0f} pictures a second"),
    ]
    return [*pairs, *(_prediction_cost(metrics.cost) if metrics.cost else [])]


def _prediction_cost(measured: Cost) -> Pairs:
    prediction = measured.prediction
    latency = [(f"Latency of {_pictures(batch)}", f"{value.median:.2f} ms median, {value.p99:.2f} ms 99th "
                f"percentile of {value.repetitions} repetitions")
               for batch, value in prediction.latency_ms.items()]
    speed = [(f"Prediction, {_pictures(batch)} at once", f"{value:,.0f} pictures a second")
             for batch, value in prediction.images_per_second.items()]
    return [
        ("Multiply-accumulates", f"{measured.macs:,} a picture and view"),
        ("Weights as a file", f"{measured.weight_bytes / 1e6:.2f} MB"),
        *latency, *speed,
        ("Memory for prediction", f"{prediction.peak_bytes / 1e6:.1f} MB of tensors at most with 256 pictures at "
                                  "once, weights not counted"),
        ("Prediction measured on", f"{measured.machine}, {measured.threads} threads, {measured.precision}"),
    ]


def _pictures(batch: str) -> str:
    return "1 picture" if batch == "1" else f"{int(batch):,} pictures"


def lead(run: RunResults) -> str:
    """One sentence on what this is."""
    recipe = run.metrics.recipe
    network = f"the network “{run.spec.name}” trained on {run.recipe.data.dataset}, {len(run.spec.classes)} classes."
    return f"{recipe[0].upper()}{recipe[1:]}: {network}" if recipe else network.capitalize()


def limits(run: RunResults) -> list[str]:
    """What to be careful about, as far as it was measured."""
    metrics, sentences = run.metrics, []
    weakest = min((row for row in per_class(run) if row[4]), key=lambda row: row[3])
    sentences.append(f"Weakest class: {weakest[0]} (F1 {weakest[3]:.4f} on {weakest[4]:,} test pictures), most often "
                     f"taken for {weakest[5]}.")
    sentences.extend(remarks(run))
    sentences.append("It gives one of its classes to any picture, also to what is none of them.")
    sentences.append(f"One run with one seed ({metrics.seed}): another seed gives a slightly different network; the "
                     "intervals here are about the test pictures, not about seeds.")
    if metrics.weights == "best":
        sentences.append("The weights were chosen on the validation split, so the validation scores flatter it.")
    if not metrics.robustness:
        sentences.append("How it holds up on noisy, blurred or shifted pictures was not measured.")
    if not metrics.outliers:
        sentences.append("How well it tells outliers, pictures of none of its classes, was not measured.")
    return sentences


def summary(run: RunResults) -> str:
    """The key figures of an evaluated run in five lines, six where the classes are uneven."""
    metrics, test = run.metrics, run.metrics.test
    validation = "-" if metrics.val_accuracy is None else f"{metrics.val_accuracy:.2%}"
    balanced = (f"balanced accuracy    {test.balanced_accuracy:.2%}  (mean over the test classes, which are uneven)\n"
                if shows_balanced_accuracy(run) else "")
    return (f"test accuracy        {test.accuracy:.2%}  (macro F1 {test.macro_f1:.4f}, ECE {test.ece:.4f})\n{balanced}"
            f"validation accuracy  {validation}\n"
            f"training time        {metrics.train_seconds:.1f} s for {metrics.epochs} epochs, "
            f"{metrics.images_per_second:,.0f} pictures/s, {metrics.parameters:,} parameters\n"
            f"weights              {metrics.weights} (chosen by {metrics.weights_chosen_by})\n"
            f"run folder           {metrics.run}")
