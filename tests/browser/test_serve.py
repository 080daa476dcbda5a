"""The service's page in a real browser: a picture from everywhere it may come from, and the answer to it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import expect

from fashionlab.serve.app import STATIC, build_app
from fashionlab.serve.service import Service

SAMPLES = STATIC / "samples"


@pytest.fixture
def serve(toy_artifact: Path) -> Iterator[Callable[..., str]]:
    """`serve(token=None)`: the address of a service of `toy_artifact`."""
    stops = []

    def call(token: str | None = None) -> str:
        app = build_app(Service(str(toy_artifact), threads=1), token=token)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            thread.join(0.01)
        stops.append((server, thread))
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"

    yield call
    for server, thread in stops:
        server.should_exit = True
        thread.join()


def transfer(page, kind: str, event: str, where: str) -> None:
    """Drop or paste a sample, as the browser would."""
    content = base64.b64encode((SAMPLES / "photo-boot.jpg").read_bytes()).decode()
    page.evaluate("""([content, kind, event, where]) => {
        const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], "boot.jpg", { type: "image/jpeg" }));
        const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
        document.querySelector(where).dispatchEvent(new (window[kind])(event, init));
    }""", [content, kind, event, where])


def test_a_picture_from_everywhere(open_page, serve):
    opened = open_page(serve())
    page = opened.page
    expect(page.locator("#none")).to_be_visible()
    expect(page.locator("#model")).to_contain_text("Model: toy")

    page.get_by_role("button", name="Sample: ankle boot").click()
    expect(page.locator("#bars li")).to_have_count(10)
    assert page.locator("#label").inner_text().split()[-1].endswith("%")
    expect(page.locator("#set")).to_contain_text("rediction set")
    seen = "document.querySelector('#seen').getContext('2d').getImageData(0, 0, 28, 28).data"
    sample = page.evaluate(f"[...{seen}].filter((_, position) => position % 4 === 0)")
    with Image.open(SAMPLES / "ankle-boot.png") as picture:
        assert sample == list(picture.tobytes()), "what the network sees is the sample itself"

    for give in (lambda: page.set_input_files("#file", SAMPLES / "photo-dress.jpg"),
                 lambda: page.set_input_files("#camera", SAMPLES / "photo-bag.jpg"),
                 lambda: transfer(page, "DragEvent", "drop", "#drop"),
                 lambda: transfer(page, "ClipboardEvent", "paste", "body")):
        before = page.locator("#shown").get_attribute("src")
        give()
        expect(page.locator("#shown")).not_to_have_attribute("src", before or "")
        assert page.evaluate(f"{seen}.some((value, position) => position % 4 !== 3 && value > 100)")

    page.set_input_files("#file", STATIC / "index.html")
    expect(page.locator("#problem")).to_contain_text("not a PNG, JPEG or WebP picture")
    expect(page.locator("#answer")).to_be_hidden()
    others = [line for line in opened.complaints if "422" not in line and not line.startswith("Canvas2D")]
    assert not others, "but for the refusal, and for this test's own reading of pixels"
    assert all(request.startswith("blob:") for request in opened.requests)


def test_drawing_by_touch_fills_what_the_line_encloses(open_page, serve):
    page = open_page(serve(), size=(390, 844), scheme="dark").page
    canvas = page.locator("#canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"])
               for x, y in ((.2, .2), (.8, .2), (.8, .8), (.2, .8), (.2, .2))]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=3)
    page.mouse.up()
    expect(page.locator("#drawn")).to_contain_text("%")
    middle = "document.querySelector('#canvas').getContext('2d').getImageData(140, 140, 1, 1).data[0]"
    assert page.evaluate(middle) < 200, "filled"
    expect(page.locator("#bars li")).to_have_count(10)
    page.get_by_role("button", name="Clear").click()
    assert page.evaluate(middle) == 255
    assert page.evaluate("getComputedStyle(document.querySelector('#canvas')).touchAction") == "none"


@pytest.mark.parametrize("width", [320, *(pytest.param(width, marks=pytest.mark.slow) for width in (390, 1280))])
def test_nothing_scrolls_sideways(open_page, serve, width):
    opened = open_page(serve(), size=(width, 800))
    opened.page.get_by_role("button", name="Sample: bag").click()
    expect(opened.page.locator("#bars li")).to_have_count(10)
    assert not opened.overflows()


def test_by_keyboard_alone_and_with_a_token(open_page, serve):
    page = open_page(serve(token="sesame")).page
    expect(page.locator("#ask")).to_be_visible()
    expect(page.get_by_label("This service asks for a token")).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("not the right one")
    page.get_by_label("This service asks for a token").fill("sesame")
    page.keyboard.press("Enter")
    expect(page.locator("#ask")).to_be_hidden()
    expect(page.locator("#model")).to_contain_text("toy")
    page.locator("#file").focus()
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.firstChild?.alt"))
        if reached[-1] == "Sample: dress":
            page.keyboard.press("Enter")
            expect(page.locator("#bars li")).to_have_count(10)
    assert {"camera", "Sample: t shirt", "Sample: photo boot", "fill", "clear"} <= set(reached)
