"""The predict command, as a person and as a program use it: on a real run, and on a small classifier of ours."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionlab.data.held_out import load_test
from fashionlab.deploy.inputs import PictureFile, SetFile, Unreadable, find
from fashionlab.deploy.opening import open_classifier
from fashionlab.deploy.predict import BATCH, predict
from fashionlab.deploy.rules import Answers
from garments import in_form, photo
from toys import Result, idx_bytes

Cli = Callable[..., Result]


class Brightness:
    """A classifier by the brightest pixel's row: top or bottom half; all black is an outlier."""

    classes = ("top", "bottom")
    image_size = 28

    def __init__(self, channels: int = 1) -> None:
        self.channels = channels
        self.batches: list[int] = []

    def answer(self, pictures: np.ndarray) -> Answers:
        assert pictures.dtype == np.uint8
        assert pictures.shape[1:] == ((28, 28) if self.channels == 1 else (3, 28, 28))
        self.batches.append(len(pictures))
        rows = pictures.reshape(len(pictures), -1, 28, 28).sum(axis=(1, 3), dtype=np.float64) + 1e-9
        bottom = rows[:, 14:].sum(axis=1) / rows.sum(axis=1)
        probabilities = np.stack([1 - bottom, bottom], axis=1).astype(np.float32)
        scores = -np.log(rows.sum(axis=1))
        return Answers(probabilities, probabilities > 0.2, scores, scores > 0)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with two photos, one in a folder of its own, and things that are none."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    Image.fromarray(photo("shirt", 180)).save(folder / "b.jpg")
    Image.fromarray(photo("shoe", 180)).save(folder / "more" / "a.PNG")
    Image.fromarray(photo("shoe", 180)).save(folder / ".hidden" / "c.png")
    (folder / "notes.txt").write_text("nothing")
    return folder


def _answers(words: list[str], **form: int) -> list:
    return list(predict(Brightness(**form), find(words), top=2))


def test_the_answers_of_a_run(cli: Cli, toy_run: Path, toy_data: Path):
    test = load_test(str(toy_data))
    done = cli("predict", toy_run, toy_data / "t10k-images-idx3-ubyte.gz", "--json", "--top", 10)
    assert done.code == 0, done.err
    predictions = json.loads(done.out)["predictions"]
    expected = open_classifier(toy_run).answer(test.images)
    assert [prediction["index"] for prediction in predictions] == list(range(200))
    for row, prediction in enumerate(predictions):
        top = prediction["top"]
        assert prediction["label"] == top[0]["label"] == test.classes[expected.probabilities[row].argmax()]
        shares = [likely["probability"] for likely in top]
        assert shares == sorted(shares, reverse=True) and abs(sum(shares) - 1) < 1e-5
        assert prediction["set"] == [test.classes[k] for k in np.flatnonzero(expected.sets[row])]
        assert prediction["outlier"] == expected.outlier[row]
        assert prediction["outlier_score"] == expected.outlier_score[row]
    accuracy = np.mean([test.classes.index(prediction["label"]) == label
                        for prediction, label in zip(predictions, test.labels, strict=True)])
    assert accuracy == json.loads((toy_run / "metrics.json").read_text())["test_accuracy"]


def test_the_table_and_lines(cli: Cli, toy_run: Path, pictures: Path):
    done = cli("predict", toy_run, pictures)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["picture", "is", "probability", "else", "prediction", "set"]
    assert [line.split()[0] for line in lines[1:]] == [str(pictures / "b.jpg"), str(pictures / "more" / "a.PNG")]
    done = cli("predict", toy_run, pictures, "--jsonl")
    assert [json.loads(line)["file"] for line in done.out.splitlines()] == [line.split()[0] for line in lines[1:]]


def test_a_set_s_rows_are_numbered_and_outliers_called_so(cli: Cli, monkeypatch: pytest.MonkeyPatch,
                                                          tmp_path: Path):
    monkeypatch.setattr("fashionlab.api.classifier.open_classifier", lambda *_: Brightness())
    (tmp_path / "set-images-idx3-ubyte").write_bytes(idx_bytes(np.stack([in_form("shirt"), np.zeros_like(
        in_form("shirt"))])))
    done = cli("predict", "default", "set-images-idx3-ubyte", "--top", "1")
    assert done.code == 0, done.err
    assert "set-images-idx3-ubyte [0]" in done.out and "[1]  unlike the training pictures (top?)" in done.out


def test_the_rest_is_answered_when_some_cannot_be_read(cli: Cli, toy_run: Path, pictures: Path):
    (pictures / "broken.jpg").write_bytes((pictures / "b.jpg").read_bytes()[:500])
    (pictures / "text.png").write_text("no picture")
    done = cli("predict", toy_run, pictures, "none.png", "*.webp", "--json")
    assert done.code == 3
    answer = json.loads(done.out)
    assert [Path(prediction["file"]).name for prediction in answer["predictions"]] == ["b.jpg", "a.PNG"]
    unreadable = [Path(item["file"]).name for item in answer["unreadable"]]
    assert unreadable == ["broken.jpg", "text.png", "none.png", "*.webp"]
    assert "4 of 6 could not be read" in done.err
    for reason in ("broken.jpg: unreadable", "text.png: unreadable picture (not a PNG, JPEG or WebP picture)",
                   "none.png: no such file", "*.webp: no file matches the pattern"):
        assert reason in done.err


