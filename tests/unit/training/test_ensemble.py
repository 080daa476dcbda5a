"""Ensembles: mean probabilities, mean weights, snapshots of one training, and what does not go together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.special import log_softmax, softmax

from fashionlab.models import build
from fashionlab.runs.results import RunResults, load_results
from toy_runs import train

SMALL = ["data.limit=200", "data.validation=100", "batch_size=50", "epochs=2", "data.normalise=half"]
CYCLES = ["model={name: ablation-main, filters: 2}", "epochs=4", "snapshots=2", "schedule={name: cosine}"]


@pytest.fixture(scope="module")
def runs(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trainings of different networks (one, two), and one in two cycles with batch norm (cycles)."""
    folder = tmp_path_factory.mktemp("members")
    train(folder / "one", toy_data, "three-linear", *SMALL)
    train(folder / "two", toy_data, "three-mlp", *SMALL, "model={name: three-mlp-fixed}", "seed=1")
    train(folder / "cycles", toy_data, "three-linear", *SMALL, *CYCLES)
    return folder


@pytest.fixture
def ensemble(cli: Callable[..., Any], tmp_path: Path) -> Callable[..., RunResults]:
    """`ensemble(RUN, ...)` runs the command and gives the new run."""

    def call(*arguments: Any) -> RunResults:
        result = cli("ensemble", *arguments, "--runs", tmp_path, "--name", "joint", "--json")
        assert result.code == 0, result.err
        assert json.loads(result.out)["run"] == str(tmp_path / "joint")
        return load_results(tmp_path / "joint")

    return call


def test_probabilities_are_averaged(runs: Path, ensemble: Callable[..., RunResults]) -> None:
    members = [load_results(runs / name) for name in ("one", "two")]
    joint = ensemble(runs / "one", runs / "two")
    mean = np.mean([softmax(member.test.logits.astype(np.float64), axis=1) for member in members], axis=0)
    np.testing.assert_allclose(softmax(joint.test.logits.astype(np.float64), axis=1), mean, atol=1e-6)
    assert joint.metrics.test.accuracy == (mean.argmax(1) == members[0].test.labels).mean()
    for key in ("train_seconds", "parameters", "steps", "epochs"):
        assert getattr(joint.metrics, key) == pytest.approx(sum(getattr(member.metrics, key) for member in members))
    assert joint.status["state"] == "complete"


def test_an_ensemble_may_have_ensembles_as_members(runs: Path, ensemble: Callable[..., RunResults],
                                                   cli: Callable[..., Any], tmp_path: Path) -> None:
    inner = ensemble(runs / "one", runs / "two").folder.path.rename(tmp_path / "inner")
    joint = ensemble(inner, runs / "one")
    parts = [log_softmax(load_results(path).test.logits.astype(np.float64), axis=1) for path in (inner, runs / "one")]
    expected = np.exp(parts).mean(axis=0)
    np.testing.assert_allclose(softmax(joint.test.logits.astype(np.float64), axis=1), expected, atol=1e-6)
    result = cli("compare", runs / "one", joint.folder.path, "--json")
    assert result.code == 0, result.err
    result = cli("train", "--resume", joint.folder.path)
    assert result.code == 2 and "put together from other runs" in result.err


def test_snapshots_are_the_weights_at_the_end_of_each_cycle(runs: Path, ensemble: Callable[..., RunResults]) -> None:
    cycles = load_results(runs / "cycles")
    files = cycles.folder.snapshots()
    assert [path.name for path in files] == ["snapshot-1.safetensors", "snapshot-2.safetensors"]
    last = torch.load(cycles.folder.last, weights_only=True)["model"]
    assert all(torch.equal(value, last[name]) for name, value in load_file(files[-1]).items())
    rates = [row["lr"] for row in cycles.history]
    assert rates[:2] == pytest.approx(rates[2:])  # the schedule begins anew
    joint = ensemble(runs / "cycles", "--snapshots")
    assert joint.metrics.train_seconds == cycles.metrics.train_seconds
    assert joint.metrics.parameters == 2 * cycles.metrics.parameters


