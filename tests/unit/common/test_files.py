"""Files are whole or not there."""

from __future__ import annotations

import pytest

from fashionlab.common.errors import FashionlabError
from fashionlab.common.files import replacing, write_json, write_text


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "folder" / "file.txt"
    write_text(target, "old")
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_what_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file" / "x", tmp_path / ("n" * 300)):
        with pytest.raises(FashionlabError, match="cannot write"):
            write_text(place, "x")


def test_errors_about_other_files_pass(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "target"):
        (tmp_path / "missing").read_text()


def test_no_nan_in_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())
