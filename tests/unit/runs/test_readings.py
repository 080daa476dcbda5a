"""Every opening of a run's test pictures is written down, and what is written down is never lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.data.held_out import load_test
from fashionlab.data.seal import SealedError, sealed_test_split
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.held_out import open_other_test_split, open_test_split
from fashionlab.runs.metrics import Metrics
from fashionlab.runs.readings import readings, record_reading


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> RunFolder:
    run = RunFolder(Path(shutil.copytree(toy_run, tmp_path / "run")))
    first, *_ = run.readings.read_text().splitlines(keepends=True)  # other tests look at the run's pictures meanwhile
    run.readings.write_text(first)
    return run


def test_an_opening_is_written_down_with_who_when_and_why(run: RunFolder, toy_data: Path) -> None:
    before, started = readings(run), datetime.now(UTC)
    assert [one.who for one in before] == ["train"], "the evaluation at the end of training"
    pictures = open_test_split(run, who="somebody", why="a reason, with \"quotes\" and ümlauts")
    assert (pictures.images == load_test(str(toy_data)).images).all()
    *same, last = readings(run)
    assert same == before and (last.who, last.why) == ("somebody", "a reason, with \"quotes\" and ümlauts")
    assert timedelta() <= datetime.fromisoformat(last.when) - started.replace(microsecond=0) < timedelta(minutes=5)
    assert datetime.fromisoformat(last.when).utcoffset() == timedelta()


def test_another_data_set_s_test_part_counts_too(run: RunFolder, toy_data: Path) -> None:
    other = open_other_test_split(run, str(toy_data), who="a", why="b")
    assert other.images.shape == (200, 1, 28, 28) and len(readings(run)) == 2
    with pytest.raises(DataError, match="no such file"):
        open_other_test_split(run, "nowhere.npz", who="a", why="b")
    assert len(readings(run)) == 2


def test_what_cannot_be_written_down_is_not_given_out(run: RunFolder) -> None:
    run.readings.unlink()
    run.readings.mkdir()  # a full or read-only disk cannot be had where tests run as root
    with pytest.raises(FashionlabError, match=r"test_readings\.jsonl: .*; the test split is not given out") as error:
        open_test_split(run, who="a", why="b")
    assert "\n" not in str(error.value)
    with pytest.raises(DataError, match=r"test_readings\.jsonl"):
        readings(run)


def test_what_was_not_given_out_is_not_written_down(run: RunFolder) -> None:
    with sealed_test_split(), pytest.raises(SealedError):
        open_test_split(run, who="a", why="b")
    spec = json.loads(run.model.read_text())
    run.model.write_text(json.dumps({**spec, "classes": [*spec["classes"][1:], "other"]}))
    with pytest.raises(DataError, match="classes"):
        open_test_split(run, who="a", why="b")
    assert len(readings(run)) == 1


def test_dates_of_older_runs_are_shown_and_taken_into_the_record(tmp_path: Path) -> None:
    run, dates = RunFolder(tmp_path), ["2025-01-02T03:04:05+00:00", "2025-06-07T08:09:10+00:00"]
    assert readings(run) == []
    run.update_metrics(Metrics(test_split_read=dates))
    assert [(one.when, one.who) for one in readings(run)] == [(date, "evaluate") for date in dates]
    record_reading(run, "report", "a reason")
    run.metrics.unlink()
    assert [one.when for one in readings(run)][:2] == dates and readings(run)[2].who == "report"


def test_damaged_lines_count_and_cost_no_other(run: RunFolder) -> None:
    run.readings.write_bytes(run.readings.read_bytes() + b'{"when": "2026-')  # torn, by a kill or a full disk
    record_reading(run, "after", "b")
    first, damaged, last = readings(run)
    assert (first.who, last.who) == ("train", "after") and damaged.why.startswith("a damaged line")


def test_processes_that_open_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.update_metrics(Metrics(test_split_read=["2025-01-02T03:04:05+00:00"]))
    code = ("import sys; from pathlib import Path; from fashionlab.runs.folder import RunFolder\n"
            "from fashionlab.runs.readings import record_reading\n"
            "for number in range(25): record_reading(RunFolder(Path(sys.argv[1])), sys.argv[2], str(number))")
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), who]) for who in "abc"]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    first, *rest = readings(run)
    assert first.when == "2025-01-02T03:04:05+00:00" and len(rest) == 75
    for who in "abc":
        assert [one.why for one in rest if one.who == who] == [str(number) for number in range(25)]
