"""The page of a comparison: one HTML file with tables, charts and the pictures on which the runs disagree."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fashionlab.common.errors import FashionlabError, UsageError
from fashionlab.common.files import write_text
from fashionlab.report import compare_facts as facts
from fashionlab.report import style
from fashionlab.report.compare_figures import Chart, charts
from fashionlab.report.html import data_uri, render
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.names import short_names
from fashionlab.report.picture_sheet import picture_sheet
from fashionlab.runs.readings import record_reading
from fashionlab.runs.results import RunResults
from fashionlab.studies.comparison import Comparison

MOST_PICTURES = 240
_TITLE = "Comparison of "  # the page's title begins with it: that is how an earlier page is known
_SECTIONS = (("scores", "Scores"), ("pairs", "Pair by pair"), ("seeds", "Over seeds"), ("classes", "Classes"),
             ("calibration", "Calibration"), ("cost", "Cost"), ("disagreements", "Disagreements"),
             ("recipes", "Recipes"))


def default_page(runs: Sequence[RunResults]) -> Path:
    """Where the page goes if nobody says: beside the first run, under a name made of all runs."""
    names = [run.name for run in runs]
    name = "-vs-".join(names)
    if len(name) > 60:
        digest = hashlib.sha256("/".join(names).encode()).hexdigest()[:6]
        name = f"{names[0][:40]}-and-{len(names) - 1}-more-{digest}"
    return runs[0].folder.path.resolve().parent / f"compare-{name}.html"


def check_free(path: Path) -> None:
    """An earlier comparison's page may be replaced, nothing else. Raises UsageError."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; --out needs the name of a file")
    if path.exists():
        start = path.read_bytes()[:1000].decode("utf-8", errors="replace")
        if f"<title>{_TITLE}" not in start:
            raise UsageError(f"{path} exists and is not the page of a comparison; choose another --out")


def write_page(comparison: Comparison, runs: Sequence[RunResults], path: Path, *, data_dir: Path | None = None) -> None:
    """Write the page to `path`.

    Without the data set at hand the page has no pictures and says so. Raises UsageError when `path` is something that
    must not be replaced, FashionlabError when it cannot be written.
    """
    check_free(path)
    with_figures = {section: [_embed(chart) for chart in drawn] for section, drawn in charts(comparison).items()}
    write_text(path, render(
        "compare.html", title_start=_TITLE, sections=_SECTIONS, comparison=comparison, facts=facts,
        tiles=_tiles(comparison), drawn=with_figures, disagreements=_disagreements(comparison, runs, data_dir)))


def _embed(chart: Chart) -> dict[str, str]:
    content = io.BytesIO()
    with style.applied():
        chart.sheet.savefig(content, format="svg", metadata={"Date": None})
    return {"title": chart.title, "caption": chart.caption, "uri": data_uri(content.getvalue(), "image/svg+xml")}


def _tiles(comparison: Comparison) -> list[dict[str, str]]:
    right, n = comparison.answers.right.sum(axis=0), comparison.n
    best = max(comparison.candidates, key=lambda run: run.accuracy.estimate)
    disagreed = len(comparison.answers.disagreed)
    return [
        {"label": "Highest accuracy", "value": f"{best.accuracy.estimate:.2%}", "note": best.label},
        {"label": "Right in every run", "value": f"{(right == len(comparison.candidates)).mean():.2%}",
         "note": f"of {n:,} test pictures"},
        {"label": "Right in no run", "value": f"{(right == 0).mean():.2%}", "note": f"{(right == 0).sum():,} pictures"},
        {"label": "Answers differ", "value": f"{disagreed / n:.2%}", "note": f"{disagreed:,} pictures"},
    ]


def _disagreements(comparison: Comparison, runs: Sequence[RunResults], data_dir: Path | None) -> dict[str, Any]:
    """What the gallery shows, or why it cannot: {"items": [], "why": ...}."""
    answers = comparison.answers
    rows = answers.disagreed[:MOST_PICTURES]
    filters = [{"key": "true", "label": "True class", "options": list(answers.classes)},
               {"key": "right", "label": "Right", "options": _right_options(comparison)}]
    if not len(rows):
        return {"items": [], "why": "The runs give the same answer for every picture", "filters": filters}
    try:
        pictures = ReportInputs(runs[0], data_dir, who="compare").pictures
        for other in runs[1:]:
            record_reading(other.folder, "compare", "showing test pictures")
    except FashionlabError as error:
        return {"items": [], "why": f"The pictures are not at hand ({error})", "filters": filters}
    return {"items": [_item(comparison, at, int(row)) for at, row in enumerate(rows)], "filters": filters,
            "sheet": picture_sheet(pictures.images[rows])}


def _item(comparison: Comparison, at: int, row: int) -> dict[str, Any]:
    answers = comparison.answers
    true = answers.classes[answers.labels[row]]
    votes: dict[int, list[str]] = {}  # answer -> who gives it, and how sure
    labels = short_names(comparison.labels, 16)
    for label, answer, sure in zip(labels, answers.predicted[:, row], answers.confidence[:, row], strict=True):
        votes.setdefault(int(answer), []).append(f"{label} {sure:.0%}")
    lines = [f"{'✓' if answer == answers.labels[row] else '✗'} {answers.classes[answer]}: {', '.join(who)}"
             for answer, who in sorted(votes.items(), key=lambda entry: -len(entry[1]))]
    return {"at": at, "alt": f"Test picture {row}: {true}. {'; '.join(lines)}", "lines": [true, *lines], "true": true,
            "right": _who_is_right(comparison, row)}


def _who_is_right(comparison: Comparison, row: int) -> str:
    right = comparison.answers.right[:, row]
    if len(right) == 2:
        return f"only {comparison.labels[int(right[1])]}" if right.any() else "neither"
    return f"{right.sum()} of {len(right)}"


def _right_options(comparison: Comparison) -> list[str]:
    """In a picture that is disagreed on not all are right."""
    runs = comparison.labels
    if len(runs) == 2:
        return [*(f"only {label}" for label in runs), "neither"]
    return [f"{count} of {len(runs)}" for count in range(len(runs))]
