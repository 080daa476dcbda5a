"""Equal pictures, held against a dictionary of the pictures' bytes."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fashionlab.common.records import PictureSet, Split
from fashionlab.data.duplicates import duplicate_notes, overlap_note, picture_hashes
from shared_data import shared_case
from toys import Result

Cli = Callable[..., Result]
CLASSES = ("boot", "hat", "sock")


def _set(values: np.ndarray, labels: np.ndarray, files: bool = False) -> PictureSet:
    """Pictures that are equal where their values (int [N]) are."""
    images = np.empty((len(values), 1, 3, 2), dtype=np.uint8)
    images[:] = np.asarray(values, dtype=np.uint8)[:, None, None, None]
    return PictureSet(images, labels, CLASSES, "drawn",
                      files=tuple(f"{index}.png" for index in range(len(values))) if files else None)


def _counted(pictures: PictureSet, split: Split, test: PictureSet | None) -> tuple[int, int, int, int]:
    """How many pictures are there again, how many of these under another label than before, how many validation
    pictures are among those for fitting, and how many test pictures among all."""
    labels = defaultdict(list)
    for image, label in zip(pictures.images, pictures.labels.tolist(), strict=True):
        labels[image.tobytes()].append(label)
    again = sum(len(of_one) - 1 for of_one in labels.values())
    relabelled = sum(first != second for of_one in labels.values() for first, second in pairwise(of_one))
    fitted = {pictures.images[index].tobytes() for index in split.train}
    validation = sum(pictures.images[index].tobytes() in fitted for index in split.validation)
    return again, relabelled, validation, 0 if test is None else sum(one.tobytes() in labels for one in test.images)


def _told(notes: list[str]) -> tuple[int, int, int, int]:
    """The same numbers out of sentences."""
    marks = ("of the training part", "two labels", "validation picture", "test picture")
    counts = []
    for mark in marks:
        found = [note for note in notes if mark in note]
        assert len(found) <= 1, notes
        counts.append(int(found[0].split()[0].replace(",", "")) if found else 0)
    assert len(notes) == sum(count > 0 for count in counts), notes
    again, relabelled, validation, test = counts
    return again, relabelled, validation, test


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
    assert _told(overlap_note(others, pictures))[3] == _counted(pictures, split, others)[3]


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
    pictures = _set(np.array([1, 2, 1, 3]), np.array([0, 1, 2, 1]), files=True)
    test = _set(np.array([9, 3]), np.array([0, 0]), files=True)
    split = Split(np.array([1, 2, 3]), np.array([0]))
    assert duplicate_notes(pictures, split, test) == [
        "1 picture of the training part is there twice (such as 0.png and 2.png)",
        "1 picture has two labels (such as 0.png and 2.png: boot and sock)",
        "1 validation picture is among the training pictures too (such as 0.png): scores on them say little",
        "1 test picture is among the training pictures too (such as 1.png): scores on them say little"]
    assert duplicate_notes(_set(np.arange(4), np.zeros(4, int))) == []
    unnamed = _set(np.array([1, 1]), np.array([0, 0]))
    assert duplicate_notes(unnamed) == ["1 picture of the training part is there twice (such as picture 0 and picture "
                                        "1)"]


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
    notes = json.loads(cli("data", "info", path, "--json").out)["notes"]
    for word in (*words, "2 test pictures are among the training pictures too"):
        assert any(note.startswith(word) for note in notes), notes
    assert "such as train/hat/5.bmp and train/sock/5.bmp: hat and sock" in " ".join(notes)
    result = cli("train", "three-linear", "--dataset", path, "--set", "epochs=1", "--name", "run", "--json", "--quiet")
    assert result.code == 0, result
    assert all(f"note: {word}" in result.err for word in words)
    assert "note: 2 test pictures are among the training pictures too" in result.err
    metrics = json.loads((tmp_path / "runs" / "run" / "metrics.json").read_text())
    assert any("2 test pictures" in remark for remark in metrics["test"]["remarks"])


def test_case_a_test_part_that_is_a_copy(tmp_path: Path, cli: Cli) -> None:
    path = Path(shutil.copytree(shared_case("duplicates"), tmp_path / "duplicates"))
    contents = {file.read_bytes() for file in (path / "train").rglob("*.jpg")}
    again = sum(file.read_bytes() in contents for file in (path / "test").rglob("*.jpg"))
    assert again == len(list((path / "test").rglob("*.jpg")))
    result = cli("data", "info", path)
    assert result.code == 0
    assert f"{again} test pictures are among the training pictures too" in result.out
