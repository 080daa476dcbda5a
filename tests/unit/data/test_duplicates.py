"""Equal pictures, held against a dictionary of the pictures' bytes."""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fashionlab.common.records import PictureSet, Split
from fashionlab.data.duplicates import duplicate_notes, overlap_notes, picture_hashes
from shared_data import shared_case
from toys import Result, idx_bytes

Cli = Callable[..., Result]
CLASSES = ("boot", "hat", "sock")


def _set(values: np.ndarray, labels: np.ndarray, files: bool = False) -> PictureSet:
    """Pictures that are equal where their values (int [N]) are."""
    images = np.empty((len(values), 1, 3, 2), dtype=np.uint8)
    images[:] = np.asarray(values, dtype=np.uint8)[:, None, None, None]
    return PictureSet(images, labels, CLASSES, "drawn",
                      files=tuple(f"{index}.png" for index in range(len(values))) if files else None)


def _counted(pictures: PictureSet, split: Split, test: PictureSet | None) -> dict[str, int]:
    """By the words of its sentence, how many pictures it counts; a slow loop over bytes."""
    parts = {"training": (pictures, split.train), "validation": (pictures, split.validation)}
    if test is not None:
        parts["test"] = (test, np.arange(len(test)))
    seen = {part: [whole.images[place].tobytes() for place in places] for part, (whole, places) in parts.items()}
    counts = {"repeat": len(seen["training"]) - len(set(seen["training"]))}
    for later, before in (("validation", "training"), ("test", "training"), ("test", "validation")):
        if later in seen:
            counts[f"{later} {before}"] = sum(one in set(seen[before]) for one in seen[later])
    labels = defaultdict(set)
    for whole, places in parts.values():
        for place in places:
            labels[whole.images[place].tobytes()].add(int(whole.labels[place]))
    return {key: n for key, n in {**counts, "labels": sum(len(one) > 1 for one in labels.values())}.items() if n}


_SENTENCES = {r"^(\S+) training pictures? repeats? another one": "repeat",
              r"^(\S+) pictures? ha\w+ two labels": "labels",
              r"^(\S+) validation pictures? \w+ among the training": "validation training",
              r"^(\S+) test pictures? \w+ among the training": "test training",
              r"^(\S+) test pictures? \w+ among the validation": "test validation"}


def _told(notes: list[str]) -> dict[str, int]:
    """The same numbers out of sentences."""
    told = {}
    for note in notes:
        (found, key), = [(match, key) for pattern, key in _SENTENCES.items() if (match := re.match(pattern, note))]
        assert key not in told, notes
        told[key] = int(found[1].replace(",", ""))
    return told


VALUES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=30)


@given(VALUES, VALUES, st.data())
def test_what_is_told_is_what_is_there(training: list[tuple[int, int]], test: list[tuple[int, int]],
                                       data: st.DataObject) -> None:
    pictures, others = (_set(*np.array(values).T) for values in (training, test))
    held_out = data.draw(st.sets(st.integers(0, len(pictures) - 1)))
    split = Split(np.array(sorted(set(range(len(pictures))) - held_out), dtype=int), np.array(sorted(held_out),
                                                                                               dtype=int))
    assert _told(duplicate_notes(pictures, split, others)) == _counted(pictures, split, others)
    assert _told(duplicate_notes(pictures, split)) == _counted(pictures, split, None)
    of_the_test_part = {key: n for key, n in _counted(pictures, split, others).items() if key.startswith("test")}
    assert _told(overlap_notes(others, pictures, split)) == of_the_test_part


@given(st.lists(st.integers(0, 3), max_size=20), st.sampled_from([(1, 3, 2), (3, 1, 1)]))
def test_hashes_are_equal_where_pictures_are(values: list[int], shape: tuple[int, int, int]) -> None:
    images = np.broadcast_to(np.array(values, dtype=np.uint8)[:, None, None, None], (len(values), *shape)).copy()
    hashes = picture_hashes(images)
    assert hashes.shape == (len(values),) and hashes.dtype == np.uint64
    assert len(set(hashes.tolist())) == len(set(values))
    assert (hashes[:, None] == hashes[None]).tolist() == [[a == b for b in values] for a in values]


def test_one_byte_makes_another_picture() -> None:
    image = np.random.default_rng(0).integers(0, 255, (1, 3, 8, 8), dtype=np.uint8)
    changed = image.repeat(image.size, axis=0)
    changed.reshape(image.size, -1)[np.arange(image.size), np.arange(image.size)] += 1
    assert len(set(picture_hashes(np.concatenate([image, changed])).tolist())) == image.size + 1


