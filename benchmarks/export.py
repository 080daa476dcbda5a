"""Export a run in every form and keep what its check measured.

    python benchmarks/export.py runs/benchmark-quick-s0 quick      writes results/export-quick.json

The artifact itself is thrown away. Times mean something only on a machine that does nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fashionlab.deploy.export import Options, export_run
from fashionlab.environment import commit
from fashionlab.files import write_json

ROOT = Path(__file__).parents[1]


def main() -> None:
    run, name = Path(sys.argv[1]), sys.argv[2]
    with TemporaryDirectory() as folder:
        target = Path(folder) / "artifact.zip"
        artifact = export_run(run, Options(target, int8=True, pt2=True))
        told = artifact.description
        write_json(ROOT / "results" / f"export-{name}.json", {
            "command": f"python benchmarks/export.py {run} {name}", "commit": commit(), "recipe": told.recipe,
            "views": told.views, "zip_bytes": target.stat().st_size, "temperature": told.temperature,
            "outlier_areas": told.areas, **artifact.check})


if __name__ == "__main__":
    main()
