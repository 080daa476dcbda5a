"""The records that stages pass to one another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet, Predictions


def predictions(n: int = 5, indices: np.ndarray | None = None) -> Predictions:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 200, (n, 3)).astype(np.float32)
    indices = np.arange(n) if indices is None else indices
    return Predictions(logits, draw.integers(0, 3, n), indices, ("a", "b", "c"), "val")


def test_predictions_round_trip(tmp_path):
    before = predictions()
    before.save(tmp_path / "p.npz")
    after = Predictions.load(tmp_path / "p.npz")
    assert np.array_equal(before.logits, after.logits) and after.logits.dtype == np.float32
    assert (after.classes, after.split) == (before.classes, before.split)


def test_probabilities_are_a_softmax_even_of_large_logits():
    p = predictions()
    np.testing.assert_allclose(p.probabilities, softmax(p.logits.astype(np.float64), axis=1), rtol=1e-12)


def test_a_picture_scored_twice_is_refused():
    with pytest.raises(DataError, match="more than once"):
        predictions(indices=np.array([0, 1, 1, 2, 3]))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"\x93NUMPY"])
def test_unreadable_predictions(tmp_path, content):
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"p\.npz"):
        Predictions.load(tmp_path / "p.npz")


def test_picture_sets_refuse_what_does_not_fit():
    images, labels = np.zeros((4, 1, 2, 2), np.uint8), np.array([0, 1, 1, 0])
    PictureSet(images, labels, ("a", "b"), "here")
    for wrong in ((images[:3], labels), (images.astype(float), labels), (images, labels + 1), (images[:, 0], labels)):
        with pytest.raises(DataError, match="here"):
            PictureSet(*wrong, ("a", "b"), "here")


def test_equal_pictures_have_equal_hashes():
    draw = np.random.default_rng(1)
    images, labels = draw.integers(0, 256, (6, 1, 3, 3), dtype=np.uint8), np.arange(6) % 2
    one, same = (PictureSet(images.copy(), labels.copy(), ("a", "b"), source) for source in ("x", "y"))
    images[0, 0, 0, 0] ^= 1
    assert one.sha256 == same.sha256 != PictureSet(images, labels, ("a", "b"), "x").sha256
