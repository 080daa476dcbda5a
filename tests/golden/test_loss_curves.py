"""Tiny trainings on the CPU must keep their loss curves: a change of arithmetic that nobody meant shows up here.

After a change that was meant, write the new curves with `python tests/golden/test_loss_curves.py`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from fashionlab import recipes
from fashionlab.training import session
from toys import write_toy_data

CURVES = Path(__file__).with_name("loss_curves.json")
SMALL = ["data.validation=100", "batch_size=50", "epochs=3", "precision=float32"]
RECIPES = {
    "quick": ["model.widths=[8,16,16]", "optimizer.others.lr=0.3"],
    "three-linear": [],
    "ablation-main": ["data.limit=200"],
    "notebook-mlp": ["optimizer={name: muon, lr: 0.02}", "augment=[{name: cutmix}, {name: rand_augment}]"],
    "three-cnn": ["optimizer={name: sam, lr: 0.1, momentum: 0.9}", "averaging={name: swa, start_epoch: 1}"],
}


def curve(name: str, data: Path) -> list[float]:
    """Training and validation loss of every epoch."""
    recipe = recipes.load(name, [*SMALL, *RECIPES[name], f"data.dataset={data}"])
    with tempfile.TemporaryDirectory() as folder:
        run = session.start(recipe, Path(folder) / "run", session.Options(device="cpu", quiet=True))
        history = run.read_json(run.metrics)["history"]
    return [row[key] for row in history for key in ("train_loss", "val_loss")]


@pytest.mark.parametrize("name", RECIPES)
def test_loss_curve(name: str, toy_data: Path):
    # Sums in another order (other processors, other releases) move the sixth digit, and training lets that grow.
    assert curve(name, toy_data) == pytest.approx(json.loads(CURVES.read_text())[name], rel=0.02)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = write_toy_data(Path(folder))
        CURVES.write_text(json.dumps({name: curve(name, data) for name in RECIPES}, indent=1) + "\n")


if __name__ == "__main__":
    main()
