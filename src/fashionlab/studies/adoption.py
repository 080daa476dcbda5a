"""Runs that other studies and `fashionlab reproduce` have finished already, taken over instead of trained again.

Equal recipes with equal seeds give equal weights on equal machines, but for the last bits, which the number of threads
changes; so a second training would find out nothing. The copy's status.json says where it is from.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fashionlab.common.environment import machine, versions
from fashionlab.common.errors import FashionlabError
from fashionlab.recipes import Recipe
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.pictures import load_recipe

# What the reason begins with why a run did not get as far as its recipe says (`training.session`).
_CUT_SHORT = ("out of time", "a callback")


def finished(runs: Path) -> Iterator[RunFolder]:
    """Complete runs under `runs`, in folders of theirs (a study's, reproduce/) or not, trained as far as their recipes
    say on a machine with this processor and this PyTorch."""
    here = machine()["processor"], versions()["torch"]
    for status in sorted([*runs.glob("*/status.json"), *runs.glob("*/*/status.json")]):
        run = RunFolder(status.parent)
        try:
            state = run.read_json(run.status)
            complete = state.get("state") == "complete" and not str(state.get("stopped")).startswith(_CUT_SHORT)
            alike = complete and not run.ensemble.is_file() and _made_on(run) == here
        except FashionlabError:
            continue  # a broken folder is somebody else's to tell of
        if alike:
            yield run


def _made_on(run: RunFolder) -> tuple[str | None, str | None]:
    environment = run.read_json(run.environment)
    return environment.get("machine", {}).get("processor"), environment.get("versions", {}).get("torch")


class Shelf:
    """Finished runs by recipe. device: where they were trained ("cpu", "cuda:0")."""

    def __init__(self, runs: Path, device: str) -> None:
        self.runs: list[tuple[Recipe, RunFolder]] = [
            (load_recipe(run), run) for run in finished(runs)
            if run.read_json(run.environment).get("device") == device]

    def take(self, recipe: Recipe, path: Path) -> bool:
        """Copy a finished run of `recipe` to `path`, which is not there yet; False when there is none."""
        match = next((run for theirs, run in self.runs if theirs.trains_like(recipe)), None)
        if match is None:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
            copy = RunFolder(Path(folder) / path.name)
            shutil.copytree(match.path, copy.path)
            stopped = match.read_json(match.status).get("stopped")
            copy.set_status("complete", stopped=stopped, taken_from=str(match.path))
            copy.path.rename(path)
        return True
