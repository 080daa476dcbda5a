"""`fashionlab evaluate --robustness --outliers` as a person uses it, on a toy run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fashionlab.evaluation.outliers import SCORES


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_run, tmp_path / "run"))


@pytest.fixture
def others(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "others.npz", x_train=draw.integers(0, 256, (40, 20, 20, 3), dtype=np.uint8),
             y_train=np.arange(40) % 2)
    return tmp_path / "others.npz"


def test_json_holds_everything_and_the_folder_keeps_it(cli, run, others):
    result = cli("evaluate", run, "--robustness", "--outliers", "--outlier-set", others, "--json")
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert told["accuracy"] and told["n"] == 200
    assert told["robustness"] == json.loads((run / "robustness.json").read_text())
    assert told["outliers"] == json.loads((run / "outliers.json").read_text())
    assert "others.npz" in told["outliers"]["sets"]
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["robustness"]["clean_accuracy"] == told["robustness"]["clean"]["estimate"]
    assert metrics["outliers"]["best"] == told["outliers"]["best"]
    assert (run / "outlier_detector.npz").is_file()
    assert not list(run.rglob("*.part"))


def test_tables_and_naming_an_outlier_set_is_enough(cli, run, others):
    result = cli("evaluate", run, "--robustness", "--outlier-set", others)
    assert result.code == 0, result.err
    for word in ("corruption", "rotation", "jpeg", "mean corruption accuracy", "AUROC", "digits", "others.npz",
                 "FPR at 95 %", "kept: ", *SCORES):
        assert word in result.out
    tables = result.out.partition("Accuracy under corruption")[2]
    assert max(map(len, tables.splitlines())) <= 120
    assert "outliers: fitting" in result.err


def test_wrong_use_is_told_before_anything_is_judged(cli, run, tmp_path):
    before = (run / "metrics.json").read_bytes()
    result = cli("evaluate", run, "--split", "val", "--robustness")
    assert result.code == 2 and "test split" in result.err
    result = cli("evaluate", run, "--outlier-set", tmp_path / "nowhere.npz")
    assert result.code == 3 and "nowhere.npz" in result.err
    result = cli("evaluate", run, "--outlier-set", "kmnits")
    assert result.code == 2 and "kmnist" in result.err
    result = cli("evaluate", tmp_path / "nowhere", "--robustness")
    assert result.code == 3 and "no such run folder" in result.err
    assert (run / "metrics.json").read_bytes() == before
