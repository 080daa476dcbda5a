"""The documentation: commands and links are real, the reference is whole, the site loads nothing from outside."""

from __future__ import annotations

import importlib.util
import inspect
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

import fashionlab
from fashionlab.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*DOCS.rglob("*.md"), *ROOT.glob("*.md")))


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    for line in re.findall(r"^(?: {4})?(fashionlab .*)|`(fashionlab [^`]*)`", text, re.MULTILINE):
        words = shlex.split("".join(line), comments=True)
        assert words[1] in (*COMMANDS, "--help"), f"{page}: no command {' '.join(words)}"
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
        if target != "reference/commands.md":  # made when the site is built
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page}: no file {target}"


def test_the_reference_has_every_option_that_help_has(cli, hooks):
    reference = hooks.command_reference()
    sections = {head: text for head, _, text in (one.partition("\n") for one in re.split(r"^#{2,3} ", reference,
                                                                                           flags=re.MULTILINE)[1:])}
    assert {head.split()[1] for head in sections} == set(COMMANDS)
    for head, text in sections.items():
        told = cli(*head.split()[1:], "--help").out
        options = set(re.findall(r"^  (--[a-z0-9-]+)", told, re.MULTILINE)) - {"--help"}
        assert options == set(re.findall(r"^\| `(--[a-z0-9-]+)", text, re.MULTILINE)), head
    assert sum(text.count("| `--") for text in sections.values()) > 50


@pytest.mark.parametrize(("page", "link", "expected"), [
    ("findings.md", "../results/a.json", "files/results/a.json"), ("findings.md", "figures/a.svg", "figures/a.svg"),
    ("decisions/0008-transfer.md", "../transfer.md#how", "../transfer.md#how"),
    ("learn.md", "../README.md", "index.md"), ("learn.md", "#top", "#top"),
    ("decisions/0008-transfer.md", "../../src/fashionlab/errors.py", "../files/src/fashionlab/errors.py"),
    ("contributing.md", "docs/protocol.md", "protocol.md"), ("changelog.md", "CONTRIBUTING.md", "contributing.md"),
    ("learn.md", "https://example.org/a.md", "https://example.org/a.md"),
])
def test_a_link_leads_to_the_same_thing_on_the_site(page: str, link: str, expected: str, hooks):
    there = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    assert hooks.on_page_markdown(f"see [it]({link})", there, None, None) == f"see [it]({expected})"


class Addresses(HTMLParser):
    """What a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
        self.loaded |= {value for name, value in attrs if name == names.get(tag) and value}


@pytest.mark.slow
def test_the_site_is_built_strictly_and_loads_nothing_from_outside(tmp_path: Path):
    site = tmp_path / "site"
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for path in pages:
        parser = Addresses()
        parser.feed(path.read_text(encoding="utf-8"))
        assert parser.loaded and not [one for one in parser.loaded if re.match(r"(https?:)?//", one)], path
    reference = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for name in fashionlab.__all__:
        module = inspect.ismodule(getattr(fashionlab, name))
        heading = f"<code>fl.{name}</code>" if module else f'id="fashionlab.{name}"'
        assert heading in reference, f"{name} is public and not documented"
