"""Mistakes around training, through the command line: one clear message, the right status, nothing half-written."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fashionlab.runs.folder import hold
from toys import unmeasured
from waiting import wait_for_file

SMALL = ["three-linear", "--set", "epochs=1", "--quiet"]


def assert_clear(result, code: int, *words: str) -> None:
    assert result.code == code, (result.code, result.err)
    assert result.out == ""
    assert 1 <= len(result.err.strip().splitlines()) <= 3, result.err
    for word in words:
        assert word in result.err, f"{word!r} not in: {result.err}"


@pytest.mark.parametrize(("arguments", "words"), [
    (["quikc"], ["quikc", "did you mean 'quick'"]),
    (["no/such.yaml"], ["no/such.yaml"]),
    (["--set", "epohcs=2"], ["epohcs", "did you mean 'epochs'"]),
    (["--set", "optimizer.lr=-0.1"], ["optimizer", "lr", "-0.1", "greater than 0"]),
    (["--set", "optimizer.momentun=0.9"], ["momentun", "did you mean 'momentum'"]),
    (["--set", "optimizer.name=sdg"], ["optimizer", "sdg", "sgd"]),
    (["--set", "model.name=fsat"], ["fsat", "did you mean 'fast'"]),
    (["--set", "model.width=3"], ["width", "did you mean 'widths'"]),
    (["--set", "augment=[{name: rotatoin}]"], ["rotatoin", "did you mean 'rotation'"]),
    (["--set", "augment=[{name: rotation, degrees: -4}]"], ["degrees", "-4"]),
    (["--set", "batch_size=100000"], ["batch_size 100000", "larger than the training set"]),
    (["--set", "data.validation=100000"], ["validation 100000"]),
    (["--set", "epochs"], ["key=value"]),
    (["--set", "epochs=[1"], ["epochs=[1", "YAML"]),
    (["--set", "epochs=0"], ["epochs", "greater than 0"]),
    (["--set", "loss.label_smoothing=2"], ["label_smoothing"]),
    (["--set", "schedule={name: cosinus}"], ["schedule", "cosinus"]),
    (["--set", "averaging={name: swa, start_epoch: 99}"], ["start_epoch", "99"]),
    (["--device", "gpu"], ["gpu", "cuda"]),
    (["--device", "cuda:7"], ["cuda:7"]),
    (["--max-time", "-1"], ["--max-time"]),
    (["--limit-train", "100000"], ["100000"]),
])
def test_wrong_use(cli, toy_data, tmp_path, arguments, words):
    assert_clear(cli("train", "--dataset", toy_data, "--set", "data.validation=50", *arguments, "--quiet"), 2, *words)
    assert not (tmp_path / "runs").exists(), "a run folder was left behind"


def test_a_recipe_file_with_a_mistake_is_named(cli, tmp_path):
    (tmp_path / "mine.yaml").write_text("model: {name: fast}\nepochs: 3\noptimizer: {name: sgd, lr: 0.1}\nschedul: x\n")
    assert_clear(cli("recipe", "check", "mine.yaml"), 2, "mine.yaml", "schedul", "did you mean 'schedule'")
    (tmp_path / "broken.yaml").write_text("model: {name: fast\nepochs: 3\n")
    assert_clear(cli("train", "broken.yaml"), 2, "broken.yaml", "line")
    (tmp_path / "list.yaml").write_text("- 1\n")
    assert_clear(cli("train", "list.yaml"), 2, "list.yaml", "mapping")


def test_missing_data(cli, tmp_path):
    assert_clear(cli("train", "--data-dir", tmp_path / "none"), 3, str(tmp_path / "none"))
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def run(cli, toy_data, tmp_path) -> Path:
    """A finished run."""
    assert cli("train", *SMALL, "--dataset", toy_data, "--set", "data.validation=50", "--name", "r").code == 0
    return tmp_path / "runs" / "r"


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_resuming_with_a_changed_recipe(cli, run):
    before = _files(run)
    assert_clear(cli("train", "three-linear", "--resume", run, "--set", "optimizer.lr=0.2"), 2, "optimizer", "resume")
    assert_clear(cli("train", "--resume", run, "--name", "b"), 2, "--name")
    assert _files(run) == before
    (run / "recipe.yaml").write_text((run / "recipe.yaml").read_text().replace("lr: 0.1", "lr: 0.3"))
    assert_clear(cli("train", "--resume", run), 2, "recipe.yaml", "changed")


def test_resuming_on_other_pictures(cli, run, toy_data, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(toy_data, other)
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(toy_data), str(other)))
    for name in ("images-idx3", "labels-idx1"):
        shutil.copy(toy_data / f"t10k-{name}-ubyte.gz", other / f"train-{name}-ubyte.gz")
    assert_clear(cli("evaluate", run, "--split", "val"), 3, "hashes differ")


@pytest.mark.parametrize("spoil", ["truncated", "foreign", "code", "missing"])
def test_an_unusable_checkpoint(cli, run, tmp_path, spoil):
    last = run / "checkpoints" / "last.pt"
    canary = tmp_path / "executed"
    if spoil == "truncated":
        last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    elif spoil == "foreign":
        torch.save({"weights": torch.zeros(3)}, last)
    elif spoil == "code":
        class Bomb:
            def __reduce__(self):
                return Path.touch, (canary,)
        last.write_bytes(pickle.dumps(Bomb()))
    else:
        last.unlink()
    assert_clear(cli("train", "--resume", run), 3, "last.pt")
    assert_clear(cli("evaluate", run), 3, "last.pt")
    assert not canary.exists(), "code in a checkpoint was executed"


def test_weights_of_another_model(cli, run, toy_data, tmp_path):
    cli("train", "three-cnn", "--set", "epochs=1", "--quiet", "--dataset", toy_data, "--name", "c")
    shutil.copy(tmp_path / "runs" / "c" / "checkpoints" / "last.pt", run / "checkpoints" / "last.pt")
    assert_clear(cli("evaluate", run), 3, "last.pt", "another model")


def test_what_is_no_run(cli, tmp_path):
    (tmp_path / "empty").mkdir()
    assert_clear(cli("evaluate", "empty"), 3, "empty")
    assert_clear(cli("evaluate", "nowhere"), 3, "nowhere")
    assert_clear(cli("train", "--resume", "nowhere"), 3, "nowhere")
    assert_clear(cli("evaluate", "empty", "--split", "train"), 2, "train")


def test_overwriting_only_replaces_runs(cli, toy_data, tmp_path):
    precious = tmp_path / "runs" / "thesis"
    precious.mkdir(parents=True)
    (precious / "chapter1.txt").write_text("years of work")
    assert_clear(cli("train", *SMALL, "--dataset", toy_data, "--name", "thesis", "--overwrite"), 2, "thesis")
    assert (precious / "chapter1.txt").exists()


@pytest.mark.slow
def test_two_trainings_with_one_name_at_once(cli, toy_data, tmp_path):
    command = [sys.executable, "-m", "fashionlab", "train", "three-cnn", "--dataset", str(toy_data), "--name", "twin",
               "--set", "epochs=200", "--quiet"]
    first = subprocess.Popen(command, cwd=tmp_path)
    try:
        wait_for_file(tmp_path / "runs" / "twin" / "checkpoints" / "last.pt", lambda: first.poll() is not None)
        for words in (["--overwrite"], [], ["--resume", "runs/twin"]):
            arguments = words if "--resume" in words else [*SMALL, "--dataset", toy_data, "--name", "twin", *words]
            assert_clear(cli("train", *arguments), 2, "twin", "another process")
        assert first.poll() is None, "the first training was disturbed"
    finally:
        first.kill()
        first.wait()


def test_the_lock_is_free_after_a_run(cli, run):
    hold(run).release()
    assert json.loads((run / "status.json").read_text())["state"] == "complete"


def test_a_runs_folder_that_cannot_be_made(cli, toy_data, tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = cli("train", *SMALL, "--dataset", toy_data, "--runs", tmp_path / "file", "--name", "x")
    assert_clear(result, 1, "cannot write", "file")


def test_a_read_only_disk(cli, toy_data):
    """/sys can be written by nobody, root included."""
    for words in (["--runs", "/sys"], ["--runs", "/sys/deeper/down"]):
        result = cli("train", *SMALL, "--dataset", toy_data, *words, "--name", "x")
        assert_clear(result, 1, "cannot write", "/sys")
    assert_clear(cli("recipe", "copy", "quick", "/sys/mine.yaml"), 1, "cannot write /sys/mine.yaml")
    assert_clear(cli("data", "convert", toy_data, "/sys/converted.npz", "--to", "npz"), 1, "cannot write", "/sys")


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_the_last_whole_checkpoint(toy_data, tmp_path):
    """RLIMIT_FSIZE makes longer writes fail as on a full disk: the checkpoint does not fit, the small files do."""
    limit = ("import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
             "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); "
             "from fashionlab.cli.main import run; sys.exit(run(sys.argv[1:]))")
    done = subprocess.run([sys.executable, "-c", limit, "train", "three-cnn", "--set", "model.hidden_units=40", "--set",
                           "epochs=1", "--dataset", str(toy_data), "--name", "full", "--quiet"],
                          cwd=tmp_path, capture_output=True, text=True, env=unmeasured())
    assert done.returncode == 1, done.stderr
    assert "cannot write" in done.stderr and "last.pt" in done.stderr
    assert "Traceback" not in done.stderr
    run = tmp_path / "runs" / "full"
    assert not list(run.rglob("*.part")), "something half-written"
    assert json.loads((run / "status.json").read_text())["state"] == "failed"
