"""Asking about a file gives what evaluating it gave: for every reader of pictures and every way of preparing them the
same pixels bit for bit, and of a run and its artifact the same logits. A new way is tested with nothing changed here.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fashionlab as fl
from fashionlab.common.records import PictureSet, Predictions, Preparation
from fashionlab.data.formats import lone_file
from fashionlab.data.held_out import load_test
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.inputs import find
from fashionlab.deploy.predict import predict
from fashionlab.deploy.prediction import Prediction
from fashionlab.deploy.rules import Answers
from fashionlab.preparation import WAYS, Preparations
from fashionlab.preparation.files import to_image
from fashionlab.serve import intake
from fashionlab.serve.limits import Limits
from garments import in_form, photo
from toys import idx_bytes

CLASSES = ("boot", "hat", "sock")
WHITE, BLUE = (255, 255, 255), (20, 60, 200)
FORMS = [(28, 1, WHITE), (28, 3, BLUE), (45, 3, (0, 0, 0))]
_ORIENTATION = 0x0112
Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _saved(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _colour(size: tuple[int, int], seed: int) -> Image.Image:
    """A garment in colours on a light ground with some noise; size is width and height."""
    drawn = Image.fromarray(photo("shirt" if seed % 2 else "shoe", 150)).resize(size)
    noise = np.random.default_rng(seed).integers(0, 15, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(np.asarray(drawn)[..., None] // np.array([1, 2, 1], np.uint8) + noise)


def _clear() -> Image.Image:
    """A garment cut out: what is around it is transparent, and white below that."""
    picture = _colour((60, 90), 3).convert("RGBA")
    picture.putalpha(Image.fromarray(photo("shirt", 30, canvas=(60, 90), place=(15, 20), garment=255, background=0)))
    return picture


def _pictures_of_all_kinds() -> Files:
    """Picture files as people bring them, by name."""
    grey = photo("shirt", 24, place=(2, 2), canvas=(28, 28))
    sideways = Image.Exif()
    sideways[_ORIENTATION] = 6
    return {
        "0 grey, dark on white.png": _saved(Image.fromarray(grey)),
        "1 grey, light on black.png": _saved(Image.fromarray(in_form("shoe"))),
        "2 landscape.jpg": _saved(_colour((120, 80), 1), "JPEG"),
        "3 portrait.jpg": _saved(_colour((70, 130), 2), "JPEG"),
        "4 transparent.png": _saved(_clear()),
        "5 deep grey.png": _saved(Image.fromarray(photo("trousers", 40, canvas=(60, 50)).astype(np.uint16) * 16)),
        "6 turned.jpg": _saved(_colour((100, 60), 4), "JPEG", exif=sideways),
        "7 palette.png": _saved(_colour((64, 64), 5).quantize(16)),
        "8 large.jpg": _saved(_colour((1800, 1200), 6), "JPEG"),  # which may be decoded smaller
    }


# Readers of picture files: each writes all as the test part, and a few training pictures of every class, and gives the
# path of the data set.

def _training() -> Files:
    return {f"{label}.png": _saved(_colour((40, 40), label)) for label in range(len(CLASSES))}


def _labelled(files: Files) -> list[tuple[str, str, bytes]]:
    return [(name, CLASSES[index % len(CLASSES)], content) for index, (name, content) in enumerate(files.items())]


def _folder(path: Path, parts: dict[str, Files]) -> Path:
    for part, files in parts.items():
        for name, label, content in _labelled(files):
            (path / "set" / part / label).mkdir(parents=True, exist_ok=True)
            (path / "set" / part / label / name).write_bytes(content)
    return path / "set"


def _zip(path: Path, parts: dict[str, Files]) -> Path:
    folder = _folder(path, parts)
    with zipfile.ZipFile(path / "set.zip", "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(path))
    return path / "set.zip"


def _list(path: Path, parts: dict[str, Files]) -> Path:
    (path / "pictures").mkdir()
    rows = [["file", "label", "split"]]
    for part, files in parts.items():
        for name, label, content in _labelled(files):
            (path / "pictures" / f"{part}-{name}").write_bytes(content)
            rows.append([f"pictures/{part}-{name}", label, part])
    with (path / "list.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path / "list.csv"


def _parquet(path: Path, parts: dict[str, Files]) -> Path:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (path / "set" / "data").mkdir(parents=True)
    for part, files in parts.items():
        columns = {"image": [{"bytes": content, "path": name} for name, content in files.items()],
                   "label": [label for _, label, _ in _labelled(files)]}
        parquet.write_table(pyarrow.table(columns), path / "set" / "data" / f"{part}-00000-of-00001.parquet")
    return path / "set"


OF_FILES: dict[str, Callable[[Path, dict[str, Files]], Path]] = {
    "folder": _folder, "zip": _zip, "list": _list, "parquet": _parquet}


# Readers of arrays: each writes pictures uint8 [N, C, H, W] and labels of both parts.

Arrays = dict[str, tuple[np.ndarray, np.ndarray]]


def _table(path: Path, parts: Arrays) -> Path:
    for part, (images, labels) in parts.items():
        with (path / f"{part}.csv").open("w", newline="") as stream:
            rows = images.transpose(0, 2, 3, 1).reshape(len(images), -1)
            csv.writer(stream).writerows([["label", *(f"pixel{i}" for i in range(rows.shape[1]))],
                                          *([label, *row] for label, row in zip(labels, rows, strict=True))])
    return path


def _idx(path: Path, parts: Arrays) -> Path:
    for part, (images, labels) in parts.items():
        prefix = {"train": "train", "test": "t10k"}[part]
        pixels = images[:, 0] if images.shape[1] == 1 else images
        (path / f"{prefix}-images-idx{pixels.ndim}-ubyte").write_bytes(idx_bytes(np.ascontiguousarray(pixels)))
        (path / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(labels.astype(np.uint8)))
    return path


def _named_arrays(parts: Arrays) -> dict[str, np.ndarray]:
    pictures = {f"x_{part}": images.transpose(0, 2, 3, 1) for part, (images, _) in parts.items()}
    return {**pictures, **{f"y_{part}": labels for part, (_, labels) in parts.items()}}


def _npz(path: Path, parts: Arrays) -> Path:
    np.savez(path / "set.npz", **_named_arrays(parts))  # type: ignore[arg-type]
    return path / "set.npz"


def _npy(path: Path, parts: Arrays) -> Path:
    for name, array in _named_arrays(parts).items():
        np.save(path / f"{name}.npy", array)
    return path


OF_ARRAYS: dict[str, Callable[[Path, Arrays], Path]] = {"table": _table, "idx": _idx, "npz": _npz, "npy": _npy}
# Side and channels, and how they are prepared; `test_preparations` goes through all.
KINDS_OF_ARRAYS = [(28, 1, FORMS[0]), (28, 1, FORMS[2]), (28, 3, FORMS[1]), (40, 1, FORMS[0])]


def _arrays(side: int, channels: int, n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that look like photos, like Fashion-MNIST's, and like nothing."""
    images = np.random.default_rng(side).integers(0, 256, (n, channels, side, side), dtype=np.uint8)
    dark_on_white = photo("shirt", side - 4, place=(2, 2), canvas=(side, side))
    images[0] = dark_on_white
    images[1] = np.asarray(Image.fromarray(in_form("shoe")).resize((side, side)))
    images[2] = 255 - dark_on_white
    images[3:5, :, 0:3] = 240
    return images, np.arange(n) % len(CLASSES)


