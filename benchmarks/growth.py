"""How the cost of training grows, and its figure.

    python benchmarks/growth.py [FILE]        default: results/growth.json; also docs/figures/growth.svg

Then `python benchmarks/readme.py` writes the figures into docs/performance.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fashionlab.bench.growth import measure
from fashionlab.common.files import write_json

ROOT = Path(__file__).parents[1]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results" / "growth.json"
    write_json(target, {"command": "python benchmarks/growth.py", **measure()})


if __name__ == "__main__":
    main()
