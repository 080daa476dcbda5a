"""`fashionlab train` and `evaluate` as a person uses them, on small data."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score

from fashionlab import recipes
from fashionlab.common.records import Predictions
from waiting import wait_for_file

FILES = ["recipe.yaml", "command.txt", "environment.json", "model.json", "split.npz", "metrics.csv", "metrics.json",
         "status.json", "checkpoints/last.pt", "checkpoints/best.safetensors", "checkpoints/averaged.safetensors",
         "predictions/val.npz", "predictions/test.npz", "classification_report.txt"]
SMALL = ["--set", "data.validation=100", "--set", "batch_size=50", "--set", "epochs=2",
         "--set", "model.widths=[8,16,16]", "--set", "optimizer.others.lr=0.3", "--quiet"]


@pytest.fixture
def small(toy_data: Path) -> list[str]:
    return ["--dataset", str(toy_data), *SMALL]


def test_a_run_holds_everything_and_agrees_with_itself(cli, small, tmp_path):
    result = cli("train", *small, "--name", "a", "--seed", 3, "--json")
    assert result.code == 0, result.err
    metrics = json.loads(result.out)
    assert metrics["epochs"] == 2
    run = tmp_path / metrics["run"]
    assert run == tmp_path / "runs" / "a"
    assert not [name for name in FILES if not (run / name).is_file()]
    assert list((run / "tensorboard").iterdir())
    assert not list(run.rglob("*.part")), "temporary files left behind"

    rows = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    predictions = Predictions.load(run / "predictions" / "test.npz")
    assert sorted(predictions.indices) == list(range(200)), "every test picture once"
    assert metrics["test_accuracy"] == accuracy_score(predictions.labels, predictions.predicted)
    assert metrics["macro_f1"] == pytest.approx(f1_score(predictions.labels, predictions.predicted, average="macro"))
    split = np.load(run / "split.npz")
    assert not set(split["train"]) & set(split["validation"])
    assert len(split["validation"]) == 100
    environment = json.loads((run / "environment.json").read_text())
    assert environment["versions"]["torch"]
    assert environment["why"].keys() >= {"device", "threads", "precision", "layout"}
    assert recipes.load(str(run / "recipe.yaml")).seed == 3
    assert json.loads((run / "status.json").read_text())["state"] == "complete"


def test_equal_seeds_give_equal_weights_and_other_seeds_others(cli, small, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert cli("train", *small, "--name", name, "--seed", seed).code == 0
    a, b, c = ((tmp_path / "runs" / name / "checkpoints" / "averaged.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_evaluating_again_gives_the_same_figures(cli, small, tmp_path):
    cli("train", *small, "--name", "a")
    run = tmp_path / "runs" / "a"
    before = json.loads((run / "metrics.json").read_text())
    for split in ("val", "test"):
        again = json.loads(cli("evaluate", run, "--split", split, "--json").out)
        assert {key: again[key] for key in before[split]} == before[split]
    assert len(json.loads((run / "metrics.json").read_text())["test_split_read"]) == 2
    assert "accuracy" in cli("evaluate", run).out


def test_a_name_in_use_is_kept_unless_told_otherwise(cli, small, tmp_path):
    assert cli("train", *small, "--name", "a").code == 0
    kept = (tmp_path / "runs" / "a" / "metrics.json").read_bytes()
    refused = cli("train", *small, "--name", "a")
    assert refused.code == 2 and "--overwrite" in refused.err
    assert (tmp_path / "runs" / "a" / "metrics.json").read_bytes() == kept
    assert cli("train", *small, "--name", "a", "--seed", 9, "--overwrite").code == 0
    assert (tmp_path / "runs" / "a" / "metrics.json").read_bytes() != kept


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in recipes.names() if name != "quick"])
def test_every_recipe_trains(cli, toy_data, name):
    recipe = recipes.load(name)
    batch = min(recipe.batch_size, 500)  # the toy set has 600 pictures
    gpu = recipes.find(name).parent.name == "gpu"  # their networks would take minutes here
    shortened = {f"batch_size={batch}": batch < recipe.batch_size,
                 "model.depth=10": gpu and recipe.model.name == "wide-resnet",
                 "model.widths=[8,8,8]": gpu and recipe.model.name == "fast",
                 "data.validation=50": recipe.data.validation, "transfer.head_epochs=0": recipe.transfer,
                 "averaging.start_epoch=0": hasattr(recipe.averaging, "start_epoch"),
                 "model.weights=none": "weights" in recipe.model.arguments,
                 "model.resize=28": recipe.model.arguments.get("resize")}
    limits = ["--limit-train", max(64, batch), "--set", "epochs=1"]
    limits += [word for change, applies in shortened.items() if applies for word in ("--set", change)]
    result = cli("train", name, "--dataset", toy_data, *limits, "--json", "--quiet")
    assert result.code == 0, result.err
    assert 0 <= json.loads(result.out)["test_accuracy"] <= 1


def test_an_own_catalogue_of_colour_photos_trains(cli, tmp_path):
    """Folders of pictures of any size, one of them broken, into a network built for other pictures."""
    draw = np.random.default_rng(0)
    for label, name in enumerate(("coat", "hat", "shoe")):
        folder = tmp_path / "catalogue" / name
        folder.mkdir(parents=True)
        for i in range(30):
            picture = draw.integers(0, 60, (int(draw.integers(30, 60)), 40, 3), dtype=np.uint8)
            picture[..., label] += 150
            Image.fromarray(picture).save(folder / f"{i}.jpg")
    (tmp_path / "catalogue" / "hat" / "broken.jpg").write_bytes(b"not a picture")
    command = ["train", "--dataset", tmp_path / "catalogue", "--name", "c", "--json", "--quiet"]
    for key, value in (("data.image_size", 32), ("data.validation", 15), ("batch_size", 20), ("optimizer.lr", 0.2)):
        command += ["--set", f"{key}={value}"]
    refused = cli(*command)
    assert refused.code == 3 and "broken.jpg" in refused.err and "--skip-unreadable" in refused.err
    result = cli(*command, "--skip-unreadable")
    assert result.code == 0, result.err
    assert "broken.jpg" in result.err
    assert json.loads(result.out)["test_accuracy"] > 0.8
    assert cli("evaluate", tmp_path / "runs" / "c", "--split", "val").code == 0


def test_bfloat16_when_asked_for(cli, small, tmp_path):
    metrics = json.loads(cli("train", *small, "--set", "precision=bfloat16", "--name", "half", "--json").out)
    environment = json.loads((tmp_path / "runs" / "half" / "environment.json").read_text())
    assert environment["precision"] == "bfloat16"
    assert metrics["test_accuracy"] > 0.2


def test_progress_without_a_terminal_is_plain_lines(cli, toy_data):
    result = cli("train", "three-linear", "--dataset", toy_data, "--set", "epochs=2")
    lines = [line for line in result.err.splitlines() if line.startswith("epoch")]
    assert len(lines) == 2 and "pictures/s" in lines[0]


def test_diverging_stops_with_status_4_and_says_where(cli, toy_data, tmp_path):
    result = cli("train", "three-linear", "--dataset", toy_data, "--set", "optimizer.lr=1e30", "--name", "d", "--quiet")
    assert result.code == 4
    assert "epoch 1, step" in result.err
    assert json.loads((tmp_path / "runs" / "d" / "status.json").read_text())["state"] == "diverged"


def test_max_time_stops_evaluates_and_can_go_on(cli, toy_data, tmp_path):
    common = ["three-cnn", "--dataset", toy_data, "--set", "epochs=400", "--set", "data.validation=50", "--quiet"]
    result = cli("train", *common, "--name", "t", "--max-time", 0.02, "--json")
    assert result.code == 0, result.err
    metrics = json.loads(result.out)
    assert metrics["stopped"] == "out of time" and metrics["epochs"] < 400
    assert metrics["test_accuracy"] is not None
    further = json.loads(cli("train", "--resume", tmp_path / "runs" / "t", "--max-time", 0.02, "--json", "--quiet").out)
    assert further["steps"] > metrics["steps"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_checkpoint_to_go_on_from(number, toy_data, tmp_path):
    command = [sys.executable, "-m", "fashionlab", "train", "three-cnn", "--dataset", str(toy_data), "--name", "s",
               "--set", "epochs=300", "--set", "data.validation=50"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    run = tmp_path / "runs" / "s"
    wait_for_file(run / "checkpoints" / "last.pt", lambda: process.poll() is not None)
    os.kill(process.pid, number)
    message = process.communicate()[1]
    assert process.returncode == 128 + number
    assert "--resume" in message and "Traceback" not in message
    assert json.loads((run / "status.json").read_text())["state"] == "interrupted"
    done = yaml.safe_load((run / "recipe.yaml").read_text())["epochs"]
    assert done == 300
