"""Finding study files: built-in ones are the YAML files under library/, anything else is a path."""

from __future__ import annotations

from pathlib import Path

from fashionlab.common.errors import UsageError, unknown
from fashionlab.recipes.library import read_yaml
from fashionlab.studies.schema import Study, check

FOLDER = Path(__file__).parent / "library"


def _files() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.rglob("*.yaml"))}


def names() -> list[str]:
    """The built-in studies."""
    return sorted(_files())


def load(name: str, seeds: int | None = None, data_dir: Path | None = None) -> Study:
    """The study called `name` or declared by the YAML file at that path, fully checked.

    seeds: that many instead of the declared ones. data_dir: where its data set is, if not where it says. Raises
    UsageError, and DataError for a data set that cannot be read.
    """
    path = _find(name)
    values = read_yaml(path)
    return check(values, path.read_text(encoding="utf-8"), path.stem, name, seeds, data_dir)


def _find(name: str) -> Path:
    if name.endswith((".yaml", ".yml")) or "/" in name:
        if not Path(name).is_file():
            raise UsageError(f"{name}: no such study file")
        return Path(name)
    files = _files()
    if name not in files:
        raise unknown("study", name, files)
    return files[name]
