"""From a run to an artifact, with the report and the pruned run that it may need first."""

from __future__ import annotations

from pathlib import Path

from fashionlab.api.classifier import Classifier
from fashionlab.common.errors import UsageError
from fashionlab.deploy.export import Options, check_target, export_run

FORMATS = ("onnx", "pt2")


def export(run: Path, target: Path | None, *, int8: bool, format: str, prune: float | None,
           data_dir: Path | None) -> Classifier:
    """As `Run.export`."""
    if format not in FORMATS:
        raise UsageError(f"format {format}: expected {' or '.join(FORMATS)}")
    if target:
        check_target(target)
    unpruned = None
    if prune is not None:
        from fashionlab.deploy.prune import prune_run

        unpruned, run = run, prune_run(run, prune, data_dir)
    target = target or run / "artifact"
    check_target(target)
    if (run / "metrics.json").is_file() and not (run / "model_card.md").is_file():
        from fashionlab.report.page import write_report

        write_report(run, data_dir=data_dir)
    export_run(run, Options(target, int8, format == "pt2", unpruned, data_dir))
    return Classifier(target)
