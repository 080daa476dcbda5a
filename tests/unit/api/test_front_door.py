"""What `import fashionlab as fl` promises: names, types, cost, and errors that are the command line's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fashionlab as fl
from fashionlab.runs.readings import readings
from toys import Result

NAMES = {"train", "ensemble", "load", "compare", "study", "datasets", "recipes", "models", "augment", "Run",
         "Classifier", "Prediction", "Unreadable", "Comparison", "StudyResults", "Epoch", "FashionlabError",
         "UsageError", "DataError", "DivergedError", "Interrupted"}


def test_the_public_names():
    assert set(fl.__all__) == NAMES
    for name in fl.__all__:
        assert getattr(fl, name) is getattr(fl, name)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = fl.trian  # pyright: ignore[reportAttributeAccessIssue]
    assert set(dir(fl)) == {*NAMES, "__version__"}


def test_importing_loads_nothing_heavy():
    code = "import sys; before = set(sys.modules); import fashionlab; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch", "numpy", "pydantic", "sklearn", "PIL", "scipy", "matplotlib", "typer"}


def test_an_artifact_is_opened_without_torch(toy_artifact: Path):
    code = (f"import sys, numpy, fashionlab as fl; model = fl.load({str(toy_artifact)!r});"
            "model.predict(numpy.zeros((28, 28), 'uint8'));"
            "print(sorted({'torch', 'scipy', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_run_from_beginning_to_end(toy_data: Path, tmp_path: Path):
    rows: list[fl.Epoch] = []
    run = fl.train("three-linear", seed=1, dataset=toy_data, overrides={"epochs": 2, "data.validation": 100},
                   quiet=True, runs=tmp_path, name="door", callbacks=[rows.append])
    assert run.path == tmp_path / "door" and run.recipe.seed == 1 and run.recipe.epochs == 2
    assert [row.epoch for row in rows] == [1, 2]
    assert [row.val_accuracy for row in rows] == [row.val_accuracy for row in run.history]
    again = fl.load(run.path)
    assert isinstance(again, fl.Run)
    assert again.metrics.test.accuracy == run.metrics.test.accuracy == np.mean(
        run.predictions("test").predicted == run.predictions("test").labels)
    assert run.metrics.val.nll > 0
    words = (run.path / "command.txt").read_text().split()
    assert words[:3] == ["fashionlab", "train", "three-linear"] and "epochs=2" in words and str(toy_data) in words
    assert str(run.path) in run.summary() and "door" in run._repr_html_()


def test_a_callback_that_returns_true_stops(toy_data: Path, tmp_path: Path):
    run = fl.train("three-linear", dataset=toy_data, overrides=["epochs=5", "data.validation=100"], quiet=True,
                   runs=tmp_path, name="stopped", callbacks=[lambda epoch: epoch.epoch == 2])
    assert (run.metrics.epochs, run.metrics.stopped) == (2, "a callback asked to stop after epoch 2")


def test_pictures_of_every_kind_get_the_same_answer(toy_run: Path, tmp_path: Path):
    run = fl.Run(toy_run)
    pixels = fl.datasets.load(run.recipe.data.dataset, "test").images[:3]
    Image.fromarray(pixels[0, 0]).save(tmp_path / "a.png")
    expected = [one.probability for one in run.predict(pixels)]
    kinds = {
        "[N, C, H, W]": pixels, "[N, H, W]": pixels[:, 0], "list of [H, W]": list(pixels[:, 0]),
        "[N, H, W, C]": pixels.transpose(0, 2, 3, 1),
    }
    if len(pixels[:, 0]) == 3:  # three grey pictures or one in colour: nobody can tell
        with pytest.raises(fl.DataError, match="two ways"):
            run.predict(kinds.pop("[N, H, W]"))
    for name, pictures in kinds.items():
        assert [one.probability for one in run.predict(pictures)] == expected, name
    mixed = run.predict([tmp_path / "a.png", pixels[1, 0], Image.fromarray(pixels[2, 0])])
    assert [one.file for one in mixed] == [str(tmp_path / "a.png"), None, None]
    assert [one.index for one in mixed] == [0, 1, 2]
    assert mixed[1].probability == expected[1]


def test_a_prediction_shows_itself(toy_run: Path):
    (answer,) = fl.Run(toy_run).predict(np.zeros((28, 28), np.uint8), top=2)
    assert answer.label == answer.top[0].label and len(answer.top) == 2 and answer.picture.shape == (1, 28, 28)
    shown = answer._repr_html_()
    assert "data:image/png;base64," in shown and answer.label.replace("/", "/") in shown
    assert set(answer.as_dict()) == {"file", "index", "label", "probability", "top", "set", "outlier", "outlier_score"}


@pytest.mark.parametrize(("picture", "message"), [
    (np.zeros((28, 28)), "float64, expected uint8"),
    (np.zeros((2, 2, 2, 2, 2), np.uint8), "expected \\[H, W\\]"),
    (np.zeros((4, 28, 28, 4), np.uint8), "two ways or none"),
    ("nowhere.png", "nowhere.png: no such file"),
    ("", "an empty name"),
    (7, "int, expected a path"),
])
def test_pictures_that_are_none(toy_run: Path, picture: object, message: str):
    with pytest.raises(fl.DataError, match=message):
        fl.Run(toy_run).predict([np.zeros((28, 28), np.uint8), picture])  # pyright: ignore


def test_a_figure_of_validation_leaves_the_test_split_alone(toy_run: Path, monkeypatch: pytest.MonkeyPatch):
    from fashionlab.data import held_out

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the test split was opened")

    monkeypatch.setattr(held_out, "load_test", opened)
    run = fl.Run(toy_run)
    for name in ("confusion", "per_class", "reliability", "confident_mistakes"):
        sheet = run.plot(name, split="val")
        assert "validation split" in sheet.get_supxlabel() and sheet.caption
        assert sheet._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(fl.DataError, match="test split alone"):
        run.plot("robustness", split="val")
    with pytest.raises(fl.UsageError, match="confusion"):
        run.plot("confusoin")


def test_a_figure_with_test_pictures_is_a_reading_of_its_own(toy_run: Path, tmp_path: Path):
    run = fl.Run(shutil.copytree(toy_run, tmp_path / "run"))
    before = readings(run.results.folder)
    run.plot("confusion")  # of the predictions that were kept
    assert readings(run.results.folder) == before
    run.plot("confident_mistakes")
    assert [one.who for one in readings(run.results.folder)[len(before):]] == ["plot"]


@pytest.mark.parametrize(("call", "words"), [
    (lambda: fl.train("quikc"), ["train", "quikc"]),
    (lambda: fl.train(overrides={"epohcs": 2}), ["train", "--set", "epohcs=2"]),
    (lambda: fl.train(max_time=0), ["train", "--max-time", "0"]),
    (lambda: fl.load("nowhere"), ["predict", "nowhere", "x.png"]),
    (lambda: fl.compare(["a"]), ["compare", "a"]),
    (lambda: fl.Run("nowhere"), ["report", "nowhere"]),
    (lambda: fl.study("nosuch"), ["study", "nosuch"]),
])
def test_errors_say_what_the_command_line_says(cli: Callable[..., Result], call, words: list[str]):
    with pytest.raises(fl.FashionlabError) as raised:
        call()
    done = cli(*words)
    assert done.err == f"fashionlab: {raised.value}\n" and done.code == raised.value.exit_code


def test_compared_runs_are_a_table(toy_run: Path, tmp_path: Path):
    first, other = (shutil.copytree(toy_run, tmp_path / name) for name in ("first", "other"))
    comparison = fl.compare([fl.Run(first), other])
    text = str(comparison.table)
    assert "first" in text and "other" in text and "<table>" in comparison._repr_html_()
    assert comparison.pairs[0].difference.estimate == 0
    page = comparison.page(tmp_path / "page.html")
    assert page.read_text().count("<html") == 1


def test_overrides_may_be_a_dictionary_with_anything_in_it(tmp_path: Path):
    recipe = fl.recipes.load("three-linear", {"optimizer.lr": 0.5, "augment": [{"name": "flip"}],
                                              "data.dataset": tmp_path / "pictures"})
    assert recipe.optimizer.lr == 0.5 and recipe.data.dataset == str(tmp_path / "pictures")
    values = {"a": "null", "b": None, "c": 1.5, "d": [1, {"x": "y: z"}], "e": "plain", "f": True, "g": "a: b: c"}
    words = [fl.recipes.as_word(key, value) for key, value in values.items()]
    assert fl.recipes.as_mapping(words) == values
    with pytest.raises(fl.UsageError, match="or a list of such words"):
        fl.recipes.load("three-linear", "epochs=2")


def test_a_resume_with_changes_names_what_changed(toy_run: Path, tmp_path: Path):
    run = shutil.copytree(toy_run, tmp_path / "run")
    with pytest.raises(fl.UsageError, match=r"another recipe \(epochs differ\)"):
        fl.train(resume=run, overrides={"epochs": 7}, quiet=True)
    assert fl.train(resume=run, overrides={"epochs": 1}, quiet=True).metrics.epochs == 1
