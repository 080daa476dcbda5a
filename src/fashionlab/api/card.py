"""A run as a small card, for notebooks."""

from __future__ import annotations

import html

from fashionlab.report.facts import summary
from fashionlab.runs.results import RunResults


def run_card(results: RunResults) -> str:
    """HTML: the run's name and its key figures; of one that has not finished, how it stands."""
    finished = results.folder.metrics.is_file() and results.folder.predictions("test").is_file()
    text = summary(results) if finished else f"state  {results.status.get('state', 'unknown')}"
    rows = "".join(f'<tr><th style="text-align:left">{html.escape(name.strip())}</th>'
                   f'<td style="text-align:left">{html.escape(value.strip())}</td></tr>'
                   for name, _, value in (line.partition("  ") for line in text.splitlines()))
    return (f'<div style="border:1px solid #d9d9d9;border-radius:6px;padding:.6em 1em;display:inline-block">'
            f"<b>{html.escape(results.name)}</b><table>{rows}</table></div>")