def test_sentences_name_pictures_and_labels() -> None:
    pictures = _set(np.array([1, 2, 2, 1, 3]), np.array([0, 1, 1, 2, 1]), files=True)
    test = _set(np.array([9, 3]), np.array([0, 0]), files=True)
    split = Split(np.array([1, 2, 3, 4]), np.array([0]))
    assert duplicate_notes(pictures, split, test) == [
        "1 training picture repeats another one (such as 2.png is 1.png)",
        "1 validation picture is among the training pictures too (such as 0.png): scores on them say little",
        "1 test picture is among the training pictures too (such as 1.png): scores on them say little",
        "2 pictures have two labels (such as 0.png and 3.png: boot and sock)"]
    everything = Split(np.arange(4), np.arange(0))
    assert duplicate_notes(_set(np.arange(4), np.zeros(4, int)), everything) == []
    unnamed = _set(np.array([1, 1, 2, 3]), np.zeros(4, int))
    assert duplicate_notes(unnamed, everything) == [
        "1 training picture repeats another one (such as training picture 1 is training picture 0)"]


def _folder(path: Path, **parts: dict[str, tuple[int, ...]]) -> Path:
    """By part and class the pictures' seeds; files of equal pixels differ in form."""
    for part, classes in parts.items():
        for label, seeds in classes.items():
            (path / part / label).mkdir(parents=True)
            for place, seed in enumerate(seeds):
                picture = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 20), dtype=np.uint8))
                picture.save(path / part / label / f"{place}.{('png', 'bmp')[place % 2]}")
    return path


def test_training_and_evaluation_tell_them(tmp_path: Path, cli: Cli) -> None:
    path = _folder(tmp_path / "set", train={"hat": (0, 1, 2, 3, 4, 5), "sock": (10, 11, 12, 13, 14, 5)},
                   val={"hat": (20, 1), "sock": (30,)}, test={"hat": (40, 2), "sock": (50, 20)})
    words = ("1 picture has two labels", "1 validation picture is among the training pictures too")
    of_test = [f"1 test picture is among the {part} pictures too" for part in ("training", "validation")]
    notes = json.loads(cli("data", "info", path, "--json").out)["notes"]
    for word in ("2 pictures have two labels", *words[1:], *of_test):
        assert any(note.startswith(word) for note in notes), notes
    result = cli("train", "three-linear", "--dataset", path, "--set", "epochs=1", "--name", "run", "--json", "--quiet")
    assert result.code == 0, result
    assert all(f"note: {word}" in result.err for word in words)
    metrics = json.loads((tmp_path / "runs" / "run" / "metrics.json").read_text())
    for word in of_test:
        assert f"note: {word}" in result.err and any(word in remark for remark in metrics["test"]["remarks"])


def test_a_training_on_a_set_with_a_name_does_not_look_for_them(tmp_path: Path, cli: Cli) -> None:
    """What is known of such a set is not found out at every start."""
    (tmp_path / "mnist").mkdir()
    for part, n in (("train", 60), ("t10k", 20)):
        pictures = np.zeros((n, 28, 28), dtype=np.uint8)
        (tmp_path / "mnist" / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(pictures))
        (tmp_path / "mnist" / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(n, dtype=np.uint8) % 10))
    words = ["train", "three-linear", "--set", "epochs=1", "--set", "data.validation=10", "--set", "batch_size=10",
             "--quiet"]
    known, own = (cli(*words, "--dataset", *rest) for rest in (("mnist", "--data-dir", tmp_path, "--name", "known"),
                                                               (tmp_path / "mnist", "--name", "own")))
    assert known.code == own.code == 0, (known, own)
    assert "repeat another one" in own.err and "repeat another one" not in known.err
    assert "repeat another one" in cli("data", "info", "mnist", "--data-dir", tmp_path).out


def test_case_a_test_part_that_is_a_copy(tmp_path: Path, cli: Cli) -> None:
    path = Path(shutil.copytree(shared_case("duplicates"), tmp_path / "duplicates"))
    contents = {file.read_bytes() for file in (path / "train").rglob("*.jpg")}
    again = sum(file.read_bytes() in contents for file in (path / "test").rglob("*.jpg"))
    assert again == len(list((path / "test").rglob("*.jpg")))
    result = cli("data", "info", path)
    assert result.code == 0
    assert f"{again} test pictures are among the training pictures too" in result.out
