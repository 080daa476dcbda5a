"""A declared question becomes runs, and runs become a verdict."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fashionlab.common.arguments import PathLike, as_optional_path, as_path, as_text, check_count
from fashionlab.report.study_page import write_study_page
from fashionlab.studies import catalog, runner, wording


@dataclass(frozen=True)
class StudyResults:
    """results: what the study's results.json holds. page: its HTML page."""

    results: dict[str, Any]
    page: Path

    @property
    def path(self) -> Path:
        """The study's folder."""
        return Path(self.results["folder"])

    @property
    def verdicts(self) -> dict[str, str]:
        """better, worse, equivalent or undecided, for each arm against the baseline."""
        return {name: arm["verdict"] for name, arm in self.results["arms"].items()}

    def __str__(self) -> str:
        lines = [f"{name}: {wording.verdict(self.results, arm)}" for name, arm in self.results["arms"].items()]
        return "\n".join([self.results["question"], *lines])

    def _repr_html_(self) -> str:
        return "<br>".join(html.escape(line) for line in str(self).splitlines())


def study(study: PathLike, *, seeds: int | None = None, jobs: int = 1, runs: PathLike = "runs", device: str = "auto",
          data_dir: PathLike | None = None, quiet: bool = False) -> StudyResults:
    """Train every arm with every seed, judge each arm against the baseline, and write the study's page.

    study: a built-in one or a YAML file. seeds: so many instead of the declared ones. jobs: runs trained side by side,
    which share the cores. The study becomes a folder under `runs`; the same call continues one that was stopped.
    Raises UsageError and DataError before anything runs when the declaration was changed or the data is not there, and
    Interrupted when it was stopped by a signal.
    """
    check_count(jobs, "jobs")
    if seeds is not None:
        check_count(seeds, "seeds")
    data_path = as_optional_path(data_dir, "data_dir")
    declared = catalog.load(as_text(study, "study"), seeds, data_path)
    results = runner.run_study(declared, as_path(runs, "runs"), jobs=jobs, device=device, data_dir=data_path,
                               quiet=quiet)
    return StudyResults(results, write_study_page(Path(results["folder"])))
