"""What all tests share: the command line run in this process, and small data sets made on the spot."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as cli.main.entry does, before torch is loaded

import hypothesis
import numpy as np
import pytest

from fashionlab.cli.main import run

hypothesis.settings.register_profile("here", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("here")


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit status and what it printed."""

    code: int
    out: str
    err: str


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


def idx_bytes(array: np.ndarray) -> bytes:
    """`array` (uint8) as an IDX file's bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def toy_pictures(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Learnable pictures uint8 [n, 28, 28] with a bright bar whose place tells the class, and labels uint8 [n]."""
    draw = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.uint8) % 10
    pictures = draw.integers(0, 60, (n, 28, 28), dtype=np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        picture[2 + 2 * label : 6 + 2 * label, 4:24] += 150
    return pictures, labels


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four Fashion-MNIST files in small: 600 training and 200 test pictures. Use with --dataset."""
    folder = tmp_path_factory.mktemp("toy")
    for prefix, n, seed in (("train", 600, 1), ("t10k", 200, 2)):
        pictures, labels = toy_pictures(n, seed)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(pictures)))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    return folder
