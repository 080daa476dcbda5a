"""What each command leaves in a run's record of who opened its test pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fashionlab.runs.folder import RunFolder
from fashionlab.runs.readings import readings


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_run, tmp_path / "run"))


def new(run: Path, count: int = 1) -> list[tuple[str, str]]:
    """Who and why of all but the first `count` readings."""
    return [(one.who, one.why) for one in readings(RunFolder(run))[count:]]


def test_each_evaluation_is_one_reading_with_its_reason(cli, run: Path, tmp_path: Path) -> None:
    assert cli("evaluate", run, "--split", "val").code == 0 and new(run) == []
    np.savez(tmp_path / "others.npz", x_train=np.zeros((40, 20, 20), np.uint8), y_train=np.arange(40) % 2)
    assert cli("evaluate", run, "--robustness", "--outliers", "--outlier-set", tmp_path / "others.npz").code == 0
    assert [who for who, _ in new(run)] == ["evaluate", "evaluate --robustness", *["evaluate --outliers"] * 2]
    final, corrupted, _, other = (why for _, why in new(run))
    assert "final weights" in final and "corrupted" in corrupted and "others.npz" in other
    listed = json.loads((run / "metrics.json").read_text())["test_split_read"]
    assert [one["who"] for one in listed] == ["train", "evaluate"], "as it stood when the run was judged"


def test_resuming_a_finished_run_keeps_the_list_and_what_was_measured(cli, run: Path) -> None:
    assert cli("evaluate", run, "--robustness").code == 0
    before, metrics = readings(RunFolder(run)), json.loads((run / "metrics.json").read_text())
    result = cli("train", "--resume", run, "--quiet", "--json")
    assert result.code == 0, result.err
    assert readings(RunFolder(run))[:3] == before and [who for who, _ in new(run, 3)] == ["train"]
    after = json.loads(result.out)
    assert after["robustness"] == metrics["robustness"] and after["test_accuracy"] == metrics["test_accuracy"]
    assert len(after["test_split_read"]) == 4


def test_the_readings_of_an_older_run_survive_a_resume(cli, run: Path) -> None:
    (run / "test_readings.jsonl").unlink()
    metrics = json.loads((run / "metrics.json").read_text())
    dates = ["2025-01-02T03:04:05+00:00", "2025-06-07T08:09:10+00:00"]
    (run / "metrics.json").write_text(json.dumps({**metrics, "steps": 1, "test_split_read": dates}))
    assert cli("train", "--resume", run, "--quiet").code == 0
    assert [one.when for one in readings(RunFolder(run))][:2] == dates and len(readings(RunFolder(run))) == 3
    assert json.loads((run / "metrics.json").read_text())["steps"] == metrics["steps"]


def test_a_broken_record_of_scores_is_named_before_training_goes_on(cli, run: Path) -> None:
    (run / "metrics.json").write_text("{")
    result = cli("train", "--resume", run, "--quiet")
    assert result.code == 3 and "metrics.json" in result.err and new(run) == []


@pytest.mark.slow
def test_comparing_reads_for_its_page_alone(cli, run: Path, toy_data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert cli("train", "three-linear", "--dataset", toy_data, "--limit-train", "500", "--set", "data.validation=100",
               "--set", "epochs=1", "--set", "optimizer.lr=0.001", "--seed", 1, "--runs", tmp_path, "--name", "other",
               "--quiet").code == 0
    assert cli("compare", run, other, "--json").code == 0 and new(run) == new(other) == []
    assert cli("compare", run, other, "--out", "page.html").code == 0
    assert new(run) == new(other) == [("compare", "showing test pictures")]
    (run / "test_readings.jsonl").unlink()
    (run / "test_readings.jsonl").mkdir()
    assert cli("compare", run, other, "--out", "page.html").code == 0
    assert "the test split is not given out" in Path("page.html").read_text()


@pytest.mark.slow
def test_a_report_reads_once_and_lists_every_reading(run: Path) -> None:
    from fashionlab.report.page import write_report

    write_report(run, device="cpu")
    assert new(run) == [("report", "showing test pictures")]
    page, card = (run / "report.html").read_text(), (run / "model_card.md").read_text()
    recorded = readings(RunFolder(run))
    for reading in recorded:
        assert reading.when in page and f"<td>{reading.why}</td>" in page
    assert f"opened 2 times, last on {recorded[-1].when[:10]}" in card
