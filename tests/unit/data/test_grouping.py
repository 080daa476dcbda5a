"""Pictures that belong together: in one part where fashionlab divides, told where the data set does."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fashionlab as fl
from fashionlab.common.errors import UsageError
from fashionlab.common.records import Split
from fashionlab.data import load_training, make_split
from fashionlab.data.held_out import load_test
from shared_data import shared_photos
from toys import Result

Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _folder(path: Path, groups: int = 12, of_each: int = 4, name: str = "{group}_{number}.png") -> Path:
    """Two classes; group and number tell each picture's pixels."""
    for group in range(groups):
        for number in range(of_each):
            file = path / ("hat", "sock")[number % 2] / name.format(group=group, number=number)
            file.parent.mkdir(parents=True, exist_ok=True)
            picture = np.random.default_rng(100 * group + number).integers(0, 256, (20, 20), dtype=np.uint8)
            Image.fromarray(picture).save(file)
    return path


def _list(path: Path, rows: Sequence[tuple[str, str, str, str]]) -> Path:
    """file, label, part, sender; the pictures are made."""
    for number, (file, *_) in enumerate(rows):
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (20, 20), dtype=np.uint8)).save(path / file)
    with (path / "list.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file", "label", "part", "sender"), *rows])
    return path / "list.csv"


def _rows(parts: dict[str, Sequence[int]]) -> list[tuple[str, str, str, str]]:
    """Four pictures of each sender of each part."""
    return [(f"{part}/{sender}-{number}.png", ("hat", "sock")[number % 2], part, f"s{sender}")
            for part, senders in parts.items() for sender in senders for number in range(4)]


def test_the_front_door_keeps_groups_together(tmp_path: Path) -> None:
    pictures = fl.datasets.load(_folder(tmp_path / "set"), group=r"^(\d+)_")
    split = fl.datasets.split(pictures, validation=8)
    assert pictures.groups is not None and len(split.validation) == 8
    assert not set(pictures.groups[split.train]) & set(pictures.groups[split.validation])
    assert split.sha256 == make_split(pictures.labels, 8, 0, pictures.groups).sha256



@given(st.data(), st.integers(0, 2**32 - 1))
def test_no_group_is_ever_divided(data: st.DataObject, seed: int) -> None:
    n = data.draw(st.integers(4, 150))
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    groups = np.array(data.draw(st.lists(st.integers(-5, 30), min_size=n, max_size=n)))
    validation = data.draw(st.integers(1, n) | st.floats(0.01, 0.9))
    try:
        split = make_split(labels, validation, seed, groups)
    except UsageError:
        return
    assert not set(groups[split.train].tolist()) & set(groups[split.validation].tolist())
    np.testing.assert_array_equal(np.sort(np.concatenate([split.train, split.validation])), np.arange(n))
    assert set(labels[split.train].tolist()) == set(labels.tolist()), "every class has a training picture"
    assert make_split(labels, validation, seed, groups).sha256 == split.sha256


@given(st.integers(0, 1000), st.sampled_from([0.1, 0.2, 0.3]))
def test_many_small_groups_come_near_to_number_and_proportions(seed: int, share: float) -> None:
    draw = np.random.default_rng(seed)
    groups, labels = draw.integers(0, 200, 1000), draw.integers(0, 4, 1000)
    split = make_split(labels, share, seed, groups)
    assert abs(len(split.validation) - 1000 * share) < 40
    taken, all_of = np.bincount(labels[split.validation]), np.bincount(labels)
    assert (np.abs(taken - all_of * share) < 30).all()


def test_groups_of_one_picture_are_divided_as_pictures_are() -> None:
    labels = np.arange(100) % 4
    split = make_split(labels, 20, 3, np.arange(100))
    assert np.bincount(labels[split.validation]).tolist() == [5, 5, 5, 5]


