"""What every registered figure must be, on a run of ten classes and on an awkward one: long names, colour, mixing."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure as Sheet
from matplotlib.text import Text
from PIL import Image

from fashionlab.common.files import write_json
from fashionlab.report import style
from fashionlab.report.figures import FIGURES
from fashionlab.report.figures.base import SECTIONS, in_order
from fashionlab.report.inputs import ReportInputs
from fashionlab.runs.results import load_results
from toy_runs import train, write_two_classes

RUNS = ("ten classes", "two classes")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def runs(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReportInputs]:
    folder = tmp_path_factory.mktemp("figures")
    few = ("data.validation=40", "batch_size=20")
    ten = train(folder / "ten", toy_data, "three-cnn", "data.validation=100", "data.limit=300", "epochs=2",
                "averaging.name=ema", "schedule.name=step", "schedule.every=1", "early_stopping.patience=1",
                "augment=[{name: flip}, {name: rotation, degrees: 20}]")
    two = train(folder / "two", write_two_classes(folder / "two.npz"), "three-linear", *few, "epochs=1",
                "augment=[{name: mixup, alpha: 1.0}]")
    for run in (ten, two):
        write_json(run / "robustness.json", robustness())
        write_json(run / "outliers.json", outliers())
    return {name: ReportInputs(load_results(run), device="cpu") for name, run in zip(RUNS, (ten, two), strict=True)}


def point(share: float) -> dict[str, float]:
    return {"estimate": share, "low": share - 0.02, "high": share + 0.01, "level": 0.95}


def outliers() -> dict[str, Any]:
    """In the form that evaluation.outlier_run writes."""
    scores = {name: {"auroc": point(0.6 + 0.1 * place), "fpr95": point(0.7 - 0.2 * place)}
              for place, name in enumerate(("max-softmax", "energy", "neighbours"))}
    sets = {name: {"n": 1000, "source": name, "scores": scores, "accepted": point(0.4)}
            for name in ("digits", "a data set with a very long name of its own")}
    return {"n": 200, "choice": {name: 0.9 for name in scores}, "best": "energy", "sets": sets}


def robustness() -> dict[str, Any]:
    """In the form that evaluation.robustness writes."""
    corruptions = {name: {"unit": "pixels", "strengths": [1, 2, 3, 4, 5],
                          "accuracy": [point(0.9 - 0.1 * place - 0.04 * severity) for severity in range(5)]}
                   for place, name in enumerate(("noise", "blur", "shear", "scale", "rotation", "JPEG"))}
    return {"n": 200, "seed": 0, "views": 1, "clean": point(0.93), "corruptions": corruptions,
            "mean_corruption_accuracy": 0.57}


def test_there_are_figures() -> None:
    positions = [(entry.section, entry.order) for entry in in_order()]
    assert len(positions) >= 17 and len(set(positions)) == len(positions)
    assert {section for section, _ in positions} <= set(SECTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES.names())
def test_a_figure_of_ten_classes(name: str, runs: dict[str, ReportInputs], tmp_path: Path) -> None:
    inputs, entry = runs["ten classes"], FIGURES[name]
    assert entry.why_not(inputs) is None and entry.applicable(inputs)
    figure = entry.draw(inputs)
    check_texts(figure, map_of_points=name == "feature_map")
    style.save(figure, tmp_path / "figure.png", "png")
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width >= 600 and np.asarray(image.convert("L")).std() > 1
    caption = entry.caption(inputs)
    assert len(caption) > 40 and caption.endswith(".") and "\n" not in caption and "nan" not in caption


@pytest.mark.parametrize("name", FIGURES.names())
def test_a_figure_of_two_classes_with_long_names(name: str, runs: dict[str, ReportInputs], tmp_path: Path) -> None:
    inputs, entry = runs["two classes"], FIGURES[name]
    assert entry.why_not(inputs) is None
    paths = tmp_path / "1.svg", tmp_path / "2.svg"
    for path in paths:
        figure = entry.draw(inputs)
        style.save(figure, path, "svg")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    check_texts(figure, map_of_points=name == "feature_map")
    written = [node.text or "" for node in ElementTree.parse(paths[0]).iter(f"{SVG}text")]
    note = next(text for text in written if "run two" in text)  # text stays text
    assert "n = " in note and "split" in note
    caption = entry.caption(inputs)
    assert len(caption) > 40 and caption.endswith(".") and "\n" not in caption and "nan" not in caption


class Recorder(RendererAgg):
    """Draws, and remembers the texts that were really drawn (an axis has more of them)."""

    def __init__(self, figure: Sheet) -> None:
        super().__init__(figure.bbox.width, figure.bbox.height, figure.dpi)
        self.texts: list[Text] = []

    def draw_text(self, gc: Any, x: Any, y: Any, s: Any, prop: Any, angle: Any, ismath: Any = False,
                  mtext: Text | None = None) -> None:
        if mtext is not None and mtext not in self.texts:
            self.texts.append(mtext)
        super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)


def check_texts(figure: Sheet, map_of_points: bool) -> None:
    """No text is cut off at the figure's edge and none covers another, but for 3 pixels: renderers differ."""
    with style.applied():
        recorder = Recorder(figure)
        figure.draw(recorder)
        boxes = [(text, text.get_window_extent(recorder)) for text in recorder.texts]
    assert boxes
    for text, box in boxes:
        assert box.x0 >= -3 and box.x1 <= figure.bbox.width + 3, text.get_text()
        assert box.y0 >= -3 and box.y1 <= figure.bbox.height + 3, text.get_text()
    # The bounding boxes of slanted words overlap though the words do not; names on a map may lie close.
    upright = [one for one in boxes if one[0].get_rotation() in (0, 90)]
    for (one, first), (other, second) in itertools.combinations([] if map_of_points else upright, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert across <= 3 or down <= 3, (one.get_text(), other.get_text())
