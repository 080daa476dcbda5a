"""How long the default recipe and the plain way take until the plain baseline's accuracy, and keep the figures.

    python benchmarks/reach.py [FILE]           default: results/reach.json

`fashionlab bench train` does the same and keeps nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fashionlab.bench.reach import measure
from fashionlab.common.files import write_json

ROOT = Path(__file__).parents[1]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results" / "reach.json"
    write_json(target, {"command": "python benchmarks/reach.py", **measure()})


if __name__ == "__main__":
    main()
