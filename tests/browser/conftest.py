"""Pages in a real browser: the system's Chromium, driven by Playwright.

Where there is no Chromium these tests are skipped, unless FASHIONLAB_BROWSER_TESTS=required, as in CI: then they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PATIENCE = 120_000  # milliseconds until a page that does not come to what is expected is taken for one that never does
expect.set_options(timeout=PATIENCE)


@dataclass
class Opened:
    """A page that is open. `complaints`: what it wrote to the console, and errors; `requests`: addresses it asked for
    outside itself."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def overflows(self) -> bool:
        """Whether the page as a whole scrolls sideways."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module's tests, and gone when they are over: while Playwright is there, an event loop runs in
    this thread, and tests that start one themselves would fail."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        reason = "no chromium, chromium-browser or google-chrome on the PATH"
        if os.environ.get("FASHIONLAB_BROWSER_TESTS") == "required":
            pytest.fail(f"FASHIONLAB_BROWSER_TESTS=required, but there is {reason}")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """`open_page(path_or_address, size=(1280, 850), scheme="light")` opens it in a context of its own."""
    contexts = []

    def call(where: Path | str, size: tuple[int, int] = (1280, 850), scheme: Any = "light") -> Opened:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        opened = Opened(context.new_page())
        address = where.resolve().as_uri() if isinstance(where, Path) else where
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("request", lambda request: None if request.url.startswith(("data:", address.split("?")[0]))
                       else opened.requests.append(request.url))
        opened.page.goto(address)
        return opened

    yield call
    for context in contexts:
        context.close()
