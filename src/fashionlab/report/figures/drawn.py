"""Which figures on disk still show what a run says, so that a report draws only what has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib as mpl

import fashionlab
from fashionlab.common.files import write_json
from fashionlab.report import style
from fashionlab.runs.folder import RunFolder

RECORD = "drawn.json"
_READ = ("*.json", "*.yaml", "*.csv", "*.npz", "predictions/*.npz", "checkpoints/*")


@dataclass(frozen=True)
class Drawn:
    """A figure on disk. sha256: of the file in each format."""

    caption: str
    sha256: dict[str, str]


def drawn_from(run: RunFolder) -> str:
    """SHA-256 of everything that figures are drawn from: the run's files and the code that draws."""
    package = Path(fashionlab.__file__).parent
    digest = hashlib.sha256(mpl.__version__.encode())
    files = [path for pattern in _READ for path in sorted(run.path.glob(pattern))]
    for path in [*files, *sorted(package.rglob("*.py"))]:
        digest.update(f"{path.name} {_sum(path)}".encode())
    return digest.hexdigest()


def still_good(folder: Path, source: str, formats: Sequence[style.Format]) -> dict[str, Drawn]:
    """The figures in `folder` that were drawn from `source` and have not been touched since, by name. An unreadable
    record is no record: everything is drawn anew."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        entries = record["figures"] if record["from"] == source else {}
        figures = {name: Drawn(**entry) for name, entry in entries.items()}
        return {name: figure for name, figure in figures.items()
                if all(_sum(folder / f"{name}.{kind}") == figure.sha256.get(kind) for kind in formats)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def keep(folder: Path, source: str, captions: Mapping[str, str], formats: Sequence[style.Format]) -> None:
    """Write down that the figures in `folder` of these names, with their captions, were drawn from `source`."""
    figures = {name: asdict(Drawn(caption, {kind: _sum(folder / f"{name}.{kind}") for kind in formats}))
               for name, caption in captions.items()}
    write_json(folder / RECORD, {"from": source, "figures": figures})


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