def _classifier(preparation: Preparation) -> Any:
    """One that answers the same of every picture."""

    def answer(pictures: np.ndarray) -> Answers:
        n = len(pictures)
        return Answers(np.full((n, 3), 1 / 3, np.float32), np.ones((n, 3), bool), np.zeros(n), np.zeros(n, bool))

    size, channels = preparation.size, preparation.channels
    return SimpleNamespace(classes=CLASSES, channels=channels, image_size=size, answer=answer,
                           preparations=Preparations.of_model(preparation, size, channels))


def _asked(classifier: Any, paths: Sequence[Path]) -> np.ndarray:
    """uint8 [N, C, H, W]: what the classifier sees of these files."""
    answers = list(predict(classifier, find([str(path) for path in paths]), 1))
    return np.stack([one.picture for one in answers if isinstance(one, Prediction)])


def _sent(classifier: Any, content: bytes) -> np.ndarray:
    """uint8 [C, H, W]: what a service of the classifier sees of a file's bytes."""
    limits = Limits()
    sent = intake.read(content, "image/*", classifier, limits)
    return intake.decode(sent, intake.look(sent, limits)[1], classifier)[0]


def _files_of(evaluated: PictureSet, files: Files) -> list[str]:
    """The name in `files` of each of the evaluated pictures."""
    assert evaluated.files is not None
    return [next(own for own in files if name.endswith(own)) for name in evaluated.files]


