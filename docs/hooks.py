"""What mkdocs does beside rendering docs/: pages that are made from the code, and links that leave docs/.

- reference/commands.md is made from the Typer application.
- CONTRIBUTING.md and CHANGELOG.md become pages; a link to README.md leads to the first page.
- Any other file of the checkout that a page links to (a result, a source file) is copied under `files/`.
- The navigation's entry `decisions/` becomes the list of all decisions.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from fashionlab.cli.main import COMMANDS, build_app

ROOT = Path(__file__).parents[1]
REFERENCE = "reference/commands.md"
# Files of the checkout that are pages of the site; README.md is another form of the first page, which stays its source.
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = _with_decisions(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    made = {REFERENCE: command_reference()}
    made |= {page: (ROOT / name).read_text(encoding="utf-8") for name, page in PAGES.items() if page != "index.md"}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    for name in sorted({name for page in files.documentation_pages() for name in _linked(page)}):
        files.append(File.generated(config, f"files/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    source, start = _source(page.file), posixpath.dirname(page.file.src_uri) or "."

    def on_site(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match["target"]))
        return posixpath.relpath(site_path(target), start) + (match["anchor"] or "")

    return LINK.sub(on_site, markdown)


def site_path(name: str) -> str:
    """Where the site has a file of the checkout, both relative to their tops."""
    if name in PAGES:
        return PAGES[name]
    return name.removeprefix("docs/") if name.startswith("docs/") else f"files/{name}"


def _source(file: File) -> str:
    """The page's file in the checkout; the links of a page are relative to it."""
    return next((name for name, page in PAGES.items() if page == file.src_uri != "index.md"), f"docs/{file.src_uri}")


def _linked(file: File) -> set[str]:
    """The files outside docs/ that a page links to, relative to the checkout's top."""
    folder = posixpath.dirname(_source(file))
    targets = (posixpath.normpath(posixpath.join(folder, match["target"]))
               for match in LINK.finditer(file.content_string))
    return {name for name in targets if site_path(name).startswith("files/") and (ROOT / name).is_file()}


def _with_decisions(entry: Any) -> Any:
    """The navigation with all decisions, in their order, in place of `decisions/`."""
    if isinstance(entry, list):
        return [_with_decisions(one) for one in entry]
    if isinstance(entry, dict):
        return {title: _with_decisions(one) for title, one in entry.items()}
    if entry == "decisions/":
        return [f"decisions/{path.name}" for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    return entry


def command_reference() -> str:
    """Every command with its arguments and options, as `--help` has them, in Markdown."""
    import typer.main

    app = typer.main.get_command(build_app())
    introduction = ("# Commands\n\nThe same as `--help` of each command. Results go to stdout, progress to stderr; "
                    f"`--json` prints one JSON object.\n\n{app.epilog}\n")
    return introduction + "".join(_command(app.commands[name], f"fashionlab {name}", 2) for name in COMMANDS)


def _command(command: Any, name: str, level: int) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    text = f"\n{'#' * level} {name}\n\n{_escaped(command.help or '')}\n"
    if hasattr(command, "commands"):
        return text + "".join(_command(below, f"{name} {word}", level + 1) for word, below in command.commands.items())
    text += f"\n```\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    records = [record for one in command.get_params(context) if (record := one.get_help_record(context))]
    rows = "".join(f"| `{left}` | {_escaped(' '.join(right.split()))} |\n"
                   for left, right in records if not left.startswith("--help"))
    return text + (f"\n| argument or option | |\n| --- | --- |\n{rows}" if rows else "")


def _escaped(text: str) -> str:
    """Help is plain text: what would be a mark-up in Markdown is kept from being one, but `code` stays code."""
    parts = text.split("`")
    return "`".join(part if index % 2 else re.sub(r"([\\*_<>|\[\]])", r"\\\1", part)
                    for index, part in enumerate(parts))
