"""Outlier scores against scipy, scikit-learn, torch and slow loops; the detector and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import NearestNeighbors

from fashionlab.common.errors import DataError
from fashionlab.evaluation.outliers import SCORES, Answers, Detector, threshold
from fashionlab.evaluation.proportions import auroc

DRAW = np.random.default_rng(0)


def answers(features: np.ndarray, logits: np.ndarray | None = None) -> Answers:
    logits = DRAW.normal(0, 3, (len(features), 4)) if logits is None else logits
    return Answers(logits.astype(np.float32), features.astype(np.float32))


def test_scores_of_logits_against_torch() -> None:
    logits = DRAW.normal(0, 20, (50, 10))
    logits[0] = [2000, *[0] * 9]
    sample = answers(np.zeros((50, 3)), logits)
    double = torch.from_numpy(sample.logits).double()
    np.testing.assert_allclose(SCORES["energy"].outlier_score(sample, {}), -double.logsumexp(1).numpy())
    highest = np.exp(-SCORES["max-softmax"].outlier_score(sample, {}))
    np.testing.assert_allclose(highest, double.softmax(1).amax(1).numpy())


def test_mahalanobis_against_scipy() -> None:
    labels = np.array([0, 2] * 40)  # a class that no picture of the sample has is no mean
    features = (DRAW.normal(size=(80, 5)) @ DRAW.normal(size=(5, 5)) + 3 * labels[:, None]).astype(np.float32)
    fitted = SCORES["mahalanobis"].fit(features, labels)
    means = [features[labels == label].astype(float).mean(0) for label in (0, 2)]
    centred = features - np.stack(means)[labels // 2]
    covariance, _ = ledoit_wolf(centred, assume_centered=True)
    outliers = DRAW.normal(0, 5, (7, 5)).astype(np.float32)
    wanted = [min(mahalanobis(one, mean, np.linalg.inv(covariance)) ** 2 for mean in means) for one in outliers]
    np.testing.assert_allclose(SCORES["mahalanobis"].outlier_score(answers(outliers), fitted), wanted, rtol=1e-6)


@pytest.mark.parametrize("n", [200, 4])
def test_neighbours_against_a_slow_loop_and_scikit_learn(n: int) -> None:
    bank, outliers = DRAW.normal(size=(n, 6)), DRAW.normal(size=(9, 6))
    fitted = SCORES["neighbours"].fit(bank.astype(np.float32), np.zeros(n, np.int64))
    scores = SCORES["neighbours"].outlier_score(answers(outliers), fitted)
    k = min(10, n)
    bank, outliers = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (bank, outliers))
    slow = [sorted(float(np.sqrt(((one - other) ** 2).sum())) for other in bank)[k - 1] for one in outliers]
    np.testing.assert_allclose(scores, slow, atol=1e-5)
    distances, _ = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(bank).kneighbors(outliers)
    np.testing.assert_allclose(scores, distances[:, -1], atol=1e-5)


@pytest.mark.parametrize("name", ["mahalanobis", "neighbours"])
def test_constant_dead_and_many_features_are_no_trouble(name: str) -> None:
    labels = np.arange(40) % 3
    features = np.zeros((40, 60), dtype=np.float32)  # more features than pictures, most of them constant
    features[:, :4] = DRAW.normal(size=(40, 4)) + 5 * labels[:, None]
    features[3] = 0
    fitted = SCORES[name].fit(features, labels)
    near = SCORES[name].outlier_score(answers(features), fitted)
    unseen = np.zeros((40, 60))
    unseen[:, 50:] = 9  # where no training picture has anything
    far = SCORES[name].outlier_score(answers(unseen), fitted)
    assert np.isfinite(near).all() and np.isfinite(far).all()
    assert np.median(far) > np.median(near)


@pytest.mark.parametrize("name", list(SCORES))
def test_what_is_far_from_all_classes_has_a_higher_score(name: str) -> None:
    directions = np.eye(4)
    labels = np.arange(200) % 4

    def near(rows: np.ndarray) -> Answers:
        features = 10 * directions[rows] + DRAW.normal(size=(len(rows), 4))
        return answers(features, features)

    fitted = SCORES[name].fit(near(labels).features, labels)
    known = SCORES[name].outlier_score(near(labels), fitted)
    outliers = DRAW.normal(0, 0.3, (100, 4)) - 3
    far = SCORES[name].outlier_score(answers(outliers, outliers), fitted)
    assert far.shape == (100,) and far.dtype == np.float64
    assert auroc(known, far).estimate > 0.95


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=100))
def test_the_threshold_lets_95_percent_pass_and_is_the_lowest_that_does(values: list[float]) -> None:
    scores = np.array(values)
    limit = threshold(scores)
    assert limit in scores
    assert (scores <= limit).mean() >= 0.95
    assert (scores < limit).mean() < 0.95


@pytest.mark.parametrize("name", list(SCORES))
def test_a_detector_survives_its_file(name: str, tmp_path: Path) -> None:
    features = DRAW.normal(size=(60, 4)).astype(np.float32)
    fitted = SCORES[name].fit(features, np.arange(60) % 3)
    sample = answers(2 * DRAW.normal(size=(30, 4)))
    scores = SCORES[name].outlier_score(sample, fitted)
    detector = Detector(name, float(np.sort(scores)[14]), fitted)
    detector.save(tmp_path / "detector.npz")
    again = Detector.load(tmp_path / "detector.npz")
    np.testing.assert_array_equal(again.outlier_score(sample), scores)
    assert again.is_outlier(sample).sum() == 15
    assert (again.score, again.threshold) == (name, detector.threshold)
    assert [path.name for path in tmp_path.iterdir()] == ["detector.npz"]


def test_files_that_are_no_detector_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "detector.npz"
    with pytest.raises(DataError, match=r"detector\.npz"):
        Detector.load(path)
    path.write_bytes(b"PK no archive")
    with pytest.raises(DataError, match=r"detector\.npz"):
        Detector.load(path)
    np.savez(path, threshold=1.0)
    with pytest.raises(DataError, match="score"):
        Detector.load(path)
    np.savez(path, threshold=1.0, score="enrgy")
    with pytest.raises(DataError, match="did you mean 'energy'"):
        Detector.load(path)
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(DataError, match="detector"):
        Detector.load(path)
