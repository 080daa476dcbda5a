"""From a run to an artifact, with the report and the pruned run that it may need first."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from fashionlab.api.classifier import Classifier
from fashionlab.common.arguments import check_count, check_number
from fashionlab.common.errors import UsageError, unknown
from fashionlab.deploy.export import Options, check_target, export_run
from fashionlab.deploy.formats import BASE, FORMATS
from fashionlab.recipes.schema import Views


def export(run: Path, target: Path | None, *, int8: bool, format: str, prune: float | None, batch: int | None,
           views: int | None, data_dir: Path | None) -> Classifier:
    """As `Run.export`."""
    beside = [name for name in FORMATS if name != BASE]
    if format not in ("onnx", *beside):
        raise unknown("--format", format, ("onnx", *beside))
    if batch is not None:
        check_count(batch, "batch")
    if views not in (None, *get_args(Views)):
        raise UsageError(f"views {views!r}: expected one of {', '.join(map(str, get_args(Views)))}")
    if target:
        check_target(target)
    unpruned = None
    if prune is not None:
        check_number(prune, "prune")
        from fashionlab.deploy.prune import prune_run

        unpruned, run = run, prune_run(run, prune, data_dir)
    target = target or run / "artifact"
    check_target(target)
    if (run / "metrics.json").is_file() and not (run / "model_card.md").is_file():
        from fashionlab.report.page import write_report

        write_report(run, data_dir=data_dir)
    formats = [name for name in beside if name == format or (name == "int8" and int8)]
    export_run(run, Options(target, formats, unpruned, data_dir, batch, views))
    return Classifier(target)
