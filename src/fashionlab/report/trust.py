"""How far a run can be trusted, as tables for its page and its card: calibration, prediction sets, corrupted pictures,
outliers. Everything is read from metrics.json; what a run lacks gives no table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fashionlab.common.records import Interval
from fashionlab.evaluation.metrics import METRICS, headings
from fashionlab.runs.results import RunResults

_METHODS = {"none": "As the network says", "temperature": "Temperature", "vector": "Vector scaling",
            "isotonic": "Isotonic"}
_SETS = {"lac": "least ambiguous (LAC)", "aps": "adaptive (APS)"}


@dataclass(frozen=True)
class Measured:
    """A table: a heading for each column, of which the first names the row, and the cells as text. text: what to know
    beside it."""

    caption: str
    headings: list[str]
    rows: list[list[str]]
    text: str = ""

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The columns as the macro `table` takes them."""
        return [{"label": label, "number": index > 0} for index, label in enumerate(self.headings)]


def calibration(run: RunResults) -> list[Measured]:
    """Scores of the probabilities before and after each method, and prediction sets."""
    tables = []
    learned, conformal = run.metrics.calibration, run.metrics.conformal
    if learned:
        methods = learned.methods
        rows = [[heading, *(_with_interval(method[figure], METRICS[figure].is_share) for method in methods.values())]
                for figure, heading in headings("calibration").items() if figure in methods["none"]]
        warmer = learned.temperature > 1
        tables.append(Measured(
            f"Probabilities before and after calibration, test split, n = {learned.n:,}, with 95% intervals",
            ["Score", *(_METHODS.get(str(name), str(name)) for name in methods)], rows,
            f"Learned on the {learned.fitted_n:,} validation pictures alone. The temperature is "
            f"{learned.temperature:.4f}: the network is {'too sure' if warmer else 'not sure enough'} of itself."))
    if conformal:
        rows = [[f"{_SETS.get(row.method, row.method)}, {row.promised:.0%}",
                 _with_interval(row.coverage, is_share=True), f"{row.mean_size:.4f}", f"{row.singletons:.2%}",
                 f"{row.empty:.2%}", f"{row.worst_class.class_} ({row.worst_class.coverage:.2%})"]
                for row in conformal.sets]
        tables.append(Measured(
            f"Prediction sets (split conformal), test split, n = {conformal.n:,}",
            ["Method and promised coverage", "Measured coverage", "Mean size", "One class", "Empty", "Worst class"],
            rows, f"A set holds the true class as often as promised, on average over pictures like these. Thresholds "
            f"come from the {conformal.fitted_n:,} validation pictures."))
    return tables


def why_no_calibration(run: RunResults) -> tuple[str, str | None]:
    """What to say of a run without `calibration`, and the command that changes it."""
    if "calibration" in run.metrics:
        return "Calibration was not measured: the run has no validation predictions to learn it on", None
    return "Calibration was not measured", f"fashionlab evaluate {run.folder.path}"


def robustness(run: RunResults) -> list[Measured]:
    """Accuracy under each corruption at each severity."""
    measured = run.metrics.robustness
    if not measured:
        return []
    severities = range(1, 1 + max(len(row) for row in measured.corruptions.values()))
    rows = [[name, *(f"{accuracy:.2%}" for accuracy in row)]
            for name, row in measured.corruptions.items()]
    return [Measured(
        f"Accuracy on corrupted test pictures by severity, n = {measured.n:,} each",
        ["Corruption", *map(str, severities)], rows,
        f"Clean pictures: {measured.clean_accuracy:.2%}. Mean over corruptions and severities: "
        f"{measured.mean_corruption_accuracy:.2%}. Views a picture: {measured.views}.")]


def outliers(run: RunResults) -> list[Measured]:
    """How well each score tells outliers, on each set of them."""
    measured = run.metrics.outliers
    if not measured:
        return []
    scores = list(next(iter(measured.sets.values())))
    headings = ["Outlier set", *(f"{score} (chosen)" if score == measured.best else score for score in scores)]

    def table(caption: str, key: str, form: str, text: str) -> Measured:
        rows = [[name, *(format(getattr(row[score], key), form) for score in scores)]
                for name, row in measured.sets.items()]
        return Measured(caption, headings, rows, text)

    return [
        table(f"Telling outliers from the {measured.n:,} test pictures by score: AUROC", "auroc", ".4f",
              "Outliers are pictures of none of the classes. 1 is perfect, 0.5 is guessing."),
        table("Share of outliers that pass when 95% of the test pictures do, by score", "fpr95", ".2%",
              f"The score “{measured.best}” was chosen on validation pictures; at the threshold from there "
              f"{measured.accepted:.2%} of the test pictures pass."),
    ]


def _with_interval(interval: Interval, is_share: bool) -> str:
    """ "0.0942 [0.0910, 0.0980]"; a share as percent: "93.88% [93.41, 94.30]"."""
    estimate, low, high = (format(value, ".2%" if is_share else ".4f")
                           for value in (interval.estimate, interval.low, interval.high))
    return f"{estimate} [{low.rstrip('%')}, {high.rstrip('%')}]"
