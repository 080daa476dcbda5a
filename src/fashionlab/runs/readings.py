"""Who opened the test pictures of a run, when and why: `test_readings.jsonl` in its folder, a line a reading.

The file is only ever appended to and is the truth; `test_split_read` in metrics.json repeats what stood in it when the
run was last judged.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.common.files import locked
from fashionlab.runs.folder import RunFolder

_NOT_RECORDED = "not recorded"  # runs from before there was a record kept the date of each evaluation


@dataclass(frozen=True)
class Reading:
    """One opening of the test split. when: UTC, ISO 8601. who: the command or stage. why: the reason, for people.
    sha256: of the pictures (`PictureSet.sha256`), so that no others pass for them later."""

    when: str
    who: str
    why: str
    sha256: str = _NOT_RECORDED


def record_reading(run: RunFolder, who: str, why: str, sha256: str = _NOT_RECORDED) -> None:
    """Append a reading to the run's record. Raises FashionlabError, naming the file, when that cannot be done.

    For who has the pictures already and uses them for another run too; else
    `held_out.open_test_split` does it.
    """
    reading = Reading(datetime.now(UTC).isoformat(timespec="seconds"), who, why, sha256)
    with locked(run.readings):
        try:
            earlier = [] if run.readings.exists() else _before_the_record(run)
            _append(run.readings, [*earlier, reading])
        except OSError as error:
            raise FashionlabError(f"cannot write {run.readings}: {error.strerror or error}; the test split is not "
                                  "given out unless that is recorded") from error


def readings(run: RunFolder) -> list[Reading]:
    """Every recorded reading, the first one first. A line that cannot be read is one too.

    Raises DataError when the record is there and cannot be opened.
    """
    if not run.readings.exists():
        return _before_the_record(run)
    try:
        lines = run.readings.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"{run.readings}: not readable ({error})") from error
    return [_parse(line) for line in lines if line.strip()]


def known_hash(run: RunFolder) -> str | None:
    """Of the test pictures that the run was first judged on; None where no reading says, or where the record cannot be
    read: then no reading can be recorded either, which is what refuses the pictures."""
    try:
        return next((one.sha256 for one in readings(run) if one.sha256 != _NOT_RECORDED), None)
    except DataError:
        return None


def _append(path: Path, new: list[Reading]) -> None:
    """One write in append mode, on the disk when this returns. After a torn line a new one is begun."""
    text = "".join(json.dumps(asdict(one)) + "\n" for one in new)
    with path.open("a+b") as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            text = text if stream.read(1) == b"\n" else "\n" + text
        stream.write(text.encode())
        stream.flush()
        os.fsync(stream.fileno())


def _parse(line: str) -> Reading:
    try:
        return _reading(json.loads(line))
    except ValueError:
        return Reading(_NOT_RECORDED, _NOT_RECORDED, f"a damaged line: {line[:80]}")


def _reading(entry: Any) -> Reading:
    if isinstance(entry, dict):
        return Reading(*(str(entry.get(field.name, _NOT_RECORDED)) for field in fields(Reading)))
    return Reading(str(entry), "evaluate", _NOT_RECORDED)


def _before_the_record(run: RunFolder) -> list[Reading]:
    """The readings of a run from before there was a record: of each evaluation the date, in metrics.json."""
    entries = run.read_metrics().test_split_read if run.metrics.exists() else []
    return [_reading(entry) for entry in entries]
