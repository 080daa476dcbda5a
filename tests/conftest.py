"""What all tests share: the command line run in this process, and small data sets made on the spot."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # busy machines: see docs/experiments.md
os.environ.setdefault("FASHIONLAB_NO_REPORT", "1")  # drawing takes longer than toy training; see test_report.py
# Tests that imitate a full disk would leave truncated bytecode behind, which breaks every later start.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

import hypothesis
import pytest
import torch

from fashionlab.cli.main import run
from toys import Result, write_toy_data

sys.dont_write_bytecode = True  # in this process too

hypothesis.settings.register_profile("here", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("here")


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """runtime.choose flushes denormals for the whole process; hypothesis draws floats that need them."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`cli("train", "quick", ...)` runs the command in this process, in `tmp_path`, with an empty cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four Fashion-MNIST files in small: 600 training and 200 test pictures. Use with --dataset."""
    return write_toy_data(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def toy_run(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on toy data that gets some pictures wrong, without its report. Copy it before changing it.

    In float32 on every processor, so that tests may hold it against float32 answers.
    """
    runs = tmp_path_factory.mktemp("runs")
    words = ["three-linear", "--dataset", str(toy_data), "--limit-train", "500", "--set", "data.validation=100",
             "--set", "epochs=1", "--set", "optimizer.lr=0.03", "--set", "precision=float32",
             "--runs", str(runs), "--name", "toy", "--quiet"]
    assert run(["train", *words]) == 0
    return runs / "toy"


@pytest.fixture(scope="session")
def toy_artifact(toy_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of `toy_run`, a zip. Copy it before changing it."""
    from fashionlab.deploy import check, export  # slow to import, and few tests need them

    folder = tmp_path_factory.mktemp("artifacts")
    run_folder = shutil.copytree(toy_run, folder / "toy")
    (run_folder / "model_card.md").write_text("# Model card: toy\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_SECONDS", 0.0)  # times are measured, but not well
        patch.setattr(check, "_REPETITIONS", (5, 5))
        export.export_run(run_folder, export.Options(folder / "toy.zip"))
    return folder / "toy.zip"


@pytest.fixture(scope="session")
def toy_report(toy_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a copy of `toy_run`, whose robustness was measured. Change nothing in its folder."""
    from fashionlab.evaluation.robustness import robustness_run  # slow to import, and few tests need them
    from fashionlab.report.page import write_report

    folder = shutil.copytree(toy_run, tmp_path_factory.mktemp("reported") / "toy")
    robustness_run(folder)
    return write_report(folder)
