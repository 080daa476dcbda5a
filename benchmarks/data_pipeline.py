"""Measure the data pipeline against the plain one and keep the figures.

    python benchmarks/data_pipeline.py [FILE]        default: results/bench_data.json

The plain way it is measured against, PIL and torchvision's transforms a picture at a time, is `PlainDataset` in
src/fashionlab/bench/data.py. `fashionlab bench data` does the same with fewer rounds and keeps nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fashionlab.bench.data import measure
from fashionlab.common.files import write_json


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "results" / "bench_data.json"
    result = measure(rounds=15, plain_pictures=2000, our_pictures=30000)
    write_json(target, {"command": "python benchmarks/data_pipeline.py", **result})
    print(f"{target}: ratio {result['ratio']} ({result['ratio_lowest']} to {result['ratio_highest']})")


if __name__ == "__main__":
    main()
