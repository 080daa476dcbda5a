"""A small convolutional run and its artifact, made once: exporting takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fashionlab.cli.main import run
from fashionlab.deploy import check, export
from fashionlab.deploy.formats import int8


@pytest.fixture(scope="session")
def cnn_run(toy_data: Path, shared: Callable[..., Path]) -> Path:
    """A finished run of a network with five convolutions and two views, in float32. Copy it before changing it."""
    return shared("cnn-runs", lambda runs: _train(toy_data, runs)) / "cnn"


def _train(toy_data: Path, runs: Path) -> None:
    words = ["quick", "--dataset", str(toy_data), "--limit-train", "500", "--set", "data.validation=100", "--set",
             "model.widths=[8, 16]", "--set", "batch_size=50", "--set", "precision=float32",
             "--runs", str(runs), "--name", "cnn", "--quiet"]
    assert run(["train", *words]) == 0
    (runs / "cnn" / "model_card.md").write_text("# Model card: cnn\n\nGood.\n\n![A](figures/a.png)\n\n*Caption.*\n")


@pytest.fixture(scope="session")
def artifact(cnn_run: Path, shared: Callable[..., Path]) -> Path:
    """The folder of an artifact of `cnn_run` with all graphs. Copy it before changing it."""
    return shared("cnn-artifacts", lambda folder: _export(cnn_run, folder / "cnn")) / "cnn"


def _export(cnn_run: Path, target: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_SECONDS", 0.0)  # times are measured, but not well
        patch.setattr(check, "_REPETITIONS", (5, 5))
        patch.setattr(int8, "CALIBRATION", 100)
        export.export_run(cnn_run, export.Options(target, ("int8", "pt2")))
