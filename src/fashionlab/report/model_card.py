"""The model card of a run in Markdown (Mitchell et al., "Model Cards for Model Reporting", 2019)."""

from __future__ import annotations

from pathlib import Path

from fashionlab.common.files import write_text
from fashionlab.report import facts, trust
from fashionlab.report.figures import Gallery
from fashionlab.report.html import render
from fashionlab.runs.results import RunResults


def write_model_card(run: RunResults, gallery: Gallery, no_cost: str | None) -> Path:
    """Write model_card.md into the run's folder, with the figures of `gallery`; returns its path.

    metrics.json must hold "test". no_cost: why it does not hold "cost".
    """
    folder = run.folder.path
    path = folder / "model_card.md"
    figures = [{"title": figure.title, "section": figure.section, "caption": figure.caption,
                "path": figure.files["png"].relative_to(folder).as_posix()} for figure in gallery.drawn]
    write_text(path, render(
        path.name, name=run.name, folder=folder, lead=facts.lead(run), dataset=run.recipe.data.dataset,
        size=run.spec.image_size, channels=run.spec.channels, classes=run.spec.classes, n=run.metrics.test.n,
        about=facts.about(run), data=facts.data(run), scores=facts.scores(run), per_class=_per_class(run),
        calibration=trust.calibration(run), no_calibration=trust.why_no_calibration(run),
        robustness=trust.robustness(run), outliers=trust.outliers(run),
        limits=facts.limits(run), cost=facts.cost(run), no_cost=no_cost, reproduce=facts.reproduce(run),
        caveats=facts.caveats(run), environment=facts.environment(run), drawn=figures,
        left_out=list(gallery.left_out.values())))
    return path


def _per_class(run: RunResults) -> list[list[str]]:
    return [[name, *(f"{score:.4f}" for score in (precision, recall, f1)), f"{support:,}", taken_for]
            for name, precision, recall, f1, support, taken_for in facts.per_class(run)]
