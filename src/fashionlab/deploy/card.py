"""The model card of an artifact: the run's own, and what was measured at its export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fashionlab.common.errors import DataError
from fashionlab.deploy.formats import FORMATS
from fashionlab.runs.results import RunResults

HEADER = ("graph", "bytes", "test accuracy", "largest difference", "equal answers", "1 (ms)", "32 (ms)", "256 (ms)",
          "pictures/s")


def of_run(results: RunResults) -> str:
    """The run's model_card.md without its figures, which stay with the run. Raises DataError when there is none."""
    path = results.folder.path / "model_card.md"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no readable model card; write it with `fashionlab report {results.folder.path}`"
                        ) from error
    kept: list[str] = []
    caption = False  # a figure is followed by an empty line and its caption
    for line in lines:
        if line.startswith("!["):
            caption = True
        elif caption and line.startswith("*"):
            caption = False
        elif not (caption and not line):
            kept.append(line)
    return "\n".join(kept) + "\n"


def with_measurements(text: str, checked: Mapping[str, Any]) -> str:
    """The card with a section on the exported graphs, from check.json's values."""
    rows = [[str(cell) for cell in row] for row in table(checked)]
    lines = ["", "## Exported graphs", "", f"| {' | '.join(HEADER)} |", f"|{' ---: |' * len(HEADER)}",
             *(f"| {' | '.join(row)} |" for row in rows), "", *(f"- {line}" for line in remarks(checked)), ""]
    return text.rstrip("\n") + "\n" + "\n".join(lines)


def table(checked: Mapping[str, Any]) -> list[list[str]]:
    """A row for each form of the network, with the columns of HEADER: times are medians and, in brackets, p99."""
    return [[name, f"{row['bytes']:,}", f"{row['test_accuracy']:.2%}", f"{row['largest_difference']:.2g}",
             f"{row['equal_answers']:.1%}",
             *(f"{one['median']:.2f} ({one['p99']:.2f})" for one in row["latency_ms"].values()),
             f"{row['images_per_second']:,.0f}"] for name, row in checked["rows"].items()]


def remarks(checked: Mapping[str, Any]) -> list[str]:
    """What has to be said beside the table."""
    machine = checked["machine"]
    lines = [f"accuracy on {checked['n']:,} test pictures, measured when all was decided; difference of logits and "
             f"equal answers on {checked['parity']:,} validation pictures, against PyTorch in float32",
             f"median and p99 of a call by number of pictures in it, {checked['threads']} thread(s) on "
             f"{machine['processor']}, {machine['cores']} cores; pictures/s at the fastest of these"]
    verdicts = (checked.get(name) for name in ("pruning", *FORMATS))
    return [*lines, *(verdict["why"] for verdict in verdicts if verdict)]
