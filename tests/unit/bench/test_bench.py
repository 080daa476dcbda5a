"""The benchmark of the data pipeline: what it measures is what it says, and the command prints it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score
from torch import nn

from fashionlab import augment, models, recipes
from fashionlab.bench.data import BATCH_SIZE, DEVIATION, MEAN, OPERATIONS, BatchedEpochs, plain_loader, random_pictures
from fashionlab.bench.reach import measure as measure_time
from fashionlab.bench.reach import reached
from fashionlab.bench.timing import side_by_side, summary
from fashionlab.bench.train import OurTraining, PlainTraining, as_the_text_has_it
from fashionlab.bench.train import measure as measure_training
from fashionlab.common import runtime
from fashionlab.common.errors import UsageError


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
    """Same batches in shape, number and type; white pictures lose as much to the black that comes in."""
    torch.manual_seed(0)
    pictures = replace(random_pictures(1200), images=np.full((1200, 1, 28, 28), 255, dtype=np.uint8))
    batches = list(plain_loader(pictures, 0))
    plain = torch.cat([images for images, _ in batches])
    pipeline = augment.build(OPERATIONS)
    images = torch.from_numpy(pictures.images).float() / 255
    draw = augment.Draw(torch.Generator().manual_seed(0))
    ours = (pipeline(images, torch.from_numpy(pictures.labels), draw, 10)[0] - MEAN) / DEVIATION
    assert plain.shape == ours.shape and plain.dtype == ours.dtype
    assert [len(labels) for _, labels in batches] == [BATCH_SIZE, BATCH_SIZE, 200]
    assert BatchedEpochs(pictures)() == 1200
    white, black = (1 - MEAN) / DEVIATION, -MEAN / DEVIATION
    for batch in (plain, ours):
        assert batch.max().item() == pytest.approx(white, abs=1e-4)
        assert batch.min().item() == pytest.approx(black, abs=1e-4)
    # Theirs turns what the crop has cut already, so that it loses a little more.
    lost = [(white - batch.mean().item()) / (white - black) for batch in (plain, ours)]
    assert lost[0] == pytest.approx(lost[1], abs=0.03)


def test_the_command_prints_both_sides_and_the_ratio(cli: Callable[..., Any]) -> None:
    result = cli("bench", "data", "--json")
    assert result.code == 0
    printed = json.loads(result.out)
    assert set(printed["sides"]) >= {"plain, 0 workers", "fashionlab"}
    assert printed["compared_with"] in printed["sides"]
    assert printed["ratio_lowest"] <= printed["ratio"] <= printed["ratio_highest"]
    assert printed["ratio"] > 0  # how fast is for benchmarks/, on a quiet machine
    assert printed["machine"]["cores"] >= 1


def test_an_unknown_benchmark_is_refused(cli: Callable[..., Any]) -> None:
    result = cli("bench", "dat")
    assert result.code == 2
    assert "dat" in result.err


def test_both_ways_of_training_take_the_same_steps() -> None:
    """The same batch without augmentation changes the same weights alike."""
    recipe = recipes.load("three-cnn", ["batch_size=10"])
    pictures = replace(random_pictures(10), labels=np.arange(10))
    plain, ours = PlainTraining(recipe, pictures), OurTraining(recipe, pictures, runtime.choose("cpu", "float32"))
    before = [weight.clone() for weight in plain.model.parameters()]
    assert plain() == ours() == 10
    pairs = zip(before, ours.trainer.model.parameters(), plain.model.parameters(), strict=True)
    for old, mine, other in pairs:
        assert not torch.equal(old, mine)
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-4)


def test_training_is_measured_on_both_sides() -> None:
    result = measure_training("three-linear", rounds=1, steps=3)
    assert set(result["sides"]) == {"plain", "fashionlab"} and result["ratio"] > 0
    assert result["batch_size"] == 32 and result["recipe"] == "three-linear"


@pytest.mark.parametrize(("override", "named"), [
    ("augment=[{name: cutmix}]", "cutmix"), ("optimizer={name: sam, lr: 0.1}", "sam"),
])
def test_what_has_no_plain_counterpart_is_refused(override: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(recipes.to_yaml(recipes.load("three-linear", [override])))
    with pytest.raises(UsageError, match=named):
        measure_training(str(path), rounds=1, steps=1)


@pytest.mark.parametrize("name", ["three-cnn", "notebook-cnn", "ablation-shallow", "ablation-main", "deep-cnn"])
def test_the_order_of_the_text_gives_the_same_bits(name: str) -> None:
    pictures, labels = torch.rand(8, 1, 28, 28), torch.arange(8)
    torch.manual_seed(0)
    ours = models.build(name, classes=10, channels=1, image_size=28)
    plain = as_the_text_has_it(copy.deepcopy(ours))
    assert any(isinstance(one, nn.ReLU) and isinstance(following, nn.MaxPool2d)
               for one, following in pairwise(plain.children()))
    results = []
    for model in (ours, plain):
        torch.manual_seed(1)  # dropout
        loss = nn.functional.cross_entropy(model(pictures), labels)
        loss.backward()
        results.append([loss.detach(), *(parameter.grad for parameter in model.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_time_to_an_accuracy_is_that_of_the_first_epoch_that_has_it() -> None:
    epochs = [(2.0, 0.5), (3.0, 0.7), (4.0, 0.6)]
    assert reached(epochs, 0.6)["seconds"] == 5.0 and reached(epochs, 0.6)["epochs"] == 2
    assert reached(epochs, 0.9)["seconds"] is None and reached(epochs, 0.9)["epochs"] is None


def test_the_plain_way_judges_as_scikit_learn_does() -> None:
    pictures = random_pictures(70)
    training = PlainTraining(recipes.load("three-linear"), pictures)
    with torch.no_grad():
        answers = training.model(torch.from_numpy(pictures.images).float() / 255).argmax(1)
    assert training.accuracy(pictures) == pytest.approx(accuracy_score(pictures.labels, answers))


@pytest.mark.slow
def test_time_to_an_accuracy_of_both_sides(toy_data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "small.yaml"
    recipe.write_text("model: {name: logistic}\nepochs: 2\nbatch_size: 50\noptimizer: {name: sgd, lr: 0.1}\n"
                      f"data: {{dataset: '{toy_data}', validation: 100, limit: 200}}\n")
    found = measure_time(str(recipe), target=0.3)
    assert found["ratio"] == pytest.approx(
        found["sides"]["plain"]["seconds"] / found["sides"]["fashionlab"]["seconds"], abs=0.01)
    for side in (found["sides"]["plain"], *found["sides"]["fashionlab"]["runs"]):
        assert side["seconds"] == pytest.approx(sum(side["epoch_seconds"][:side["epochs"]]))
        assert side["accuracy"][side["epochs"] - 1] >= 0.3
