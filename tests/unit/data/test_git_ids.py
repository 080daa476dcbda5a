"""git itself is the oracle."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionlab.data.git_ids import blob_id, tree_id

# One letter more or less, and letters on both sides of /: where sorting folders as files is wrong.
NAMES = st.text(alphabet="aAbz0-+ é~", min_size=1, max_size=3).map(lambda name: f"n{name}".rstrip())
TREES = st.dictionaries(NAMES, st.recursive(
    st.binary(max_size=40), lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=4), max_leaves=12),
    min_size=1, max_size=5)
Tree = dict[str, "Tree | bytes"]


def _write(folder: Path, tree: Tree) -> None:
    folder.mkdir(parents=True)
    for name, one in tree.items():
        if isinstance(one, bytes):
            (folder / name).write_bytes(one)
        else:
            _write(folder / name, one)


def _git(folder: Path, *words: str) -> str:
    environment = {**os.environ, "GIT_DIR": str(folder.parent / "repository"), "GIT_WORK_TREE": str(folder),
                   "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder.parent)}
    done = subprocess.run(["git", "-c", "core.autocrlf=false", *words], cwd=folder, env=environment, check=True,
                          capture_output=True, text=True)
    return done.stdout.strip()


def _tree_of_git(folder: Path) -> str:
    _git(folder, "init", "-q")
    _git(folder, "add", "-A", "--force", ".")
    return _git(folder, "write-tree")


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@given(TREES)
def test_ids_are_those_of_git(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "folder")
        _write(folder, tree)
        assert tree_id(folder) == _tree_of_git(folder)
        for file in folder.rglob("*"):
            if file.is_file():
                assert blob_id(file) == _git(folder, "hash-object", "--no-filters", str(file))


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_links_are_links(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    _write(folder, {"a": {"file": b"1"}, "b": b"2"})
    (folder / "circle").symlink_to(folder, target_is_directory=True)
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    assert tree_id(folder) == _tree_of_git(folder)


def test_known_ids(tmp_path: Path) -> None:
    """The first is in the book "Pro Git" (Git Objects), the second, of an empty tree, in git's own sources."""
    (tmp_path / "file").write_bytes(b"what is up, doc?")
    assert blob_id(tmp_path / "file") == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"
    (tmp_path / "folder").mkdir()
    assert tree_id(tmp_path / "folder") == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_what_programs_leave_behind_and_marks_do_not_count_but_every_byte_and_name_does(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    _write(folder, {"a": {"1.jpg": b"1", "2.jpg": b"2"}})
    before = tree_id(folder)
    (folder / "a" / ".DS_Store").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "a" / "1.jpg").chmod(0o755)
    assert tree_id(folder) == before
    (folder / "a" / "2.jpg").write_bytes(b"3")
    assert tree_id(folder) != before
    (folder / "a" / "2.jpg").write_bytes(b"2")
    assert tree_id(folder) == before
    (folder / "a" / "2.jpg").rename(folder / "a" / "3.jpg")
    assert tree_id(folder) != before
