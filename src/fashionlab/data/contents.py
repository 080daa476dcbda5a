"""What a data set holds, before any of its pictures is prepared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fashionlab.data.locate import locate
from fashionlab.data.read import SourceReader
from fashionlab.data.source import Wanted
from fashionlab.preparation import PictureFacts


@dataclass(frozen=True)
class Contents:
    """source: what it is and where, for people. training, validation: how many pictures each part has, of which
    validation is 0 where the set has no such part. facts: what the training pictures are like."""

    source: str
    classes: tuple[str, ...]
    training: int
    validation: int
    facts: PictureFacts


def contents(dataset: str, data_dir: Path | None = None, group: str | None = None) -> Contents:
    """Of a data set by name or path; its test part is left alone as by `load_training`, whose errors it raises."""
    return contents_of(SourceReader(locate(dataset, data_dir), Wanted(group=group)))


def contents_of(reader: SourceReader) -> Contents:
    """Of a source that is being read."""
    validation = reader.validation
    return Contents(reader.source.describe, reader.classes, len(reader.training), len(validation) if validation else 0,
                    reader.facts)
