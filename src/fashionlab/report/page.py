"""The page of a run: one HTML file with everything that is known about it."""

from __future__ import annotations

from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.files import write_text
from fashionlab.evaluation.cost import cost
from fashionlab.report import facts, trust
from fashionlab.report.figures import Gallery, draw_all
from fashionlab.report.figures.base import SECTIONS
from fashionlab.report.html import embedded, render
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.mistakes import mistakes
from fashionlab.report.model_card import write_model_card
from fashionlab.report.sample_predictions import write_sample_predictions
from fashionlab.runs.metrics import Metrics
from fashionlab.runs.results import RunResults, load_results

CSS_PIXELS_AN_INCH = 96
_HEADINGS = (("summary", "Summary"), ("training", "Training"), ("results", "Classes"), ("mistakes", "Mistakes"),
             ("calibration", "Calibration"), ("robustness", "Robustness"), ("network", "The network"), ("cost", "Cost"),
             ("reproduce", "How to reproduce"))


def write_report(folder: Path, *, data_dir: Path | None = None, device: str = "auto",
                 helper: Pool | None = None) -> Path:
    """Write report.html, model_card.md, sample_predictions.txt and figures/ into the folder of a run.

    Returns the page's path. What the run has not measured is said on the page; the cost of prediction is measured here
    if it was not yet. helper: see `draw_all`. Raises DataError for a folder that is no run, has not finished, or was
    never judged on test.
    """
    run = load_results(folder)
    _check(run)
    no_cost = _measure_cost(run, device)
    run = load_results(folder)  # with the cost
    inputs = ReportInputs(run, data_dir, device)
    gallery = draw_all(inputs, helper=helper)
    page = folder / "report.html"
    write_text(page, render("run.html", **_context(run, inputs, gallery), no_cost=no_cost))
    write_model_card(run, gallery, no_cost)
    write_sample_predictions(run)
    return page


def _check(run: RunResults) -> None:
    """The page is about a finished run that was judged on test; these say what to do where it is not."""
    # Read now, so that what is missing or broken is named before anything is measured or drawn.
    _ = run.metrics.test, run.test, run.history, run.environment, run.spec, run.recipe


def _measure_cost(run: RunResults, device: str) -> str | None:
    """Have metrics.json hold the cost; the reason if that cannot be."""
    try:
        cost(run, device)
    except DataError as error:
        return str(error)
    return None


def _context(run: RunResults, inputs: ReportInputs, gallery: Gallery) -> dict[str, Any]:
    """Everything that the template run.html shows."""
    metrics = run.metrics
    shown = _mistakes(run, inputs)  # first: it opens the test pictures, and the page lists every opening
    return {
        "name": run.name, "folder": str(run.folder.path), "version": run.environment["versions"]["fashionlab"],
        "lead": facts.lead(run), "n": metrics.test.n,
        "tiles": _tiles(run), "about": facts.about(run), "data": facts.data(run),
        **_scores(run), **_history(run), **_per_class(run), **_openings(run), **shown,
        "calibration": trust.calibration(run), "no_calibration": trust.why_no_calibration(run),
        "robustness": trust.robustness(run), "outliers": trust.outliers(run),
        "cost": facts.cost(run),
        "command": run.folder.command.read_text(encoding="utf-8").strip() if run.folder.command.is_file() else "",
        "reproduce": facts.reproduce(run), "caveats": facts.caveats(run), "environment": facts.environment(run),
        "recipe": run.folder.recipe.read_text(encoding="utf-8"),
        "drawn": _figures(gallery), "left_out": list(gallery.left_out.values()),
        "sections": [*_HEADINGS, *([("left-out", "Not shown")] if gallery.left_out else [])],
    }


def _tiles(run: RunResults) -> list[dict[str, str]]:
    """The key figures, each with what it needs to be read rightly."""
    metrics, test = run.metrics, run.metrics.test
    intervals = facts.intervals(run)

    def note(name: str, else_: str) -> str:
        return f"95% interval {facts.show_interval(name, intervals[name])}" if name in intervals else else_

    tiles = [
        {"label": "Test accuracy", "value": facts.show("accuracy", test.accuracy),
         "note": note("accuracy", f"n = {test.n:,}")},
        {"label": "Macro F1, test", "value": facts.show("macro_f1", test.macro_f1),
         "note": note("macro_f1", f"n = {test.n:,}")},
        {"label": "ECE, test", "value": facts.show("ece", test.ece), "note": _after_calibration(metrics)},
        {"label": "Parameters", "value": f"{metrics.parameters:,}", "note": f"network “{run.spec.name}”"},
        {"label": "Training time", "value": facts.seconds(metrics.train_seconds),
         "note": f"{metrics.epochs} epochs, {metrics.images_per_second:,.0f} pictures/s"},
    ]
    if facts.shows_balanced_accuracy(run):
        tiles.insert(1, {"label": "Balanced accuracy, test",
                         "value": facts.show("balanced_accuracy", test.balanced_accuracy),
                         "note": note("balanced_accuracy", "the mean recall of the classes, which are uneven")})
    if "val" in metrics:
        validation = {"label": "Validation accuracy", "value": facts.show("accuracy", metrics.val.accuracy),
                      "note": f"n = {metrics.val.n:,}, held out of training"}
        tiles.insert(1, validation)
    return tiles


