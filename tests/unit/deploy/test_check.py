"""How forms of a network are compared, and when int8 may answer."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fashionlab.common.errors import FashionlabError
from fashionlab.common.records import PictureSet
from fashionlab.deploy import card, check


def row(one: float, bulk: float) -> dict:
    return {"latency_ms": {"1": {"median": one}}, "images_per_second": bulk}


FLOAT = row(0.4, 8000)


@pytest.mark.parametrize(("int8", "validation", "served", "words"), [
    (row(0.2, 16000), 0.938, True, "2.00 times as fast with one picture"),
    (row(0.2, 16000), 0.938, True, "-0.20 points on validation pictures"),
    (row(0.2, 16000), 0.9379, False, "-0.21 points on validation"),
    (row(0.4, 16000), 0.94, False, "not faster with one picture (1.00 times)"),
    (row(0.2, 7000), 0.94, False, "not faster in bulk (0.88 times)"),
])
def test_int8_answers_only_where_it_is_good_and_fast(int8: dict, validation: float, served: bool, words: str) -> None:
    verdict = check.judge_int8(FLOAT, int8, {"float32": 0.94, "int8": validation})
    assert verdict["served"] is served and words in verdict["why"]
    assert ("float32 stays" in verdict["why"]) is not served


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict:
    """Two forms of a "network" whose logits are the first three pixels; the other one errs on the first picture."""
    monkeypatch.setattr(check, "_SECONDS", 0.0)
    images = np.random.default_rng(0).integers(0, 200, (60, 1, 2, 2), dtype=np.uint8)
    labels = images.reshape(60, 4)[:, :3].argmax(1)
    labels[:6] = (labels[:6] + 1) % 3

    def exact(asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return asked.reshape(len(asked), 4)[:, :3].astype(np.float32), asked.reshape(len(asked), 4)

    def wrong(asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, seen = exact(asked)
        logits[(asked == images[0]).all(axis=(1, 2, 3))] += [0, 0, 255]
        return logits, seen

    forms = {check.PYTORCH: check.Form(exact, 10), "float32": check.Form(wrong, 20)}
    measured = check.compare(forms, images)
    check.measure_accuracy(forms, PictureSet(images, labels, tuple("abc"), "toy"), measured)
    return measured


def test_a_row_tells_size_accuracy_difference_and_times(rows: dict) -> None:
    truth, other = rows[check.PYTORCH], rows["float32"]
    assert (truth["test_accuracy"], truth["largest_difference"], truth["equal_answers"]) == (0.9, 0.0, 1.0)
    assert other["bytes"] == 20 and other["largest_difference"] == 255 and other["equal_answers"] >= 59 / 60
    assert list(other["latency_ms"]) == ["1", "32", "256"]
    for one in other["latency_ms"].values():
        assert 0 < one["median"] <= one["p99"] and one["repetitions"] >= 20
    assert other["images_per_second"] == max(
        1e3 * int(size) / one["median"] for size, one in other["latency_ms"].items())


def test_a_graph_that_answers_otherwise_is_not_shipped(rows: dict) -> None:
    with pytest.raises(FashionlabError, match="nothing was written"):
        check.require_parity(rows, "float32", largest_logit=200)
    check.require_parity(rows, check.PYTORCH, largest_logit=200)
    with pytest.raises(FashionlabError):
        check.require_parity({"float32": {"largest_difference": float("nan"), "equal_answers": 1.0}}, "float32", 1.0)


def test_the_table_has_a_cell_for_every_heading(rows: dict) -> None:
    table = card.table({"rows": rows})
    assert [len(one) for one in table] == [len(card.HEADER)] * 2 and table[0][:3] == ["PyTorch", "10", "90.00%"]


def test_slow_networks_are_asked_a_few_times() -> None:
    calls = dict.fromkeys((check.PYTORCH, "slow"), 0)

    def asked(name: str) -> check.Form:
        def ask(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            calls[name] += 1
            time.sleep(0.25 if len(pictures) == 256 else 0.0)
            return np.zeros((len(pictures), 2), np.float32), np.zeros((len(pictures), 1), np.float32)

        return check.Form(ask, 1)

    rows = check.compare({name: asked(name) for name in calls}, np.zeros((3, 1, 2, 2), np.uint8))
    assert rows["slow"]["latency_ms"]["256"]["repetitions"] == 5
    assert rows["slow"]["latency_ms"]["1"]["repetitions"] >= 20
