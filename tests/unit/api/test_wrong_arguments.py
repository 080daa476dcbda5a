"""What is no name, path, number or list ends in one error of fashionlab's that names the argument."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fashionlab as fl

door: Any = fl  # the calls below are what a type checker would refuse


@pytest.mark.parametrize(("call", "message"), [
    (lambda: door.train(3), "recipe 3: expected a name or a path"),
    (lambda: door.train(b"quick"), "recipe b'quick'"),
    (lambda: door.train(overrides="epochs=2"), "overrides 'epochs=2': expected {\"epochs\": 2}"),
    (lambda: door.train(overrides=3), "overrides 3"),
    (lambda: door.train(overrides=None), "overrides None"),
    (lambda: door.train(overrides=[("epochs", 1)]), "words such as epochs=2, not \\('epochs', 1\\)"),
    (lambda: door.train(overrides={3: 4}), "the key 3"),
    (lambda: door.train(dataset=3), "dataset 3"),
    (lambda: door.train(data_dir=3), "data_dir 3"),
    (lambda: door.train(runs=3), "runs 3"),
    (lambda: door.train(name=3), "name 3"),
    (lambda: door.train(resume=3), "resume 3"),
    (lambda: door.train(max_time="x"), "max_time 'x': expected a number"),
    (lambda: door.ensemble("runs/a"), "members 'runs/a': expected a list"),
    (lambda: door.ensemble(None), "members None"),
    (lambda: door.compare(["runs/a", 3]), "runs 3"),
    (lambda: door.compare("runs/a"), "runs 'runs/a': expected a list"),
    (lambda: door.study({}), "study {}"),
    (lambda: door.study("nosuch", seeds="x"), "seeds 'x': expected a whole number"),
    (lambda: door.study("nosuch", seeds=0), "seeds 0"),
    (lambda: door.study("nosuch", jobs=1.5), "jobs 1.5"),
    (lambda: door.study("nosuch", jobs=0), "jobs 0: expected a whole number from 1"),
    (lambda: door.load(None), "source None"),
    (lambda: door.Run(3), "run 3"),
    (lambda: door.Classifier(3), "source 3"),
    (lambda: door.Classifier("default", threads=0), "threads 0"),
    (lambda: door.Classifier("default", threads="2"), "threads '2'"),
    (lambda: door.recipes.load([]), "recipe \\[\\]"),
    (lambda: door.datasets.load(3), "dataset 3"),
    (lambda: door.datasets.load(part="validation"), "part 'validation': expected train or test"),
    (lambda: door.datasets.load(image_size="28"), "image_size '28'"),
    (lambda: door.datasets.split(3), "pictures: int"),
    (lambda: door.datasets.contact_sheet("fashion-mnist"), "pictures: str, expected what `fl.datasets.load` gives"),
    (lambda: door.datasets.fetch(3), "unknown data set 3"),
    (lambda: door.datasets.convert("fashion-mnist", 3, "npz"), "target 3"),
])
def test_wrong_arguments_are_named(call: Callable[[], object], message: str, tmp_path: Path,
                                   monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fl.UsageError, match=message):
        call()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("call", "message"), [
    (lambda run: run.predict(np.zeros((28, 28), np.uint8), top="x"), "top 'x'"),
    (lambda run: run.predict(np.zeros((28, 28), np.uint8), top=1.5), "top 1.5"),
    (lambda run: run.predictions("train"), "split 'train': expected val or test"),
    (lambda run: run.classification_report(None), "split None"),
    (lambda run: run.plot(3), "figure 3"),
    (lambda run: run.plot("confusion", split="validation"), "split 'validation'"),
    (lambda run: run.evaluate(outlier_sets="mnist"), "outlier_sets 'mnist': expected a list"),
    (lambda run: run.export(3), "target 3"),
    (lambda run: run.export(prune="x"), "prune 'x'"),
    (lambda run: run.export(format=3), "unknown --format 3"),
])
def test_wrong_arguments_of_a_run_are_named(toy_run: Path, call: Callable[[fl.Run], object], message: str):
    with pytest.raises(fl.UsageError, match=message):
        call(fl.Run(toy_run))


@pytest.mark.parametrize("picture", [np.zeros((28, 0), np.uint8), np.zeros((2, 0, 28), np.uint8),
                                     np.zeros((1, 1, 0, 0), np.uint8), Image.new("RGB", (0, 5))],
                         ids=["row", "several", "channels", "pil"])
def test_a_picture_without_pixels_is_refused(toy_run: Path, picture: Any):
    with pytest.raises(fl.DataError, match=r"picture 0: .*no pixels"):
        fl.Run(toy_run).predict(picture)


def test_no_pictures_have_no_answers(toy_run: Path):
    assert fl.Run(toy_run).predict(np.zeros((0, 28, 28), np.uint8)) == []


def test_another_split_is_never_recorded_as_a_test_score(toy_run: Path, tmp_path: Path):
    """Validation pictures were judged once, and their scores written as those of the test split."""
    run: Any = fl.load(shutil.copytree(toy_run, tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    for split in ("validation", "train", "", None, 3):
        with pytest.raises(fl.UsageError, match="expected val or test"):
            run.evaluate(split)
    assert {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()} == before