def test_weights_are_averaged_and_statistics_renewed(runs: Path, ensemble: Callable[..., RunResults]) -> None:
    joint = ensemble(runs / "cycles", "--snapshots", "--weights")
    members = [load_file(path) for path in load_results(runs / "cycles").folder.snapshots()]
    found = load_file(joint.folder.weights("ensemble"))
    model = build("ablation-main", classes=10, channels=1, image_size=28, filters=2)
    for name, _ in model.named_parameters():
        torch.testing.assert_close(found[name], (members[0][name] + members[1][name]) / 2)
    assert not torch.equal(found["1.running_mean"], members[1]["1.running_mean"])
    assert joint.metrics.parameters == load_results(runs / "cycles").metrics.parameters


def test_what_cannot_answer_together_is_refused(runs: Path, toy_data: Path, cli: Callable[..., Any],
                                                tmp_path: Path) -> None:
    train(tmp_path / "split", toy_data, "three-linear", *SMALL, "data.split_seed=5")
    train(tmp_path / "form", toy_data, "three-linear", *SMALL, "data.normalise=none")
    unfinished = shutil.copytree(runs / "one", tmp_path / "unfinished")
    (unfinished / "metrics.json").unlink()
    one, two = runs / "one", runs / "two"
    for words, code, message in (
            ([one], 2, "at least two runs"), ([one, one], 2, "name each run once"),
            ([one, tmp_path / "none"], 3, "no such run folder"), ([one, unfinished], 3, "has not finished training"),
            ([one, tmp_path / "split"], 3, "data.split_seed 5 against 0"),
            ([one, tmp_path / "form"], 3, "another form"), ([one, two, "--weights"], 2, "their networks differ"),
            ([one, "--snapshots"], 2, "has 0 snapshots"), ([one, two, "--snapshots"], 2, "of one run, not of 2")):
        result = cli("ensemble", *words, "--runs", tmp_path, "--name", "joint")
        assert (result.code, result.out) == (code, "") and message in result.err, result.err
        assert not (tmp_path / "joint").exists()
    other = train(tmp_path / "seed", toy_data, "three-linear", *SMALL, "seed=8")
    result = cli("ensemble", one, other, "--weights", "--runs", tmp_path, "--name", "joint")
    assert result.code == 2 and "initialised with seeds 8 and 0" in result.err


def test_members_are_named_and_checked(cli: Callable[..., Any]) -> None:
    for members, message in (("[{name: logistic}]", "at least 2"), ("[{name: logistic}, {name: logistik}]", "logistic"),
                             ("[{name: logistic}, {name: logistic, depth: 3}]", "depth"),
                             ("[{}, {}]", "a model needs a name")):
        result = cli("train", "three-linear", "--set", f"model={{name: ensemble, members: {members}}}")
        assert result.code == 2 and message in result.err, result.err


def test_members_are_trained_side_by_side(toy_data: Path, tmp_path: Path) -> None:
    """A recipe whose network is an ensemble, like any other; the whitening filters come from the pictures."""
    member = "{name: fast, widths: [4, 8]}"
    run = load_results(train(tmp_path / "side", toy_data, "three-linear", *SMALL, "test_time={views: 2}",
                             f"model={{name: ensemble, members: [{member}, {member}]}}"))
    weights = torch.load(run.folder.last, weights_only=True)["model"]
    first, second = (weights[f"members.{place}.whitening.weight"] for place in (0, 1))
    assert torch.equal(first, second) and first.abs().max() > 1  # divided by small deviations, not as drawn
    assert not torch.equal(weights["members.0.head.weight"], weights["members.1.head.weight"])
    assert len(run.history) == 2 and run.test.logits.shape == (len(run.test.labels), 10)
