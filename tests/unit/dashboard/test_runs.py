"""A folder of runs as the dashboard reads it: every state, broken and foreign folders, many runs."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fashionlab.common.errors import DataError, UsageError
from fashionlab.dashboard.runs import RunRow, RunsFolder, read_details, report_path
from fashionlab.runs.results import load_results
from run_folders import history_rows, write_run


def _rows(path: Path) -> dict[str, RunRow]:
    return {row.name: row for row in RunsFolder(path).rows()}


def test_a_real_run_reads_as_its_results_say(cli, toy_data, tmp_path):
    small = ["--set", "data.validation=100", "--set", "epochs=2", "--set", "batch_size=50", "--dataset", toy_data]
    assert cli("train", "three-mlp", *small, "--name", "real", "--seed", 4, "--quiet", "--no-report").code == 0
    results = load_results(tmp_path / "runs" / "real")
    row = _rows(tmp_path / "runs")["real"]
    assert (row.state, row.reason, row.seed, row.epoch, row.epochs) == ("complete", None, 4, 2, 2)
    assert row.recipe == results.recipe.description and row.model == results.recipe.model.name
    for key in ("val_accuracy", "test_accuracy", "parameters", "train_seconds"):
        assert getattr(row, key) == getattr(results.metrics, key)
    details = read_details(results.folder)
    assert details["history"] == results.history
    assert details["scores"]["test_n"] == 200
    assert details["data"]["split_sha256"] == results.environment["data"]["split_sha256"]


def test_every_state_is_told_with_what_to_do(tmp_path):
    write_run(tmp_path / "done", test_accuracy=0.9)
    write_run(tmp_path / "now", "running", epochs=2)
    write_run(tmp_path / "begun", "running", epochs=0)
    write_run(tmp_path / "stopped", "interrupted", signal=2)
    write_run(tmp_path / "nan", "diverged", epochs=0, reason="the loss became nan")
    write_run(tmp_path / "unjudged", "trained")
    rows = _rows(tmp_path)
    assert {name: row.state for name, row in rows.items()} == {
        "done": "complete", "now": "running", "begun": "running", "stopped": "interrupted", "nan": "diverged",
        "unjudged": "trained"}
    assert rows["done"].reason is None and rows["done"].test_accuracy == 0.9
    assert (rows["now"].epoch, rows["now"].epochs, rows["now"].train_seconds) == (2, 3, 4.0)
    assert rows["now"].val_accuracy == history_rows(2)[-1]["val_accuracy"]
    assert (rows["begun"].epoch, rows["begun"].val_accuracy, rows["begun"].train_seconds) == (0, None, None)
    assert f"--resume {tmp_path / 'stopped'}" in (rows["stopped"].reason or "")
    assert rows["nan"].reason == "the loss became nan"
    assert "fashionlab evaluate" in (rows["unjudged"].reason or "")


def test_a_killed_run_is_silent_after_a_while(tmp_path):
    run = write_run(tmp_path / "killed", "running")
    folder = RunsFolder(tmp_path)
    assert folder.rows()[0].state == "running"
    long_ago = time.time() - 3600
    for file in run.path.iterdir():
        os.utime(file, (long_ago, long_ago))
    row = folder.rows()[0]
    assert row.state == "silent" and "60 minutes" in (row.reason or "") and "--resume" in (row.reason or "")


def test_a_run_just_begun_is_not_broken(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "status.json").write_text('{"state": "running"}')
    row = _rows(tmp_path)["new"]
    assert (row.state, row.reason, row.started) == ("running", None, None)


@pytest.mark.parametrize(("file", "content", "told"), [
    ("status.json", '{"state": ', "status.json: not readable"),
    ("status.json", "[]", "status.json: expected a JSON object"),
    ("status.json", '{"status": 1}', "status.json: no state"),
    ("status.json", None, "status.json: not readable"),
    ("recipe.yaml", "a: [", "recipe.yaml: not readable"),
    ("recipe.yaml", "just words", "recipe.yaml: expected a recipe"),
    ("recipe.yaml", "[" * 100_000, "recipe.yaml: larger than any recipe"),
    ("recipe.yaml", None, "recipe.yaml: not readable"),
    ("metrics.csv", "epoch,loss\n1,abc\n", "metrics.csv: no readable history"),
    ("metrics.csv", "epoch\n1,2\n", "metrics.csv: no readable history"),
    ("metrics.csv", "x" * 200_000, "metrics.csv: no readable history"),
    ("metrics.json", "\udcff", "metrics.json: not readable"),
    ("metrics.json", "[" * 100_000, "maximum recursion"),
    ("metrics.json", None, "metrics.json is missing"),
])
def test_a_broken_run_says_which_file_and_hides_no_other(tmp_path, file, content, told):
    write_run(tmp_path / "whole")
    broken = write_run(tmp_path / "broken").path / file
    broken.unlink() if content is None else broken.write_bytes(content.encode("utf-8", "surrogateescape"))
    rows = _rows(tmp_path)
    assert rows["whole"].state == "complete"
    assert rows["broken"].state == "broken" and told in (rows["broken"].reason or "")
    assert str(tmp_path) not in (rows["broken"].reason or "")


def test_only_runs_are_found_at_every_depth_that_studies_have(tmp_path):
    for name in ("plain", "study/arm/s0", "study/arm/s1", "1/2/3/4"):
        write_run(tmp_path / name)
    write_run(tmp_path / "1" / "2" / "3" / "4" / "in a run")
    write_run(tmp_path / "a" / "b" / "c" / "d" / "too deep")
    write_run(tmp_path / ".trash" / "hidden")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"")
    (tmp_path / "study" / "study.json").write_text("{}")
    assert list(_rows(tmp_path)) == ["1/2/3/4", "plain", "study/arm/s0", "study/arm/s1"]


def test_links_lead_nowhere(tmp_path):
    outside = write_run(tmp_path / "outside" / "secret").path
    (outside / "report.html").write_text("secret")
    inside = write_run(tmp_path / "runs" / "a")
    (tmp_path / "runs" / "link").symlink_to(outside)
    (inside.path / "report.html").symlink_to(outside / "report.html")
    folder = RunsFolder(tmp_path / "runs")
    assert [row.name for row in folder.rows()] == ["a"]
    assert report_path(inside, folder.path) is None
    for name in ("link", "../outside/secret", str(outside), ".", "", "a/.."):
        assert folder.get(name) is None


def test_odd_names_and_texts_can_be_sent(tmp_path):
    write_run(tmp_path / "a b#c?d%20é")
    (tmp_path / os.fsdecode(b"\xff")).mkdir()
    (tmp_path / os.fsdecode(b"\xff") / "status.json").write_text('{"state": "\\ud800", "reason": "\\udfff"}')
    for row in RunsFolder(tmp_path).rows():
        json.dumps(vars(row), ensure_ascii=False, allow_nan=False).encode()


def test_changes_are_seen_and_the_rest_is_kept(tmp_path):
    run = write_run(tmp_path / "a", "running", epochs=1)
    write_run(tmp_path / "b")
    folder = RunsFolder(tmp_path)
    before = {row.name: row for row in folder.rows()}
    os.utime(run.status, ns=(1, run.status.stat().st_mtime_ns + 10**9))
    run.set_status("interrupted")
    after = {row.name: row for row in folder.rows()}
    assert after["a"].state == "interrupted" and after["a"].version != before["a"].version
    assert after["b"] is before["b"]
    shutil.rmtree(run.path)
    assert [row.name for row in folder.rows()] == ["b"]


def test_what_is_no_folder_of_runs_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        RunsFolder(tmp_path / "none")
    run = write_run(tmp_path / "run")
    with pytest.raises(UsageError, match="is one run"):
        RunsFolder(run.path)
    assert RunsFolder(tmp_path / "run" / "..").rows()


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
                      lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
KEYS = st.sampled_from(["state", "reason", "val_accuracy", "test_accuracy", "parameters", "epochs", "model", "seed",
                        "description", "train_seconds", "test", "data"])


FILES = st.dictionaries(KEYS, VALUES)


@given(status=FILES, metrics=FILES, recipe=FILES,
       history=st.text(st.sampled_from("epoch,val_accuracy\n01.naif\""), max_size=60) | st.text(max_size=30))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_files_hold_the_answer_is_json(tmp_path, status, metrics, recipe, history):
    run = tmp_path / "run"
    run.mkdir(exist_ok=True)
    for name, value in (("status.json", status), ("metrics.json", metrics), ("recipe.yaml", recipe),
                        ("environment.json", recipe)):
        (run / name).write_text(json.dumps(value))
    (run / "metrics.csv").write_text(history, encoding="utf-8", errors="replace")
    folder = RunsFolder(tmp_path)
    [row] = folder.rows()
    found = folder.get("run")
    assert found is not None
    json.dumps([vars(row), read_details(found)], ensure_ascii=False, allow_nan=False).encode()
    assert row.state != "broken" or row.reason
