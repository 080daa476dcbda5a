"""The service's page in a real browser: a picture from everywhere it may come from, and the answer to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import expect

from fashionlab.data.catalog import DATASETS
from fashionlab.serve.app import STATIC, build_app
from fashionlab.serve.service import Service
from giving import everywhere
from serving import describe_as, prepare_as

SAMPLES = STATIC / "samples"


def as_garments(service: Service) -> None:
    describe_as(service, classes=DATASETS["fashion-mnist"].classes)
    prepare_as(service, "fashion-mnist", (0, 0, 0))


def as_light_ground(service: Service) -> None:
    as_garments(service)
    prepare_as(service, "letterbox", (255, 255, 255))


@pytest.fixture
def serve(toy_artifact: Path) -> Iterator[Callable[..., str]]:
    """`serve(describe=..., ...)`: the address of a service of `toy_artifact` after `describe(service)`, by default with
    Fashion-MNIST's classes; what else it takes is `build_app`'s."""
    stops = []

    def call(describe: Callable[[Service], None] = as_garments, **options: Any) -> str:
        service = Service(str(toy_artifact), threads=1)
        describe(service)
        app = build_app(service, **options)
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


@pytest.fixture
def proxy() -> Iterator[Callable[..., str]]:
    """`proxy(service, root_path, stripped)`: the address under `root_path` at a proxy that hands on what lies there,
    with or without the path, and has nothing else."""
    stops = []

    def call(service: str, root_path: str, stripped: bool) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not self.path.startswith(f"{root_path}/"):
                    self.send_error(404)
                    return
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream = HTTPConnection(urlsplit(service).netloc, timeout=60)
                upstream.request(self.command, self.path[len(root_path) if stripped else 0 :], content, {
                    name: value for name, value in self.headers.items() if name in ("Content-Type", "Authorization")})
                answer = upstream.getresponse()
                body = answer.read()
                upstream.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        stops.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}{root_path}/"

    yield call
    for server, thread in stops:
        server.shutdown()
        thread.join()
        server.server_close()


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
    assert page.evaluate("getComputedStyle(document.querySelector('#seen')).imageRendering") == "pixelated"

    for give in everywhere(page, *(SAMPLES / f"photo-{name}.jpg" for name in ("dress", "bag", "boot"))):
        before = page.locator("#shown").get_attribute("src")
        give()
        expect(page.locator("#shown")).not_to_have_attribute("src", before or "")
        assert page.evaluate(f"{seen}.some((value, position) => position % 4 !== 3 && value > 100)")

    page.set_input_files("#file", STATIC / "index.html")
    expect(page.locator("#problem")).to_contain_text("no picture that is read")
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


@pytest.mark.parametrize(("root_path", "stripped"), [("/shop/model", False), ("/shop/model", True), (None, True)])
def test_pages_work_behind_a_proxy_under_any_path(open_page, serve, proxy, root_path, stripped):
    address = proxy(serve(token="sesame", root_path=root_path), "/shop/model", stripped)
    opened = open_page(address)
    page = opened.page
    page.get_by_label("This service asks for a token").fill("sesame")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sample: ankle boot").click()
    expect(page.locator("#bars li")).to_have_count(10)
    page.get_by_role("link", name="Drift").click()
    expect(page.locator("#seen")).to_contain_text("1 of the")
    assert page.url == f"{address}drift"
    page.goto(f"{address}watch")
    expect(page.locator("#seen")).to_contain_text("1 of the")
    assert page.url == f"{address}drift", "where the page's former address leads"
    page.get_by_role("link", name="What is on a picture?").click()
    expect(page.locator("#model")).to_contain_text("toy")
    assert page.url == address
    assert all("401" in line for line in opened.complaints)
    assert all(request.startswith("blob:") for request in opened.requests), "nothing lies beside the prefix"


def test_the_page_speaks_of_the_model_it_has(open_page, serve):
    page = open_page(serve()).page
    expect(page.locator("#preparation")).to_contain_text("the garment found in the picture, grey, light on black")
    expect(page.locator("#samples img")).to_have_count(13)
    page = open_page(serve(as_light_ground)).page
    expect(page.locator("#preparation")).to_contain_text("What is empty or transparent becomes white")
    expect(page.get_by_role("heading", name="or try one of these")).to_be_hidden()
    assert "black" not in page.locator("main").inner_text()
    page.set_input_files("#file", SAMPLES / "photo-dress.jpg")
    expect(page.locator("#bars li")).to_have_count(10)
    page = open_page(serve(lambda service: prepare_as(service, "fashion-mnist", (0, 0, 0)))).page  # of other classes
    expect(page.locator("#preparation")).to_contain_text("the garment found")
    expect(page.get_by_role("heading", name="or try one of these")).to_be_hidden()



def test_a_page_of_another_origin_asks_where_it_may(open_page, serve, proxy):
    elsewhere = proxy("", "/nothing", stripped=False).removesuffix("/nothing/")
    page = open_page(f"{elsewhere}/").page  # not found, but a page of that origin
    ask = """([address, body]) => fetch(`${address}v1/predict`, { method: "POST", body, headers: {
        Authorization: "Bearer sesame", "Content-Type": "application/json" } })
        .then(async (answer) => [answer.status, (await answer.json()).reason], (error) => error.name)"""
    allowed = serve(token="sesame", origins=[elsewhere])
    assert page.evaluate(ask, [allowed, '{"pictures": ["data:image/png;base64,?"]}']) == [422, "unreadable"]
    for options in ({"origins": ["https://shop.example"]}, {}):
        assert page.evaluate(ask, [serve(token="sesame", **options), "{}"]) == "TypeError"
