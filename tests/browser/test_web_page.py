"""The page that answers by itself, in a real browser, held against the answers of Python picture by picture."""

from __future__ import annotations

import base64
import functools
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from playwright.sync_api import Page, expect

from drawn_photos import drawn_photos
from fashionlab.common.errors import DataError
from fashionlab.common.records import Preparation
from fashionlab.deploy.browser_runtime import runtime_files
from fashionlab.deploy.opening import open_classifier
from fashionlab.deploy.web import WAYS_IN_BROWSERS, write_page
from fashionlab.preparation import WAYS, prepare
from fashionlab.serve.app import STATIC
from giving import everywhere
from shared_data import shared_photos

SAMPLES = sorted((STATIC / "samples").glob("*"))
GARMENT = ("fashion-mnist", "garment")  # ways that have large JPEGs decoded smaller, which no browser does
JPEGS = {path.name for path in SAMPLES if path.suffix == ".jpg"}
PROBABILITY = 0.1  # of int8 answers, for what decoding smaller changes; the median difference is far below it
# Prepares or answers the picture in base64 within the page.
PREPARE = """async ([content, preparation]) => {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    const { prepare } = await import("./ways.js");
    return Array.from(await prepare(new Blob([bytes]), preparation));
}"""
ANSWER = """async (content) => {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    window.answering ??= await (await import("./model.js")).open();
    return await window.answering.answer(new Blob([bytes]));
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def offer() -> Iterator[Callable[[Path], str]]:
    """`offer(folder)`: the address at which a plain server of files offers it, as `python -m http.server` does."""
    stops = []

    def call(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        stops.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    yield call
    for server, thread in stops:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def page_of(shared: Callable[..., Path]) -> Callable[[str, str], Path]:
    """`page_of(name, model)`: the exported folder of a model, once. Skips the test where there is no runtime."""
    def call(name: str, model: str) -> Path:
        try:
            runtime_files()
        except DataError as error:
            pytest.skip(str(error))
        return shared(f"web-{name}", lambda folder: write_page(open_classifier(model, 1), folder / "page")) / "page"

    return call


@pytest.fixture(scope="module")
def garments(offer: Callable[[Path], str], page_of: Callable[[str, str], Path]) -> str:
    """The address of the bundled model's page."""
    return offer(page_of("garments", "default"))


def in_page(page: Page, code: str, picture: bytes, *more: Any) -> Any:
    content = base64.b64encode(picture).decode()
    return page.evaluate(code, [content, *more] if more else content)


def difference(page: Page, picture: bytes, preparation: Preparation) -> np.ndarray:
    """Of what the page makes of a picture from what Python does, |int| of each value."""
    theirs = in_page(page, PREPARE, picture, {**vars(preparation), "background": list(preparation.background)})
    return np.abs(np.array(theirs) - prepare(picture, "picture", preparation).ravel().astype(int))


def test_browsers_know_every_way() -> None:
    assert set(WAYS_IN_BROWSERS) == set(WAYS.names())


@pytest.mark.parametrize("way", WAYS_IN_BROWSERS)
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 160), (3, 45)])
def test_it_prepares_pictures_as_python_does(open_page, garments, way, channels, size) -> None:
    page = open_page(garments).page
    preparation = Preparation(way, size, channels, (165, 141, 119))
    pictures = {**drawn_photos(), **{path.name: path.read_bytes() for path in SAMPLES}}
    pictures |= {path.name: path.read_bytes() for path in sorted((shared_photos() / "train").rglob("*.jpg"))[::400]}
    exact = int(PIL.__version__.partition(".")[0]) >= 13 and way not in GARMENT
    drafted = []
    for name, picture in pictures.items():
        apart = difference(page, picture, preparation)
        if "cut out" in name:  # canvases keep transparent colours less exactly
            assert apart.mean() < 0.5, (name, apart.mean())
        elif way in GARMENT and name in JPEGS:
            drafted.append(apart.mean())
        else:
            assert apart.max() <= (0 if exact else 25) and apart.mean() < 0.5, (name, apart.max(), apart.mean())
    # Where an outline falls between two pixels, the garment may be found a pixel aside.
    assert not drafted or (np.median(drafted) < 0.5 and max(drafted) < 20), drafted


