"""The outlier scores of a run: what is fitted on what, and that the figures follow from the answers."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fashionlab.common import runtime
from fashionlab.common.errors import DataError, UsageError
from fashionlab.data.held_out import load_test
from fashionlab.evaluation.outlier_run import Network, outlier_run
from fashionlab.evaluation.outlier_sets import OUTLIER_SETS
from fashionlab.evaluation.outliers import SCORES, Detector
from fashionlab.runs.folder import open_run
from fashionlab.runs.model import load_model
from fashionlab.runs.pictures import training_pictures
from run_folders import forget_test_pictures
from toys import idx_bytes


@pytest.fixture(scope="module")
def judged(toy_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with outliers.json, on a copy of its data of its own, with white squares as a given outlier set."""
    folder = tmp_path_factory.mktemp("outliers")
    run, data = Path(shutil.copytree(toy_run, folder / "run")), folder / "data"
    recipe = run / "recipe.yaml"
    lines = recipe.read_text().splitlines()
    dataset = next(line.split(":", 1)[1].strip() for line in lines if line.strip().startswith("dataset:"))
    shutil.copytree(dataset, data)
    recipe.write_text(recipe.read_text().replace(dataset, str(data)))
    squares = np.zeros((60, 9, 9), dtype=np.uint8)
    squares[:, 2:7, 2:7] = 255
    np.savez(folder / "squares.npz", x_train=squares, y_train=np.arange(60) % 2, x_test=squares[:30],
             y_test=np.arange(30) % 2)
    outlier_run(run, [str(folder / "squares.npz")], device="cpu")
    return run


def read(run: Path, name: str = "outliers.json") -> dict:
    return json.loads((run / name).read_text())


def test_every_score_is_judged_on_every_set(judged: Path) -> None:
    record = read(judged)
    assert (record["fitted"], record["validation"], record["n"]) == (500, 100, 200)
    assert list(record["sets"]) == [*OUTLIER_SETS, "squares.npz"]
    assert record["sets"]["squares.npz"]["n"] == 30 and record["sets"]["digits"]["n"] == 1000
    for row in record["sets"].values():
        assert list(row["scores"]) == list(SCORES)
        for one in row["scores"].values():
            for interval in one.values():
                assert 0 <= interval["low"] <= interval["estimate"] <= interval["high"] <= 1
    summary = read(judged, "metrics.json")["outliers"]
    assert summary["best"] == record["best"] == max(record["choice"], key=record["choice"].get)
    digits = record["sets"]["digits"]["scores"]["energy"]
    assert summary["sets"]["digits"]["energy"] == {key: digits[key]["estimate"] for key in ("auroc", "fpr95")}


def test_figures_follow_from_the_answers(judged: Path) -> None:
    """The given set, whose pictures are the same in every draw, scored by hand."""
    run = open_run(judged)
    cpu = runtime.choose("cpu", "float32")
    network = Network(*load_model(run, cpu.device), cpu)
    record, test = read(judged), load_test(str(judged.parent / "data"))
    training, split = training_pictures(run)
    squares = np.load(judged.parent / "squares.npz")["x_test"]
    outliers = load_test(str(judged.parent / "squares.npz"), image_size=28, channels=1)
    assert len(outliers) == len(squares)
    row = record["sets"]["squares.npz"]
    for name in ("max-softmax", "energy"):
        known, unlike = (SCORES[name].outlier_score(network.answers(one), {}) for one in (test, outliers))
        truth = np.r_[np.zeros(len(known)), np.ones(len(unlike))]
        assert row["scores"][name]["auroc"]["estimate"] == pytest.approx(roc_auc_score(truth, np.r_[known, unlike]))
        limit = np.sort(known)[int(np.ceil(0.95 * len(known))) - 1]
        assert row["scores"][name]["fpr95"]["estimate"] == np.mean(unlike <= limit)
    detector = Detector.load(judged / "outlier_detector.npz")
    assert (detector.score, detector.threshold) == (record["best"], record["threshold"])
    passed = ~detector.is_outlier(network.answers(training, split.validation))
    assert 0.95 <= passed.mean() < 0.97
    assert record["accepted"]["estimate"] == np.mean(~detector.is_outlier(network.answers(test)))
    assert row["accepted"]["estimate"] == np.mean(~detector.is_outlier(network.answers(outliers)))


def test_the_test_split_has_no_part_in_fitting_and_choosing(judged: Path, tmp_path: Path) -> None:
    before, detector = read(judged), (judged / "outlier_detector.npz").read_bytes()
    data = judged.parent / "data" / "t10k-images-idx3-ubyte.gz"
    images = np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)
    data.write_bytes(gzip.compress(idx_bytes(images)))
    forget_test_pictures(judged)
    after = outlier_run(judged, [str(judged.parent / "squares.npz")], device="cpu")
    for key in ("choice", "best", "threshold"):
        assert after[key] == before[key]
    assert np.load(judged / "outlier_detector.npz").files == list(np.load(_file(tmp_path, detector)).files)
    for name in np.load(judged / "outlier_detector.npz").files:
        np.testing.assert_array_equal(np.load(judged / "outlier_detector.npz")[name], np.load(tmp_path / "d.npz")[name])
    assert after["accepted"] != before["accepted"], "but it is what is judged"


def _file(folder: Path, content: bytes) -> Path:
    (folder / "d.npz").write_bytes(content)
    return folder / "d.npz"


def test_a_run_without_validation_pictures_is_refused(toy_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(toy_run, tmp_path / "run"))
    np.savez(run / "split.npz", train=np.arange(600), validation=np.arange(0))
    with pytest.raises(UsageError, match=r"data\.validation"):
        outlier_run(run, device="cpu")
    (run / "split.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"split\.npz"):
        outlier_run(run, device="cpu")
    assert not (run / "outliers.json").exists()
