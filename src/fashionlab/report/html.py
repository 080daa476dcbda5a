"""Templates filled: above all self-contained HTML pages, one file that opens from disk with all that it shows inside.

A page is a template that extends ``base.html`` and fills its blocks `title`, `lead` and `content` (optionally `style`
and `script`); ``{% import "macros.html" as m %}`` gives it tiles, tables, figures and galleries. A `sections` list of
(id, heading) in the context becomes the page's table of contents.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from fashionlab.common.errors import DataError

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
          ".svg": "image/svg+xml"}


def render(template: str, **context: Any) -> str:
    """The page `template` (a file name in report/templates) filled with `context`.

    In pages everything in `context` is escaped; in Markdown (.md) the filter `markdown` does it. A name that the
    template uses and `context` lacks raises jinja2.UndefinedError rather than leaving a hole in the page.
    """
    return _environment().get_template(template).render({"sections": (), **context})


def data_uri(content: bytes, kind: str) -> str:
    """`content` as the address of an embedded picture; `kind` is its MIME type, e.g. "image/png"."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def embedded(path: Path) -> str:
    """The picture file at `path` (PNG, JPEG, WebP, SVG) as a data URI. Raises DataError when it is not readable."""
    try:
        return data_uri(path.read_bytes(), _TYPES[path.suffix.lower()])
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: no readable picture to put into a page ({error})") from error


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fashionlab.report", "templates"),
        autoescape=lambda name: name is None or not name.endswith(".md"),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(percent=_percent, script_json=_script_json, markdown=_markdown, prose=_prose)
    environment.globals["asset"] = _asset
    return environment


def _asset(name: str) -> Markup:
    """A style sheet or script of report/templates, verbatim."""
    return Markup((Path(__file__).parent / "templates" / name).read_text(encoding="utf-8"))


def _percent(share: float, digits: int = 2) -> str:
    return f"{share:.{digits}%}"


def _script_json(value: Any) -> Markup:
    """JSON that may stand inside a <script> element, whatever class names it holds."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _prose(text: str) -> Markup:
    """A message as messages are written, with commands in backquotes."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _markdown(value: Any) -> str:
    """Text for a line or a table cell of Markdown, with nothing in it taken for markup."""
    text = " ".join(str(value).split())
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in text)
