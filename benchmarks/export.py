"""Export a run in every form and keep what its check measured.

    python benchmarks/export.py runs/benchmark-medium-s0 medium                writes results/export-medium.json
    python benchmarks/export.py runs/benchmark-medium-s0 medium --prune 0.5    results/export-medium-pruned50.json

The artifact itself is thrown away. Times mean something only on a machine that does nothing else; a pruned network is
fine-tuned first, unless that is done already.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from recipe import ROOT

from fashionlab.common.environment import commit
from fashionlab.common.files import write_json
from fashionlab.deploy.export import Options, export_run
from fashionlab.deploy.prune import prune_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--prune", type=float, metavar="SHARE")
    words = parser.parse_args()
    run, name = words.run, words.name
    if words.prune is not None:
        run, name = prune_run(run, words.prune), f"{name}-pruned{round(100 * words.prune)}"
    with TemporaryDirectory() as folder:
        target = Path(folder) / "artifact.zip"
        artifact = export_run(run, Options(target, ("int8", "pt2"), unpruned=words.run if words.prune else None))
        told = artifact.description
        write_json(ROOT / "results" / f"export-{name}.json", {
            "command": shlex.join(["python", "benchmarks/export.py", *sys.argv[1:]]), "commit": commit(),
            "recipe": told.recipe, "views": told.views, "zip_bytes": target.stat().st_size,
            "temperature": told.temperature, "outlier_areas": told.areas, **artifact.check})


if __name__ == "__main__":
    main()
