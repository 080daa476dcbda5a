from __future__ import annotations

import os

import pytest

from fashionlab.common.naming import on_one_line, some_of
from fashionlab.common.tables import table_text


@pytest.mark.parametrize("name", ["plain", "Größe 👗 & Co", "3\u202f45 pm", "a\\b", "'\""])
def test_what_people_write_stays(name: str) -> None:
    assert on_one_line(name) == name


def test_names_that_break_a_line_or_are_no_text() -> None:
    assert on_one_line("a\nb\r\t\x1b[1m") == r"a\nb\r\t\x1b[1m"
    assert on_one_line(os.fsdecode(b"caf\xe9")).encode("utf-8") == rb"caf\udce9"


def test_a_row_of_a_table_is_a_line() -> None:
    assert table_text(["file", "is"], [["a\nb", "hat"], ["c", "sock"]]).splitlines() == [
        "file  is", r"a\nb  hat", "c     sock"]


def test_some_of_many() -> None:
    assert some_of([str(n) for n in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert some_of([str(n) for n in range(1210)]).endswith("8, 9 and 1,200 more")
    assert some_of([]) == ""