@pytest.mark.parametrize(("words", "code", "message"), [
    (["none.png"], 3, "none.png: no such file or folder"),
    (["empty"], 3, "empty: no PNG, JPEG or WebP picture in this folder"),
    (["empty.png"], 3, "empty.png: empty (0 bytes)"),
    (["labels-idx3-ubyte"], 3, "labels-idx3-ubyte: magic number"),
    (["white.png", "--top", "0"], 2, "--top 0: expected 1 to 10"),
    (["white.png", "--top", "11"], 2, "--top 11: expected 1 to 10"),
    (["white.png", "--json", "--jsonl"], 2, "--json and --jsonl exclude one another"),
])
def test_one_clear_message(cli: Cli, toy_run: Path, tmp_path: Path, words: list[str], code: int, message: str):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.png").touch()
    Image.new("L", (50, 50), 255).save(tmp_path / "white.png")
    (tmp_path / "labels-idx3-ubyte").write_bytes(idx_bytes(np.zeros(5, dtype=np.uint8)))
    done = cli("predict", toy_run, *words)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"fashionlab: {message}") and len(done.err.splitlines()) == 1


def test_no_such_model(cli: Cli, tmp_path: Path):
    done = cli("predict", "none", "x.png")
    assert done.code == 3 and "none" in done.err


def test_stdin(cli: Cli, toy_run: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((pictures / "b.jpg").read_bytes())))
    done = cli("predict", toy_run, "-", "--json")
    assert done.code == 0 and json.loads(done.out)["predictions"][0]["file"] == "-"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    done = cli("predict", toy_run, "-")
    assert (done.code, done.out, done.err) == (3, "", "fashionlab: -: nothing came on stdin\n")


def test_what_words_name(pictures: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(pictures)
    (pictures / "odd[1].png").write_bytes((pictures / "b.jpg").read_bytes())
    names = [file.name for file in find(["odd[1].png", "*.jpg", "m*", "**/*.PNG"]) if isinstance(file, PictureFile)]
    assert names == ["odd[1].png", "b.jpg", "more/a.PNG", "more/a.PNG"]
    everything = [file.name for file in find(["**"]) if isinstance(file, PictureFile | SetFile)]
    assert everything and len(everything) == len(set(everything)), "each once"
    assert "too long" in next(file.reason for file in find(["x" * 300]) if isinstance(file, Unreadable)).lower()
    assert find(["x.npz", "*.gif"]) == [Unreadable("x.npz", "no such file or folder"),
                                        Unreadable("*.gif", "no file matches the pattern")]
    for name in ("a.csv", "b.npz", "t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "c.idx"):
        Path(name).touch()
        assert find([name]) == [SetFile(name, Path(name))]


def test_sets_of_every_format_are_answered_alike(tmp_path: Path):
    images = np.stack([in_form(kind) for kind in ("shirt", "shoe", "trousers")])
    (tmp_path / "a-images.idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
    np.savez(tmp_path / "b.npz", x_train=np.zeros((5, 28, 28), dtype=np.uint8), x_test=images)
    np.savez(tmp_path / "c.npz", x_train=images)
    with (tmp_path / "d.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["label", *(f"pixel{i + 1}" for i in range(784))])
        rows.writerows([0, *image.ravel()] for image in images)
    expected = Brightness().answer(images[:, None]).probabilities.max(axis=1)
    for path in sorted(tmp_path.iterdir()):
        predictions = _answers([str(path)])
        assert [prediction.index for prediction in predictions] == [0, 1, 2]
        np.testing.assert_allclose([prediction.probability for prediction in predictions], expected)
    assert len(_answers([str(tmp_path / "b.npz")], channels=3)) == 3
    for name, arrays in (("e.npz", {"y": images}), ("f.npz", {"x_test": images[:0]})):
        np.savez(tmp_path / name, **arrays)
        (answer,) = _answers([str(tmp_path / name)])
        assert isinstance(answer, Unreadable) and ("missing" in answer.reason or "no pictures" in answer.reason)


def test_many_pictures_in_batches_and_in_order(tmp_path: Path):
    stream = io.BytesIO()
    Image.fromarray(in_form("shirt")).save(stream, "PNG")
    for number in range(BATCH + 70):
        (tmp_path / f"{number:04}.png").write_bytes(stream.getvalue() if number != 5 else b"broken")
    classifier, advanced = Brightness(), []
    answers = list(predict(classifier, find([str(tmp_path)]), 1, advanced.append))
    assert classifier.batches == [BATCH - 1, 70] and sum(advanced) == BATCH + 70
    assert isinstance(answers[5], Unreadable) and answers[5].reason.startswith("unreadable picture")
    names = [answer.file for answer in answers]
    assert names == sorted(str(path) for path in tmp_path.iterdir())


def test_torch_is_not_loaded_for_photos():
    code = ("import sys, fashionlab.deploy.predict, fashionlab.deploy.inputs\n"
            "print(sorted({'torch', 'scipy', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