def _written(folder: Path, files: Files, names: Sequence[str]) -> list[Path]:
    """The files of these names, in a folder of their own."""
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(files[name])
    return [folder / name for name in names]


@pytest.mark.parametrize("reader", OF_FILES)
def test_files_are_seen_as_they_were_evaluated(reader: str, tmp_path: Path) -> None:
    files = _pictures_of_all_kinds()
    path = OF_FILES[reader](tmp_path, {"train": _training(), "test": files})
    paths: list[Path] = []
    for way in WAYS.names():
        for size, channels, background in FORMS:
            preparation = Preparation(way, size, channels, background)
            evaluated, classifier = load_test(str(path), preparation=preparation), _classifier(preparation)
            names = _files_of(evaluated, files)
            assert sorted(names) == sorted(files)
            paths = paths or _written(tmp_path / "asked", files, names)
            np.testing.assert_array_equal(_asked(classifier, paths), evaluated.images, f"{preparation}")
            for name, expected in zip(names, evaluated.images, strict=True):
                np.testing.assert_array_equal(_sent(classifier, files[name]), expected, f"{name}: {preparation}")


@pytest.mark.parametrize("kind", KINDS_OF_ARRAYS, ids=lambda kind: f"{kind[0]}x{kind[1]} to {kind[2][0]}x{kind[2][1]}")
@pytest.mark.parametrize("reader", OF_ARRAYS)
def test_arrays_are_seen_as_they_were_evaluated(reader: str, kind: tuple[int, int, tuple[int, int, Any]],
                                                tmp_path: Path) -> None:
    """Of array formats a file is a picture saved as PNG, or the set itself."""
    side, channels, form = kind
    pictures, labels = _arrays(side, channels)
    (tmp_path / "set").mkdir()
    path = OF_ARRAYS[reader](tmp_path / "set", {"train": (pictures[::-1], labels), "test": (pictures, labels)})
    files = {f"{index}.png": _saved(to_image(picture)) for index, picture in enumerate(pictures)}
    paths = _written(tmp_path / "asked", files, list(files))
    candidates = [path] if path.is_file() else path.iterdir()
    of_the_test = [one for one in candidates
                   if lone_file(one.name) and not one.name.startswith(("train", "x_train", "y_"))
                   and "labels" not in one.name]
    assert len(of_the_test) == 1
    for way in WAYS.names():
        preparation = Preparation(way, *form)
        evaluated, classifier = load_test(str(path), preparation=preparation), _classifier(preparation)
        np.testing.assert_array_equal(_asked(classifier, of_the_test), evaluated.images, way)
        np.testing.assert_array_equal(_asked(classifier, paths), evaluated.images, way)
        for content, expected in zip(files.values(), evaluated.images, strict=True):
            np.testing.assert_array_equal(_sent(classifier, content), expected, way)


