"""Named data sets of picture files in a folder, known by their contents."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fashionlab.common.errors import DataError, UsageError
from fashionlab.data import DATASETS, load_training
from fashionlab.data.held_out import load_test
from fashionlab.data.locate import fetch_named, locate
from shared_data import shared_photos
from toy_photos import NAME, Toy, one_less, one_more, other_picture
from toys import Result

Cli = Callable[..., Result]


def test_a_folder_is_it_or_holds_it_and_says_which_edition(toy: Toy, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, what in ((toy.originals, "originals (verified)"), (toy.reduced, "the copy")):
        assert locate(NAME, folder).describe == f"{NAME}, {what}"
        holds = tmp_path / f"holds-{folder.name}"
        shutil.copytree(folder, holds / NAME)
        assert locate(NAME, holds).describe == f"{NAME}, {what}"
        monkeypatch.setenv("FASHIONLAB_DATA", str(holds))
        assert load_training(NAME).source == load_test(NAME).source == f"{NAME}, {what}"
    monkeypatch.delenv("FASHIONLAB_DATA")
    for change in (other_picture, one_less, lambda folder: (folder / "labels.csv").unlink()):
        changed = Path(shutil.copytree(toy.reduced, tmp_path / f"changed-{change.__name__.strip('<>')}"))
        change(changed)
        assert locate(NAME, changed).describe == f"{NAME}, in {changed} (not verified)"
    (toy.originals / "labels.csv").write_text("file,sender\n")
    assert locate(NAME, toy.originals).describe == f"{NAME}, originals (verified)"


def test_a_test_part_that_is_another_one_is_noticed_when_it_is_read(toy: Toy) -> None:
    one_more(toy.originals)
    assert load_training(NAME, data_dir=toy.originals).source == f"{NAME}, originals (verified)"
    with pytest.raises(DataError, match=r"originals/test: other files than those of toy-photos, originals"):
        load_test(NAME, data_dir=toy.originals)
    other_picture(toy.originals)
    assert len(load_test(NAME, data_dir=toy.originals)) == 10  # of a set that is not verified all is taken


def test_folders_that_are_not_the_set(toy: Toy, tmp_path: Path, cli: Cli) -> None:
    shutil.rmtree(toy.originals / "validation")
    with pytest.raises(DataError, match=rf"originals \(--data-dir\) does not hold {NAME}: folder validation missing"):
        locate(NAME, toy.originals)
    with pytest.raises(DataError, match=r"nowhere \(--data-dir\).*no such folder"):
        locate(NAME, tmp_path / "nowhere")
    (toy.reduced / "train" / "scarf").mkdir()
    shutil.copy(toy.reduced / "train" / "hat" / "train-0.png", toy.reduced / "train" / "scarf")
    result = cli("data", "info", NAME, "--data-dir", toy.reduced)
    assert result.code == 3 and "scarf: no such class, expected one of hat, sock, t-shirt" in result.err


def test_senders_are_those_of_the_list(toy: Toy, cli: Cli) -> None:
    for load in (load_training, load_test):
        pictures = load(NAME, data_dir=toy.reduced, group="sender")
        assert pictures.groups is not None and pictures.files is not None
        numbers = [Path(file).stem[-1] for file in pictures.files]
        same = np.array(numbers)[:, None] == np.array(numbers)
        np.testing.assert_array_equal(pictures.groups[:, None] == pictures.groups, same)
    labels = toy.reduced / "labels.csv"
    lines = labels.read_text().splitlines()
    labels.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")  # by the file, not by the place
    np.testing.assert_array_equal(load_test(NAME, data_dir=toy.reduced, group="sender").groups, pictures.groups)

    result = cli("data", "info", NAME, "--data-dir", toy.originals, "--group", "sender")
    assert result.code == 2 and "--group sender: " in result.err and "senders are not known there" in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert load_training(NAME, data_dir=toy.originals, group="-([0-9])").groups is not None  # a pattern does
    with pytest.raises(UsageError, match="no column of that name"):
        load_training(NAME, data_dir=toy.reduced, group="sendr")


@pytest.mark.parametrize(("lines", "what"), [
    (["file,sender", "train/hat/train-0.png,1"], "labels.csv: no row for validation/hat/validation-0.png"),
    (["picture,sender", "train/hat/train-0.png,1"], "labels.csv: no column 'file'"),
    (["file,sender"], "labels.csv: holds no rows"),
])
def test_a_list_that_does_not_know_the_pictures(toy: Toy, lines: list[str], what: str) -> None:
    (toy.originals / "labels.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=what):
        load_training(NAME, data_dir=toy.originals)


def test_a_training_uses_the_parts_and_says_what_it_was_given(toy: Toy, tmp_path: Path, cli: Cli) -> None:
    words = ["--set", f"data.dataset={NAME}", "--data-dir", toy.reduced, "--set", "epochs=1", "--set",
             "data.image_size=32"]
    result = cli("train", "three-linear", *words, "--name", "toy")
    assert result.code == 0, result
    assert "data: 24 training and 6 validation pictures of 3 classes" in result.err and "the copy" in result.err
    run = tmp_path / "runs" / "toy"
    record = json.loads((run / "environment.json").read_text())["data"]
    assert (record["source"], record["train"], record["validation"]) == (f"{NAME}, the copy", 24, 6)
    assert "validation: given" in (run / "recipe.yaml").read_text()
    result = cli("evaluate", run, "--data-dir", toy.originals)
    assert result.code == 3 and "not those that" in result.err and "originals (verified)" in result.err
    result = cli("train", "three-linear", *words, "--name", "grouped", "--group", "sender")
    # The validation part has pictures 0 and 1 of each class, training 0 to 7.
    assert result.code == 0 and "2 of 8 groups are in the training and in the validation part" in result.err, result


_AUDITED = """
import sys
from pathlib import Path
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
from fashionlab import recipes
from fashionlab.data import DATASETS
from fashionlab.data.picture_dataset import Edition, PictureDataset
from fashionlab.training import session
entry = {entry!r}
DATASETS.names()
DATASETS.add(entry.name, entry)
folder = Path({folder!r})
fitted = recipes.load_fitted("three-linear", {{"data.dataset": entry.name, "epochs": 1, "data.image_size": 32}}, folder)
session.start(fitted.recipe, Path({run!r}), session.Options(data_dir=folder))
inside = {{path.parts[len(folder.parts)] for path in map(Path, opened) if path.is_relative_to(folder)}}
print(*sorted(name for name in inside if (folder / name).exists()))
"""


def test_no_file_of_the_test_part_is_opened_while_training(toy: Toy, tmp_path: Path) -> None:
    script = _AUDITED.format(entry=toy.entry, folder=str(toy.reduced), run=str(tmp_path / "run"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["labels.csv", "train", "validation"], done.stderr


def test_the_photographs_by_name() -> None:
    folder = shared_photos()
    source = locate("clothing-photos", folder.parent)
    assert source.describe == "clothing-photos, the copy reduced to 224 px"
    assert source.classes == DATASETS["clothing-photos"].classes
    assert {part: len(read()) for part, read in source.parts.items()} == {"train": 3068, "val": 341, "test": 372}
    assert fetch_named("clothing-photos", folder.parent) == folder
