"""An HTML page taken apart for tests: its tables, headings, pictures, ids and embedded data."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_VOID = {"meta", "link", "img", "br", "input", "hr"}


@dataclass
class Table:
    caption: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    scopes: list[str | None] = field(default_factory=list)  # of every heading cell


class Page(HTMLParser):
    """`text`: what a reader sees, with single spaces."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self.headings: list[tuple[int, str]] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.data: list[Any] = []
        self.style = ""
        self._open: list[str] = []
        self._words: list[str] = []
        self._cell = ""
        self.feed(source)
        self.close()
        assert not self._open, f"never closed: {self._open}"
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag not in _VOID:
            self._open.append(tag)
        if attributes.get("id"):
            self.ids.append(str(attributes["id"]))
        self.addresses += [str(attributes[name]) for name in ("src", "href", "action") if attributes.get(name)]
        if tag == "img":
            self.images.append(attributes)
        elif tag == "table":
            self.tables.append(Table())
        elif tag == "tr":
            self._row: list[str] = []
        elif tag == "th":
            self.tables[-1].scopes.append(attributes.get("scope"))
        if tag in ("th", "td", "caption") or re.fullmatch("h[1-6]", tag):
            self._cell = ""

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"
        cell = " ".join(self._cell.split())
        if tag == "caption":
            self.tables[-1].caption = cell
        elif tag in ("th", "td"):
            (self.tables[-1].header if "thead" in self._open else self._row).append(cell)
        elif tag == "tr" and "thead" not in self._open:
            self.tables[-1].rows.append(self._row)
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), cell))

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data
        elif self._open and self._open[-1] == "script":
            if data.lstrip().startswith("{"):
                self.data.append(json.loads(data))
        else:
            self._words.append(data)
            self._cell += data

    def table(self, caption: str) -> Table:
        """The only table whose caption has `caption` in it."""
        found = [table for table in self.tables if caption in table.caption]
        assert len(found) == 1, [table.caption for table in self.tables]
        return found[0]


def read_page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def check_page(page: Page) -> None:
    """What holds for every page: one h1, headings in order, unique ids, captions, scopes, alternative texts, and
    nothing fetched from anywhere."""
    levels = [level for level, _ in page.headings]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), page.headings
    assert len(set(page.ids)) == len(page.ids)
    assert all(table.caption for table in page.tables)
    assert all(scope in ("col", "row") for table in page.tables for scope in table.scopes)
    assert all(image.get("alt") for image in page.images)
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert all(address in ("#content", *(f"#{name}" for name in page.ids)) for address in page.addresses
               if address.startswith("#"))
    assert "url(" not in page.style and "@import" not in page.style
