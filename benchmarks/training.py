"""Measure the training speed of the convolutional reference systems against the plain way and keep the figures.

    python benchmarks/training.py [FILE]        default: results/bench_train.json

The plain way is `PlainTraining` in src/fashionlab/bench/train.py: the same network, optimizer and augmentation with
PIL, torchvision's transforms, a DataLoader, float32 and the default layout. `fashionlab bench train RECIPE` does the
same for one recipe and keeps nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fashionlab.bench.train import measure
from fashionlab.common.files import write_json

SYSTEMS = ("three-cnn", "notebook-cnn", "ablation-shallow", "ablation-main", "ablation-no-augmentation", "deep-cnn")


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "results" / "bench_train.json"
    systems = {}
    for name in SYSTEMS:
        systems[name] = measure(name, rounds=7, steps=30)
        print(f"{name}: ratio {systems[name]['ratio']} ({systems[name]['ratio_lowest']} to "
              f"{systems[name]['ratio_highest']})", flush=True)
        write_json(target, {"command": "python benchmarks/training.py", "systems": systems})


if __name__ == "__main__":
    main()
