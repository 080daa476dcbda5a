"""A small convolutional run and its artifact, made once: exporting takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from fashionlab.cli.main import run
from fashionlab.deploy import check, export
from fashionlab.deploy.formats import int8


@pytest.fixture(scope="package")
def cnn_run(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a network with five convolutions and two views, in float32. Copy it before changing it."""
    runs = tmp_path_factory.mktemp("runs")
    words = ["quick", "--dataset", str(toy_data), "--limit-train", "500", "--set", "data.validation=100", "--set",
             "model.widths=[8, 16]", "--set", "batch_size=50", "--set", "precision=float32",
             "--runs", str(runs), "--name", "cnn", "--quiet"]
    assert run(["train", *words]) == 0
    (runs / "cnn" / "model_card.md").write_text("# Model card: cnn\n\nGood.\n\n![A](figures/a.png)\n\n*Caption.*\n")
    return runs / "cnn"


@pytest.fixture(scope="package")
def artifact(cnn_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an artifact of `cnn_run` with all graphs. Copy it before changing it."""
    target = tmp_path_factory.mktemp("artifacts") / "cnn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_SECONDS", 0.0)  # times are measured, but not well
        patch.setattr(check, "_REPETITIONS", (5, 5))
        patch.setattr(int8, "CALIBRATION", 100)
        export.export_run(cnn_run, export.Options(target, ("int8", "pt2")))
    return target