def _after_calibration(metrics: Metrics) -> str:
    calibration = metrics.calibration
    after = f"{calibration.methods['temperature']['ece'].estimate:.4f} after" if calibration else "before"
    return f"{after} temperature scaling"


def _columns(*labels: str, texts: tuple[int, ...] = (0,)) -> list[dict[str, Any]]:
    """Columns of numbers, but for those at the positions `texts`."""
    return [{"label": label, "number": index not in texts} for index, label in enumerate(labels)]


def _scores(run: RunResults) -> dict[str, Any]:
    return {"scores": facts.scores(run), "remarks": facts.remarks(run),
            "score_columns": _columns("Score", "Validation", "Test", "95% interval")}


def _openings(run: RunResults) -> dict[str, Any]:
    return {"openings": facts.openings(run), "opening_columns": _columns("When (UTC)", "Who", "Why", texts=(0, 1, 2))}


def _history(run: RunResults) -> dict[str, Any]:
    """The rows of metrics.csv as the page's table has them."""
    shown = (("train_loss", ".4f"), ("train_accuracy", ".2%"), ("val_loss", ".4f"), ("val_accuracy", ".2%"),
             ("lr", ".4g"), ("seconds", ".1f"), ("images_per_second", ",.0f"))
    rows = [[f"{row['epoch']:.0f}", *("-" if row[key] is None else format(row[key], form) for key, form in shown)]
            for row in run.history]
    return {"history": rows, "history_columns": _columns("Epoch", "Training loss", "Training accuracy",
                                                         "Validation loss", "Validation accuracy", "Learning rate",
                                                         "Seconds", "Pictures/s", texts=())}


def _per_class(run: RunResults) -> dict[str, Any]:
    rows = [[name, *({"text": f"{value:.4f}", "sort": value} for value in (precision, recall, f1)),
             {"text": f"{support:,}", "sort": support}, taken_for]
            for name, precision, recall, f1, support, taken_for in facts.per_class(run)]
    return {"per_class": rows, "class_columns": _columns("Class", "Precision", "Recall", "F1", "Pictures",
                                                         "Most often taken for", texts=(0, 5))}


def _mistakes(run: RunResults, inputs: ReportInputs) -> dict[str, Any]:
    wrong = int((run.test.predicted != run.test.labels).sum())
    text = f"{wrong:,} of {len(run.test.labels):,} test pictures were given a wrong class."
    filters = [{"key": "true", "label": "True class", "options": run.spec.classes},
               {"key": "predicted", "label": "Predicted class", "options": run.spec.classes}]
    try:
        shown = mistakes(run.test, inputs.pictures)
    except DataError as error:
        return {"mistakes": None, "mistake_filters": filters, "mistakes_text": f"{text} They cannot be shown: {error}."}
    unit = "mistakes"
    if shown.total > len(shown.items):
        unit = "most confident mistakes"
        text += f" The {len(shown.items):,} most confident are here."
    if shown.items:
        text += " The most confident come first, each with the probability of the predicted and of the true class."
    return {"mistakes": shown, "mistake_filters": filters, "mistake_unit": unit, "mistakes_text": text}


def _figures(gallery: Gallery) -> dict[str, list[dict[str, Any]]]:
    """The drawn figures by section, embedded, at the size they were drawn in: type is as large in all of them."""
    by_section: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS}
    for figure in gallery.drawn:
        with Image.open(figure.files["png"]) as picture:
            dots = picture.info["dpi"][0]
            width, height = (round(side * CSS_PIXELS_AN_INCH / dots) for side in picture.size)
        by_section[figure.section].append({"title": figure.title, "caption": figure.caption,
                                           "uri": embedded(figure.files["png"]), "width": width, "height": height})
    return by_section