def test_it_answers_as_python_does(open_page, garments) -> None:
    page, classifier = open_page(garments).page, open_classifier("default", 1)
    photos = sorted((shared_photos() / "train").rglob("*.jpg"))[::150]
    apart = []
    for path in [*SAMPLES, *photos]:
        said = in_page(page, ANSWER, path.read_bytes())
        ours = classifier.answer(prepare(path, path.name, classifier.preparations.asked)[None])
        probabilities = dict(zip(classifier.classes, ours.probabilities[0].tolist(), strict=True))
        first, second = sorted(probabilities.values(), reverse=True)[:2]
        apart.append(max(abs(one["probability"] - probabilities[one["label"]]) for one in said["top"]))
        assert apart[-1] < PROBABILITY, path
        assert first - second < 2 * apart[-1] or probabilities[said["label"]] == first, path
        if abs(ours.outlier_score[0] - classifier.artifact.description.threshold) > 0.2:
            assert said["outlier"] == bool(ours.outlier[0]), path
    assert np.median(apart) < 0.01


def test_a_picture_from_everywhere(open_page, garments, tmp_path: Path) -> None:
    opened = open_page(garments)
    page = opened.page
    expect(page.locator("#none")).to_contain_text("Nothing yet")
    expect(page.locator("#model")).to_contain_text("Model: medium, 290,216 parameters, 94.6% right on test pictures")
    expect(page.locator("#knows")).to_contain_text("It knows 10 classes")
    for give in everywhere(page, *[path for path in SAMPLES if path.suffix == ".jpg"]):
        before = page.locator("#shown").get_attribute("src")
        give()
        expect(page.locator("#shown")).not_to_have_attribute("src", before or "")
        expect(page.locator("#bars li")).to_have_count(10)
        expect(page.locator("#time")).to_contain_text("ms to answer")
    (tmp_path / "text.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "text.png")
    expect(page.locator("#problem")).to_contain_text("cannot read that file as a picture")
    expect(page.locator("#answer")).to_be_hidden()
    page.set_input_files("#file", SAMPLES[0])
    expect(page.locator("#problem")).to_be_hidden()
    assert not [line for line in opened.complaints if not line.startswith("Canvas2D")]
    assert all(request.startswith("blob:") for request in opened.requests), "nothing from anywhere else"


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_scrolls_sideways(open_page, garments, width) -> None:
    opened = open_page(garments, size=(width, 800))
    opened.page.set_input_files("#file", SAMPLES[0])
    expect(opened.page.locator("#bars li")).to_have_count(10)
    assert not opened.overflows()


def test_a_computer_s_camera_that_is_denied_is_one_message(open_page, garments) -> None:
    page = open_page(garments).page
    expect(page.locator("#photo")).to_be_hidden()
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#problem")).to_contain_text("The camera cannot be used")


def test_opened_from_disk_it_says_how_to_offer_it(open_page, page_of) -> None:
    page = open_page(page_of("garments", "default") / "index.html").page
    expect(page.locator("#none")).to_contain_text("serve its folder, as README.md beside it says")


def test_what_is_missing_is_named(open_page, offer, page_of, tmp_path: Path) -> None:
    for file in page_of("garments", "default").iterdir():
        if file.name != "onnxruntime.wasm.gz":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    page = open_page(offer(tmp_path)).page
    expect(page.locator("#problem")).to_contain_text("onnxruntime.wasm.gz is not there: the server answers 404.")


def test_a_float32_graph_in_half_precision_and_distances_answer_too(open_page, offer, page_of, toy_artifact) -> None:
    """The toy's outlier score is a distance from class means, its graph float32."""
    page, classifier = open_page(offer(page_of("toy", str(toy_artifact)))).page, open_classifier(toy_artifact, 1)
    for path in SAMPLES:
        said = in_page(page, ANSWER, path.read_bytes())
        ours = classifier.answer(prepare(path, path.name, classifier.preparations.asked)[None])
        probabilities = dict(zip(classifier.classes, ours.probabilities[0].tolist(), strict=True))
        # JPEGs apart, the pixels are the same: what is left is the rounding of weights.
        tolerance = 0.02 if path.suffix == ".jpg" else 2e-3
        assert all(abs(one["probability"] - probabilities[one["label"]]) < tolerance for one in said["top"]), path
        assert said["outlier_score"] == pytest.approx(float(ours.outlier_score[0]), rel=0.1, abs=1e-2)
