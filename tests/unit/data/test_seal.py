from __future__ import annotations

import csv
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fashionlab.data
from fashionlab.common.errors import FashionlabError
from fashionlab.data import load_training
from fashionlab.data.convert import convert, writable
from fashionlab.data.formats import FORMATS
from fashionlab.data.held_out import load_test
from fashionlab.data.seal import SealedError, sealed_test_split


def test_sealed_means_sealed(toy_data: Path) -> None:
    with sealed_test_split():
        assert len(load_training(str(toy_data))) == 600
        with sealed_test_split(), pytest.raises(SealedError, match="sealed during training"):
            load_test(str(toy_data))
        with pytest.raises(FashionlabError):  # still, after the inner seal is gone
            load_test(str(toy_data))
    assert len(load_test(str(toy_data))) == 200


def test_the_seal_holds_in_threads_and_goes_after_an_error(toy_data: Path) -> None:
    caught: list[BaseException] = []

    def sneak() -> None:
        try:
            load_test(str(toy_data))
        except SealedError as error:
            caught.append(error)

    with pytest.raises(ZeroDivisionError), sealed_test_split():
        thread = threading.Thread(target=sneak)
        thread.start()
        thread.join()
        raise ZeroDivisionError
    assert len(caught) == 1
    assert len(load_test(str(toy_data))) == 200


def test_the_package_does_not_offer_the_test_split() -> None:
    assert "load_test" not in fashionlab.data.__all__ and not hasattr(fashionlab.data, "load_test")
    for name in fashionlab.data.__all__:
        assert hasattr(fashionlab.data, name)


def _opened(paths: Sequence[Path]) -> list[str]:
    """What a process opens that loads the training pictures of `paths`."""
    script = textwrap.dedent("""
        import os, sys
        from fashionlab.data import load_training
        opened = []
        sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
        for path in sys.argv[1:]:
            load_training(path)
        for path in opened:
            print(path)
    """)
    done = subprocess.run([sys.executable, "-c", script, *map(str, paths)], capture_output=True, text=True, check=True)
    return [path for path in done.stdout.splitlines() if any(path.startswith(str(one)) for one in paths)]


def test_load_training_opens_no_test_file(toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    training, test = load_training(str(toy_data)), load_test(str(toy_data))
    folders = [to for to in writable() if not FORMATS[to].suffix]
    for to in folders:
        convert(training, test, tmp_path / to, to)
    read = _opened([toy_data, *(tmp_path / to for to in folders)])
    assert len(read) > 600  # the hook saw the training files
    # Whether a table has labels stands in its first line, see test_of_a_test_table_the_training_needs_the_first_lines.
    read = [path for path in read if not path.endswith("/csv/test.csv")]
    assert not [path for path in read if "t10k" in path or "test" in Path(path).name or "/test/" in path]


@pytest.mark.parametrize("lists", [True, False])
def test_beside_class_folders_nothing_of_the_test_part_is_read(lists: bool, tmp_path: Path) -> None:
    """Names of pictures say nothing, so that it is looked how they begin; its list tells other classes than folders."""
    folder = tmp_path / "set"
    for part in ("train", "test"):
        rows = [("file", "label")]
        for number in range(12):
            kind = ("hat", "shoe")[number % 2]
            (folder / part / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((6, 6), number, np.uint8)).save(folder / part / kind / f"{number}", "PNG")
            rows.append((f"{part}/{kind}/{number}", kind if part == "train" else "other"))
        if lists:
            with (folder / f"{part}.csv").open("w", newline="") as stream:
                csv.writer(stream).writerows(rows)
    read = {Path(path).relative_to(folder).as_posix() for path in _opened([folder])}
    assert {f"train/{('hat', 'shoe')[number % 2]}/{number}" for number in range(12)} <= read
    assert {name for name in read if name.startswith("test")} == ({"test.csv"} if lists else set())
