"""The page /drift in a real browser, while pictures come in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from playwright.sync_api import expect

from fashionlab.serve.app import build_app
from fashionlab.serve.service import Service
from toys import toy_pictures


@pytest.fixture
def serve(toy_artifact: Path) -> Iterator[Callable[..., tuple[str, Service]]]:
    """`serve(token=None)`: the page's address, and the service behind it."""
    stops = []

    def call(token: str | None = None) -> tuple[str, Service]:
        service = Service(str(toy_artifact), threads=1)
        server = uvicorn.Server(uvicorn.Config(build_app(service, token=token), port=0, log_level="warning",
                                               timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            thread.join(0.01)
        stops.append((server, thread))
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/drift", service

    yield call
    for server, thread in stops:
        server.should_exit = True
        thread.join()


def feed(service: Service, pictures: np.ndarray) -> None:
    answers, figures = service.model.classifier.observe(pictures)
    service.model.drift.observe(figures, answers)


@pytest.mark.parametrize(("size", "scheme"), [
    ((390, 844), "dark"), pytest.param((1280, 850), "light", marks=pytest.mark.slow)])
def test_pictures_come_in_and_drift(open_page, serve, size, scheme):
    address, service = serve()
    opened = open_page(address, size=size, scheme=scheme)
    page, images = opened.page, toy_pictures(500, seed=9)[0][:, None]
    expect(page.locator("#state")).to_contain_text("Waiting")
    feed(service, images[:200])
    expect(page.locator("#seen")).to_have_text("200 of the 500 pictures that it takes.")
    expect(page.locator("article h2")).to_contain_text(["Brightness", "Confidence", "Distance", "Ink", "Classes"])
    expect(page.locator("article .state").first).to_have_text("… filling")
    feed(service, images)
    expect(page.locator("#state")).to_have_text("✓ No drift")
    feed(service, 255 - images[:300])
    expect(page.locator("#state")).to_contain_text("▲ Drift: Brightness")
    brightness = page.locator("article").first
    expect(brightness).to_contain_text("▲ drifted")
    expect(brightness.locator(".gauge")).to_have_attribute("aria-label", r"KS 0.600, limit 0.328")
    assert not opened.overflows() and not opened.complaints
    assert all("/static/" in address or address.endswith("/v1/drift") for address in opened.requests)


def test_a_token_is_asked_for_and_a_service_that_is_gone_is_said_so(open_page, serve):
    address, _ = serve(token="right-token-of-sixteen")
    page = open_page(address).page
    expect(page.locator("#state")).to_have_text("A token is needed.")
    page.get_by_label("This service asks for a token").fill("wrong")
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#state")).to_have_text("The token is not the right one.")
    page.get_by_label("This service asks for a token").fill("right-token-of-sixteen")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_contain_text("Waiting")
    expect(page.locator("#ask")).to_be_hidden()
    page.route("**/v1/drift", lambda route: route.abort())
    expect(page.locator("#state")).to_contain_text("does not answer")
