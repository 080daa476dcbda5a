"""Checkpoints from before parts had a dictionary of their own are gone on from exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from fashionlab import recipes
from fashionlab.common.errors import Interrupted
from fashionlab.runs.checkpoint import read_checkpoint
from fashionlab.runs.folder import RunFolder
from fashionlab.training import session
from fashionlab.training.logs import Epoch

QUIET = session.Options(device="cpu", quiet=True)
SMALL = ["data.limit=200", "data.validation=100", "batch_size=50", "epochs=4"]
EVERYTHING = ["selection={keep: 0.6, after: 1}", "averaging={name: ema, decay: 0.9}",
              "early_stopping={metric: val_loss, patience: 3}", "schedule={name: plateau, patience: 0, threshold: 10}"]


def former_layout(state: dict[str, Any], *, by_loss: bool) -> dict[str, Any]:
    """The same checkpoint as fashionlab 0.1 wrote it: one entry a feature, None for one that the recipe leaves out."""
    parts, best = state["parts"], state["parts"]["best"]
    value = -torch.inf if best["best"] is None else -best["best"] if by_loss else best["best"]
    return {"format": state["format"], "recipe": state["recipe"], "model": state["model"],
            "optimizer": state["optimizer"], "schedule": state["schedule"], "averaging": parts["averaging"],
            "stopper": parts["early_stopping"] or None, "selection": parts["selection"] or None,
            "position": {**state["position"], "best": value, "best_epoch": best["epoch"]},
            "history": state["history"]}


class Stop(session.StopRequest):
    """A signal that comes after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def __bool__(self) -> bool:
        self.steps -= 1
        if self.steps == 0:
            self.signal_number = 15
        return super().__bool__()


@pytest.mark.parametrize("overrides", [[], ["averaging={name: lookahead, every: 2}"], EVERYTHING])
@pytest.mark.parametrize("steps", [2, 8])  # in the first epoch, when nothing is the best yet, and in the third
def test_a_former_checkpoint_is_gone_on_from_exactly(overrides: list[str], steps: int, toy_data: Path, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipes.load("three-mlp", [f"data.dataset={toy_data}", *SMALL, *overrides])
    whole = session.start(recipe, tmp_path / "whole", QUIET)
    run = RunFolder(tmp_path / "stopped")
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(session, "StopRequest", lambda seconds: Stop(steps))
        session.start(recipe, run.path, QUIET)
    torch.save(former_layout(read_checkpoint(run.last), by_loss=recipe.early_stopping is not None), run.last)
    rows: list[Epoch] = []
    session.resume(run.path, None, QUIET, [rows.append])
    assert rows[-1].epoch == 4 and len(rows) == (4 if steps == 2 else 2)
    states = [read_checkpoint(one.last) for one in (whole, run)]
    assert states[0].keys() == states[1].keys(), "from now on in the present layout"
    _assert_equal(states[0]["model"], states[1]["model"])
    for name in ("averaging", "early_stopping", "selection"):
        _assert_equal(states[0]["parts"][name], states[1]["parts"][name])
    for kind in ("best", "averaged"):
        assert whole.weights(kind).exists() == run.weights(kind).exists()
        if run.weights(kind).exists():
            _assert_equal(load_file(whole.weights(kind)), load_file(run.weights(kind)))
    ours, theirs = (one.read_json(one.metrics) for one in (run, whole))
    for key in ("best_epoch", "stopped", "steps", "epochs"):
        assert ours[key] == theirs[key], key


def _assert_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        same = torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else None
        if isinstance(value, dict):
            _assert_equal(value, other[name])
        else:
            assert same or value == other[name], name
