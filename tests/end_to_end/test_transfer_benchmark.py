"""benchmarks/transfer.py measures on the validation split only, and repeats nothing that is finished."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

from fashionlab.models import build


def test_a_short_measurement_is_kept_and_not_repeated(
    toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    script = importlib.import_module("transfer")
    weights = tmp_path / "weights.pth"
    torch.save(build("efficientnet-lite0", classes=10, channels=1, image_size=28).state_dict(), weights)
    words = ["transfer.py", "--weights", weights, "--sides", 28, "--arms", "head", "--seeds", 1, "--epochs", 2,
             "--limit", 128, "--set", f"data.dataset={toy_data}", "--set", "data.validation=50",
             "--runs", tmp_path / "runs", "--out", tmp_path / "out.json"]
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    for _ in range(2):
        script.main()
        found = json.loads((tmp_path / "out.json").read_text())
        weights.unlink(missing_ok=True)  # the second time nothing is trained, so nothing needs it
    assert [(row["arm"], row["side"], row["val_accuracy"]["n"]) for row in found["summary"]] == [("head", 28, 1)]
    assert [row["seed"] for row in found["seeds"]] == [0] and found["split"] == "val"
    (run,) = (tmp_path / "runs").iterdir()
    assert [path.name for path in (run / "predictions").iterdir()] == ["val.npz"]
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--set", "batch_size=64"])
    with pytest.raises(SystemExit, match="another recipe"):
        script.main()


def test_the_arms_differ_in_what_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    script = importlib.import_module("transfer")
    monkeypatch.setattr(sys, "argv", ["transfer.py"])
    head, tuned, nothing = (script.planned(script.parse(), arm, 32, 1)
                            for arm in ("head", "fine-tuned", "from-nothing"))
    assert head.transfer.cache_features and head.transfer.head_epochs == head.epochs
    assert tuned.transfer.head_epochs < tuned.epochs == nothing.epochs
    assert nothing.transfer is None and nothing.model.arguments["weights"] == "none"
    assert all(recipe.model.arguments["resize"] == 32 and recipe.seed == 1 for recipe in (head, tuned, nothing))