def _trained(path: Path, runs: Path, way: str, **overrides: Any) -> fl.Run:
    """One epoch of a single layer."""
    quick = {"epochs": 1, "batch_size": 2, "data.validation": 3, "precision": "float32", "data.preparation": way}
    return fl.train("three-linear", dataset=path, overrides={**quick, **overrides}, runs=runs, name="run", quiet=True,
                    device="cpu")


def _check_logits(ask: Callable[[np.ndarray], np.ndarray], run: fl.Run, asked: Sequence[Prediction],
                  tolerance: float = 1e-5) -> None:
    """Logits of what was seen of the files, in their order, against those that evaluating gave."""
    evaluated: Predictions = run.predictions("test")
    seen = np.stack([one.picture for one in asked])
    np.testing.assert_allclose(ask(seen), evaluated.logits, rtol=tolerance, atol=tolerance)
    assert [one.label for one in asked] == [evaluated.classes[label] for label in evaluated.predicted]


def _network(run: fl.Run) -> Callable[[np.ndarray], np.ndarray]:
    from fashionlab.deploy import graph
    from fashionlab.deploy.run_classifier import RunClassifier

    network = RunClassifier(run.path).network
    return lambda pictures: graph.ask(network, pictures)[0]


def _diagonal(readers: Sequence[str]) -> list[tuple[str, str]]:
    """Every reader and every way at least once."""
    ways = WAYS.names()
    return [(readers[index % len(readers)], ways[index % len(ways)]) for index in range(max(len(readers), len(ways)))]


@pytest.mark.parametrize(("reader", "way"), _diagonal(list(OF_FILES)))
def test_a_run_answers_files_as_it_was_evaluated(reader: str, way: str, tmp_path: Path) -> None:
    files = _pictures_of_all_kinds()
    path = OF_FILES[reader](tmp_path, {"train": {**_training(), **files}, "test": files})
    run = _trained(path, tmp_path / "runs", way, **{"data.image_size": 30, "data.background": "teal"})
    names = _files_of(load_test(str(path)), files)
    asked = run.predict([str(one) for one in _written(tmp_path / "asked", files, names)])
    _check_logits(_network(run), run, asked)


@pytest.mark.parametrize(("reader", "way"), _diagonal(list(OF_ARRAYS)))
def test_a_run_answers_saved_arrays_as_it_was_evaluated(reader: str, way: str, tmp_path: Path) -> None:
    pictures, labels = _arrays(28, 3 if way in ("crop", "garment") else 1)
    (tmp_path / "set").mkdir()
    path = OF_ARRAYS[reader](tmp_path / "set", {"train": (pictures[::-1], labels), "test": (pictures, labels)})
    run = _trained(path, tmp_path / "runs", way)
    files = {f"{index}.png": _saved(to_image(picture)) for index, picture in enumerate(pictures)}
    asked = run.predict([str(one) for one in _written(tmp_path / "asked", files, list(files))])
    _check_logits(_network(run), run, asked)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "channels"), [("letterbox", 3), ("fashion-mnist", 1)])
def test_an_artifact_answers_files_as_its_run_was_evaluated(way: str, channels: int, tmp_path: Path) -> None:
    files = _pictures_of_all_kinds()
    path = _folder(tmp_path, {"train": {**_training(), **files}, "test": files})
    run = _trained(path, tmp_path / "runs", way, **{"data.channels": channels, "data.background": "#f0e0d0"})
    artifact = run.export(tmp_path / "model.zip")
    names = _files_of(load_test(str(path)), files)
    asked = artifact.predict([str(one) for one in _written(tmp_path / "asked", files, names)])
    assert artifact.artifact
    session = ArtifactClassifier(artifact.artifact).session
    _check_logits(lambda pictures: session.ask(pictures)[0], run, asked, 1e-4)
    assert artifact.artifact.description.preparation == run.results.spec.preparation
