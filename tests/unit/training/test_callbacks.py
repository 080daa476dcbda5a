"""What is called after every epoch: it sees the row that is written, may end the training, and may fail."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fashionlab import recipes
from fashionlab.common.errors import UsageError
from fashionlab.recipes import Recipe
from fashionlab.runs.checkpoint import read_checkpoint
from fashionlab.runs.folder import RunFolder
from fashionlab.training import session
from fashionlab.training.callbacks import Callbacks
from fashionlab.training.distributed import World
from fashionlab.training.logs import COLUMNS, Epoch

QUIET = session.Options(device="cpu", quiet=True)
STOPPED = "a callback asked to stop after epoch 2"


def recipe_of(toy_data: Path, *overrides: str) -> Recipe:
    return recipes.load("three-mlp", [f"data.dataset={toy_data}", "data.limit=200", "data.validation=100",
                                      "batch_size=50", "epochs=4", "schedule={name: constant}",
                                      "averaging={name: ema, decay: 0.9}", *overrides])


def assert_same_weights(one: RunFolder, other: RunFolder) -> None:
    for kind in ("best", "averaged"):
        ours, theirs = load_file(one.weights(kind)), load_file(other.weights(kind))
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours), kind
    ours, theirs = (read_checkpoint(run.last)["model"] for run in (one, other))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_they_see_every_epoch_as_it_is_written(toy_data: Path, tmp_path: Path) -> None:
    seen: list[Epoch] = []

    def check(epoch: Epoch) -> None:
        seen.append(epoch)
        run = RunFolder(tmp_path / "run")
        assert len(run.read_history()) == epoch.epoch, "metrics.csv holds the epoch already"
        assert read_checkpoint(run.last)["position"]["epoch"] == epoch.epoch, "so does the checkpoint"

    run = session.start(recipe_of(toy_data), tmp_path / "run", QUIET, [check])
    with run.history.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [epoch.epoch for epoch in seen] == [1, 2, 3, 4]
    for epoch, row in zip(seen, rows, strict=True):
        assert {name: float(row[name]) for name in COLUMNS} == {name: getattr(epoch, name) for name in COLUMNS}
        assert epoch.pictures == 200
    history = run.read_json(run.metrics)["history"]
    assert history == [{field.name: getattr(epoch, field.name) for field in fields(Epoch)} for epoch in seen]
    with pytest.raises(AttributeError):
        seen[0].val_accuracy = 1.0  # type: ignore[misc]


def test_a_true_answer_makes_the_epoch_the_last_one(toy_data: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    stopped = session.start(recipe_of(toy_data), tmp_path / "stopped", QUIET,
                            [lambda epoch: epoch.epoch == 2, lambda epoch: calls.append(epoch.epoch)])
    shorter = session.start(recipe_of(toy_data, "epochs=2"), tmp_path / "shorter", QUIET)
    assert_same_weights(stopped, shorter)
    assert calls == [1, 2], "each one is called, whatever another has answered"
    metrics = stopped.read_json(stopped.metrics)
    assert (metrics["stopped"], metrics["epochs"], len(metrics["history"])) == (STOPPED, 2, 2)
    assert stopped.read_json(stopped.status)["state"] == "trained"
    # It has ended for good, as after early stopping.
    session.resume(stopped.path, None, QUIET, [lambda epoch: calls.append(epoch.epoch)])
    assert calls == [1, 2] and stopped.read_json(stopped.metrics)["stopped"] == STOPPED
    assert_same_weights(stopped, shorter)


def test_what_is_not_true_and_the_last_epoch_change_nothing(toy_data: Path, tmp_path: Path) -> None:
    run = session.start(recipe_of(toy_data, "epochs=2"), tmp_path / "run", QUIET,
                        [lambda epoch: None, lambda epoch: 0, lambda epoch: "", lambda epoch: epoch.epoch == 2])
    assert run.read_json(run.metrics)["stopped"] == "all epochs done"


def test_what_one_raises_ends_the_training_and_the_checkpoint_stays(toy_data: Path, tmp_path: Path) -> None:
    def fail(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise RuntimeError("no such thing")

    run = RunFolder(tmp_path / "failed")
    with pytest.raises(RuntimeError, match="no such thing"):
        session.start(recipe_of(toy_data), run.path, QUIET, [fail])
    status = run.read_json(run.status)
    assert (status["state"], status["reason"]) == ("failed", "no such thing")
    assert len(run.read_history()) == 2 and not run.metrics.exists()
    later: list[int] = []
    session.resume(run.path, None, QUIET, [lambda epoch: later.append(epoch.epoch)])
    assert later == [3, 4]
    assert_same_weights(run, session.start(recipe_of(toy_data), tmp_path / "whole", QUIET))


@pytest.mark.parametrize("callbacks", [[3], ["stop"], [None], len])
def test_what_cannot_be_called_is_refused_before_anything_is_made(callbacks, toy_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="callbacks: expected"):
        session.start(recipe_of(toy_data), tmp_path / "run", QUIET, callbacks)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("answer", [True, False])
def test_the_first_process_decides_for_all(answer: bool) -> None:
    class Pair(World):
        def gather(self, value):
            return [answer, value] if self.rank else [value, None]

    called: list[int] = []
    epoch = Epoch(1, 0.5, 0.8, None, None, 0.1, 2.0, 500.0, 0.1, 1000)
    for rank in (0, 1):
        callbacks = Callbacks([lambda epoch, rank=rank: called.append(rank) or answer])
        assert callbacks.ask(epoch, Pair(rank, 2)) is answer
    assert called == [0]