@pytest.mark.parametrize(("groups", "message"), [
    (np.zeros(20), "all 20 pictures are of one group"), (np.arange(20) // 10, "the smallest group has 10 pictures")])
def test_groups_that_are_too_large_are_one_message(groups: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_split(np.arange(20) % 2, 2, 0, groups)


def _groups_in(files: Sequence[str] | None) -> set[str]:
    assert files is not None
    return {Path(file).name.split("_")[0] for file in files}


@pytest.mark.parametrize("pattern", ["^([0-9]+)_", "^[0-9]+", "(?:hat|sock)/([0-9]+)_"])
def test_a_held_out_test_part_keeps_groups_together(pattern: str, tmp_path: Path) -> None:
    """By a pattern of the file's name or of its path."""
    path = str(_folder(tmp_path / "set"))
    training, test = load_training(path, group=pattern), load_test(path, group=pattern)
    assert len(training) + len(test) == 48 and len(test) == 8
    assert not _groups_in(training.files) & _groups_in(test.files)
    assert _groups_in(training.files) & _groups_in(load_test(path).files), "else it says nothing"
    assert training.groups is not None and training.files is not None
    by_number = defaultdict(set)
    for number, file in zip(training.groups.tolist(), training.files, strict=True):
        by_number[number].add(Path(file).name.split("_")[0])
    assert all(len(names) == 1 for names in by_number.values()) and len(by_number) == 10


def test_groups_have_the_same_numbers_in_all_parts(tmp_path: Path) -> None:
    rows = _rows({"train": (3, 1), "val": (2, 1), "test": (9, 2, 0, 3)})
    path = str(_list(tmp_path / "set", rows))
    training, test = load_training(path, group="sender"), load_test(path, group="sender")
    assert training.groups is not None and test.groups is not None
    senders = [row[3] for row in rows]
    number_of = dict(zip(senders[:16], training.groups.tolist(), strict=True))
    assert number_of == {"s1": 0, "s2": 1, "s3": 2}
    of_the_test = dict(zip(senders[16:], test.groups.tolist(), strict=True))
    assert of_the_test == {"s0": 3, "s2": 1, "s3": 2, "s9": 4}


def test_a_test_part_whose_groups_cannot_be_told_is_evaluated(tmp_path: Path) -> None:
    for part, name in (("train", "{group}_{number}.png"), ("test", "new{number}-{group}.png")):
        _folder(tmp_path / "set" / part, name=name)
    path = str(tmp_path / "set")
    assert load_training(path, group="^([0-9]+)_").groups is not None
    assert load_test(path, group="^([0-9]+)_").groups is None
    with pytest.raises(UsageError, match=r"does not match train/hat/0_0\.png and 47 more"):
        load_training(path, group="^new")


@pytest.mark.parametrize(("group", "words"), [
    ("sendr", "no column of that name (sender), and as a pattern it does not match train/0-0.png and 15 more"),
    ("s[", "no column of that name (sender), and it is no pattern"),
    ("png", "it finds the same in every name"), ("^never", "does not match")])
def test_what_is_neither_a_column_nor_matches_is_one_message(group: str, words: str, tmp_path: Path, cli: Cli) -> None:
    path = _list(tmp_path / "set", _rows({"train": range(4), "test": range(4, 6)}))
    for command in (["data", "info", path], ["train", "--dataset", path, "--name", "run"]):
        result = cli(*command, "--group", group)
        assert result.code == 2 and not result.out and f"--group {group}" in result.err and words in result.err
        assert "sender" in result.err and result.err.count("fashionlab: ") == 1, result.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("by", ["column", "pattern"])
def test_a_blank_group_is_shared_with_no_other_picture(by: str, tmp_path: Path, cli: Cli) -> None:
    """In whatever part: cells without a text, and names in which the brackets enclose nothing or are not met."""
    rows = _rows({"train": (0, 1, 2), "val": (3, 4), "test": (0, 5)})
    blank = [0, 1, 2, 3, 12, 13, 14, 15, 20, 21, 22, 23]
    for number in blank:
        file, label, part, _ = rows[number]
        rows[number] = (file.replace("/", "/x"), label, part, ("", "  ")[number % 2])
    path = str(_list(tmp_path / "set", rows))
    group = "sender" if by == "column" else "^([0-9]+)?"
    training, test = load_training(path, group=group), load_test(path, group=group)
    assert training.groups is not None and test.groups is not None
    counts = np.bincount(np.concatenate([training.groups, test.groups]))
    assert sorted(counts.tolist()) == [1] * 12 + [4] * 4
    notes = json.loads(cli("data", "info", path, "--group", group, "--json").out)["notes"]
    assert "12 of 28 pictures belong to no other, as those do whose group is blank" in notes


def test_a_column_that_only_the_training_list_has(tmp_path: Path, cli: Cli) -> None:
    """Each list has files whose names the column's name matches, as a pattern, and tells nothing of."""
    for part, column in (("train", True), ("val", True), ("test", False)):
        rows = [(f"{part}/s{number}.png", "ab"[number % 2], f"s{number // 4}")[: 2 + column] for number in range(12)]
        for file, *_ in rows:
            (tmp_path / "set" / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.random.default_rng(len(file)).integers(0, 256, (8, 8), dtype=np.uint8)).save(
                tmp_path / "set" / file)
        with (tmp_path / "set" / f"{part}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([("file", "label", "s")[: 2 + column], *rows])
    path = tmp_path / "set"
    assert load_test(str(path), group="s").groups is None
    notes = json.loads(cli("data", "info", path, "--group", "s", "--json").out)["notes"]
    assert any("the test part does not tell which pictures belong together" in note for note in notes)
    assert not any("each in one part" in note for note in notes)
    (path / "val.csv").write_text("file,label\n" + "".join(f"val/s{number}.png,a\n" for number in range(12)))
    result = cli("data", "info", path, "--group", "s")
    assert result.code == 2 and "val.csv has no column of that name, and as a pattern it finds the same" in result.err


def test_sets_without_names_have_no_groups(tmp_path: Path, cli: Cli) -> None:
    np.savez(tmp_path / "set.npz", x_train=np.zeros((9, 8, 8), np.uint8), y_train=np.arange(9) % 3)
    result = cli("data", "info", tmp_path / "set.npz", "--group", "sender")
    assert result.code == 2 and "has neither columns nor file names" in result.err


def test_info_says_how_many_groups_cross_the_given_parts(tmp_path: Path, cli: Cli) -> None:
    path = _list(tmp_path / "set", _rows({"train": range(6), "val": (4, 5, 6), "test": (0, 7)}))
    notes = json.loads(cli("data", "info", path, "--group", "sender", "--json").out)["notes"]
    assert sum("groups" in note for note in notes) == 2
    assert any(note.startswith("2 of 8 groups are in the training and in the validation part") for note in notes)
    assert any(note.startswith("1 of 8 groups are in the training and in the test part") for note in notes)
    path = _list(tmp_path / "apart", _rows({"train": range(4), "val": (4, 5), "test": (6, 7)}))
    assert "8 groups, each in one part" in cli("data", "info", path, "--group", "sender").out


@pytest.mark.parametrize("by", ["column", "pattern"])
def test_a_training_keeps_groups_in_one_part(by: str, tmp_path: Path, cli: Cli) -> None:
    path = _folder(tmp_path / "set") if by == "pattern" else _list(
        tmp_path / "set", _rows({"train": range(10), "test": range(10, 12)}))
    group = "^([0-9]+)_" if by == "pattern" else "sender"
    result = cli("train", "three-linear", "--dataset", path, "--group", group, "--name", "run", "--set", "epochs=1",
                 "--set", "data.validation=8", "--quiet")
    assert result.code == 0, result
    training = load_training(str(path), group=group)
    with np.load(tmp_path / "runs" / "run" / "split.npz") as saved:
        split = Split(saved["train"], saved["validation"])
    assert training.groups is not None and len(split.validation) == 8
    assert not np.intersect1d(training.groups[split.train], training.groups[split.validation]).size
    assert "10 groups, each in one part" in result.err
    assert f"--group '{group}'" in (tmp_path / "runs/run/command.txt").read_text().replace("--group sender",
                                                                                          "--group 'sender'")
    assert cli("evaluate", tmp_path / "runs" / "run").code == 0


@pytest.mark.slow
def test_senders_of_the_photographs_that_are_in_two_parts(cli: Cli) -> None:
    """Counted here in the list itself."""
    path = shared_photos() / "labels.csv"
    senders = defaultdict(set)
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            senders[row["sender"]].add(row["part"])
    both = sum({"train", "validation"} <= parts for parts in senders.values())
    assert (len(senders), both) == (312, 113)
    result = cli("data", "info", path, "--group", "sender", "--json")
    assert result.code == 0, result
    assert any(note.startswith("113 of 312 groups are in the training and in the validation part")
               for note in json.loads(result.out)["notes"])
