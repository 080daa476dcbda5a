"""Studies through the command line: stopped, killed and continued, with runs that diverge, crash and are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from fashionlab.common import runtime
from fashionlab.common.errors import UsageError
from fashionlab.runs.folder import hold
from waiting import wait_until

STUDY = """
question: does the rate matter?
baseline:
  recipe: three-linear
  set: {epochs: 25, batch_size: 50, data.dataset: %s, data.validation: 100, averaging.name: ema, averaging.decay: 0.9}
arms:
  slow: {set: {optimizer.lr: 0.001}}
  wild: {set: {optimizer.lr: 1.0e+9}}
seeds: 1
metric: test_accuracy
smallest_difference: 0.5
test: paired
"""
JOBS = min(2, runtime.usable_cores())


@pytest.fixture
def study(cli, toy_data, tmp_path):
    """The file of a study in the current folder, which `cli` makes `tmp_path`."""
    path = tmp_path / "rate.yaml"
    path.write_text(STUDY % toy_data)
    return path


def is_worker(process: psutil.Process) -> bool:
    try:
        return "fashionlab.studies.worker" in process.cmdline()
    except psutil.NoSuchProcess:  # it ended in between
        return False


@pytest.fixture
def start(tmp_path):
    """`start("study", ...)` runs the command in a process of its own, which does not outlive the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "fashionlab", *map(str, arguments)]
        started.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def wait_for(condition, process: subprocess.Popen[bytes]) -> None:
    wait_until(condition, "stopped", lambda: process.poll() is not None)


def states(folder: Path) -> dict[str, str]:
    return {path.parent.name: json.loads(path.read_text())["state"] for path in folder.glob("*-s*/status.json")}


def is_held(path: Path) -> bool:
    try:
        hold(path).release()
        return False
    except UsageError:
        return True


@pytest.mark.slow
def test_stopped_and_killed_and_continued_equals_left_alone(cli, start, study, tmp_path, monkeypatch):
    folder = tmp_path / "runs" / "rate"
    stopped = start("study", study)
    wait_for(lambda: "running" in states(folder).values(), stopped)
    second = cli("study", study)
    assert second.code == 2 and "is being run by another process" in second.err
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait() == 143
    assert not any(is_held(folder / name) for name in states(folder)), "a run outlives its study"

    killed = start("study", study)
    wait_for(lambda: {"complete", "running"} <= set(states(folder).values()), killed)
    killed.kill()
    killed.wait()
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("*-s*/metrics.json")
                if states(folder)[path.parent.name] == "complete"}
    assert finished

    continued = cli("study", study, "--json")
    assert continued.code == 0 and "wild-s0  the loss became" in continued.err
    results = json.loads(continued.out)
    assert results == json.loads((folder / "results.json").read_text())
    assert all(path.stat().st_mtime_ns == then for path, then in finished.items()), "a finished run was repeated"
    wild = results["arms"]["wild"]
    assert wild["n"] == 0 and len(wild["failures"]) == 1 and wild["verdict"] == "undecided"

    monkeypatch.setenv("OMP_NUM_THREADS", str(runtime.usable_cores()))
    for arm, entry in (("baseline", results["baseline"]), ("slow", results["arms"]["slow"])):
        name = f"{arm}-s0"
        alone = cli("train", folder / "recipes" / f"{arm}.yaml", "--name", name, "--runs", "alone", "--quiet", "--json")
        assert entry["values"] == {"0": json.loads(alone.out)["test_accuracy"]}
        ours, theirs = (load_file(path / name / "checkpoints" / "averaged.safetensors")
                        for path in (folder, Path("alone")))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs), name

    again = cli("study", study)
    assert again.code == 0 and "does the rate matter?" in again.out and "undecided" in again.out
    assert "warning: 1 seed:" in again.err and str(Path("runs") / "rate" / "study.html") in again.out
    study.write_text(study.read_text().replace("smallest_difference: 0.5", "smallest_difference: 5"))
    changed = cli("study", study)
    assert changed.code == 2 and "smallest_difference changed" in changed.err


@pytest.mark.slow
def test_a_killed_run_is_a_failure_of_that_run(start, study, tmp_path):
    study.write_text(study.read_text().replace("  wild: {set: {optimizer.lr: 1.0e+9}}\n", ""))
    process = start("study", study, "--jobs", JOBS)

    def workers() -> list[psutil.Process]:
        children = psutil.Process(process.pid).children()
        return [child for child in children if is_worker(child)]

    wait_for(workers, process)
    workers()[0].kill()
    assert process.wait() == 0
    results = json.loads((tmp_path / "runs" / "rate" / "results.json").read_text())
    assert results["baseline"]["failures"] == [{"seed": 0, "run": "baseline-s0", "reason": "killed by SIGKILL"}]
    assert results["arms"]["slow"]["n"] == 1 and results["arms"]["slow"]["verdict"] == "undecided"
    environment = json.loads((tmp_path / "runs" / "rate" / "slow-s0" / "environment.json").read_text())
    assert environment["threads"] == runtime.usable_cores() // JOBS


def test_a_study_trains_its_runs_and_compares_them(cli, study):
    study.write_text(study.read_text().replace("epochs: 25", "epochs: 1").partition("  wild:")[0]
                     + "seeds: 1" + study.read_text().partition("seeds: 1")[2])
    results = json.loads(cli("study", study, "--json").out)
    runs = Path("runs") / "rate"
    values = {arm: json.loads((runs / f"{arm}-s0" / "metrics.json").read_text())["test_accuracy"]
              for arm in ("baseline", "slow")}
    assert {"baseline": results["baseline"]["values"]["0"], "slow": results["arms"]["slow"]["values"]["0"]} == values
    assert results == json.loads((runs / "results.json").read_text()) and (runs / "study.html").is_file()


@pytest.mark.slow
def test_what_a_run_finds_wrong_with_the_recipe_ends_the_study(cli, study):
    study.write_text(study.read_text().replace("batch_size: 50", "batch_size: 5000"))
    result = cli("study", study)
    assert result.code == 2 and "baseline-s0: batch_size 5000 is larger than the training set" in result.err
    assert not Path("runs/rate/baseline-s0").exists()


def test_bad_use(cli, study, tmp_path):
    assert cli("study", "rat").code == 2 and cli("study", "none.yaml").code == 2
    assert cli("study", study, "--jobs", 0).code == 2 and cli("study", study, "--seeds", 0).code == 2
    many = cli("study", study, "--jobs", 10_000)
    assert many.code == 2 and "--jobs 10000: there are" in many.err
    text = study.read_text()
    for wrong, told in (("arms: {}", "arms"), ("arms: {slow: {set: {optimiser.lr: 1}}}", "did you mean")):
        study.write_text(text.partition("arms:")[0] + wrong + "\nseeds:" + text.partition("seeds:")[2])
        result = cli("study", study)
        assert result.code == 2 and result.err.startswith("fashionlab: ") and told in result.err
    study.write_text(text.replace(str(tmp_path), "elsewhere").replace("data.dataset: /", "data.dataset: /none/"))
    missing = cli("study", study)
    assert missing.code == 3 and "no such file or folder" in missing.err
    assert not Path("runs").exists(), "something was begun"


def test_list_studies(cli):
    listed = cli("list", "studies", "--json")
    assert listed.code == 0
    assert {"name", "runs", "metric", "arms", "question"} <= set(json.loads(listed.out)["studies"][0])
    assert "hidden-layer" in cli("list", "studies").out
