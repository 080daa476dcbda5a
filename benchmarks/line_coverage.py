"""How many lines of each stage the tests run, from the reports of `make coverage`.

    python benchmarks/line_coverage.py [NAME[@COMMIT]=REPORT]...       into results/coverage.json

NAME is "default" (`make test`), "all" (`make test-all`) or "before" (all tests of an older version, to compare with),
COMMIT what was measured where it is not what is checked out, REPORT the JSON report of coverage.py. What is not named
stays as it is.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

from fashionlab.common import environment
from fashionlab.common.files import write_json

TARGET = Path(__file__).parents[1] / "results" / "coverage.json"


def stages(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The lines of every package below fashionlab, and of all: how many there are, how many were run, and the share."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, file in report["files"].items():
        _, _, below = name.partition("fashionlab/")
        stage = PurePosixPath(below).parts[0] if "/" in below else "top"
        for key in ("all", stage):
            counts[key][0] += file["summary"]["num_statements"]
            counts[key][1] += file["summary"]["covered_lines"]
    return {stage: {"lines": lines, "run": run, "share": round(run / max(lines, 1), 4)}
            for stage, (lines, run) in sorted(counts.items())}


def main() -> None:
    kept = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
    for word in sys.argv[1:]:
        measured, _, path = word.partition("=")
        name, _, commit = measured.partition("@")
        kept[name] = {"commit": commit or environment.commit(),
                      "stages": stages(json.loads(Path(path).read_text(encoding="utf-8")))}
    write_json(TARGET, {**kept, "command": "make coverage", "unit": "lines of the package that can be run"})


if __name__ == "__main__":
    main()
