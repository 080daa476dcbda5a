"""The benchmark of the data pipeline: what it measures is what it says, and the command prints it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from fashionlab import augment
from fashionlab.bench.data import BATCH_SIZE, DEVIATION, MEAN, OPERATIONS, BatchedEpochs, _random_pictures, plain_loader
from fashionlab.bench.timing import side_by_side, summary


def test_sides_take_turns_and_the_first_round_is_not_counted() -> None:
    calls: list[str] = []

    def side(name: str, items: int) -> Callable[[], int]:
        def work() -> int:
            calls.append(name)
            return items

        return work

    rates = side_by_side({"a": side("a", 3), "b": side("b", 5)}, rounds=3)
    assert {name: len(values) for name, values in rates.items()} == {"a": 3, "b": 3}
    assert calls == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert summary([1.0, 4.04, 2.0]) == {"median": 2.0, "lowest": 1.0, "highest": 4.0}


def test_both_ways_deal_out_every_picture_changed_alike() -> None:
    """Same batches in shape, number and type; the same share of black that came in; the same mean and spread."""
    pictures = _random_pictures(1200)
    plain = torch.cat([images for images, _ in plain_loader(pictures, 0)])
    pipeline = augment.build(OPERATIONS)
    images = torch.from_numpy(pictures.images).float() / 255
    draw = augment.Draw(torch.Generator().manual_seed(0))
    ours = (pipeline(images, torch.from_numpy(pictures.labels), draw, 10)[0] - MEAN) / DEVIATION
    assert plain.shape == ours.shape and plain.dtype == ours.dtype
    assert [len(labels) for _, labels in plain_loader(pictures, 0)] == [BATCH_SIZE, BATCH_SIZE, 200]
    assert BatchedEpochs(pictures)() == 1200
    black = -MEAN / DEVIATION
    shares = [(batch <= black + 1e-6).float().mean().item() for batch in (plain, ours)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)
    # Theirs rotates by the nearest pixel, ours blends neighbours: the mean is the same, the spread is smaller.
    assert plain.mean().item() == pytest.approx(ours.mean().item(), abs=0.05)


def test_the_command_prints_both_sides_and_the_ratio(cli: Callable[..., Any]) -> None:
    result = cli("bench", "data", "--json")
    assert result.code == 0
    printed = json.loads(result.out)
    assert set(printed["sides"]) >= {"plain, 0 workers", "fashionlab"}
    assert printed["compared_with"] in printed["sides"]
    assert printed["ratio_lowest"] <= printed["ratio"] <= printed["ratio_highest"]
    assert printed["ratio"] > 2  # how fast is for benchmarks/, on a quiet machine; here only that it is no mistake
    assert printed["machine"]["cores"] >= 1


def test_an_unknown_benchmark_is_refused(cli: Callable[..., Any]) -> None:
    result = cli("bench", "dat")
    assert result.code == 2
    assert "dat" in result.err
