"""The dashboard in a real browser: sorting, filtering, comparing, a run that grows while one looks at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Page, expect

from fashionlab.dashboard.app import build_app
from fashionlab.dashboard.runs import RunsFolder
from fashionlab.training.logs import write_history
from run_folders import history_rows, write_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_run(folder / "low", test_accuracy=0.7, start=0.3)
    write_run(folder / "high", test_accuracy=0.9, start=0.5)
    write_run(folder / "middle", recipe="three-linear", test_accuracy=0.8, start=0.4)
    write_run(folder / "study" / "arm-s0", "interrupted", recipe="quick", epochs=2)
    write_run(folder / "growing", "running", epochs=1)
    (write_run(folder / "broken").path / "metrics.csv").write_text("not,numbers\na,b\n")
    return folder


@pytest.fixture
def address(runs: Path) -> Iterator[str]:
    """A dashboard over `runs`, as the command serves it."""
    server = uvicorn.Server(uvicorn.Config(build_app(RunsFolder(runs)), port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


def names(page: Page) -> list[str]:
    return page.locator("#table tbody .name").all_inner_texts()


def test_sort_filter_and_compare(open_page, address):
    opened = open_page(address)
    page = opened.page
    expect(page.locator("#table tbody tr")).to_have_count(6)
    expect(page.locator("#count")).to_have_text("6 runs")

    head = page.get_by_role("columnheader", name="Test")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    assert names(page)[:3] == ["high", "middle", "low"], "runs without a test accuracy come last"
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert names(page)[:3] == ["low", "middle", "high"], "either way"

    expect(page.locator("tr[data-state=broken] .reason")).to_contain_text("metrics.csv: no readable history")
    page.get_by_label("Filter").fill("Three-LINEAR")
    assert names(page) == ["middle"]
    expect(page.locator("#count")).to_have_text("1 of 6 runs")
    page.get_by_label("Filter").fill("nothing like this")
    expect(page.locator("#empty")).to_have_text("No run matches the filter.")
    page.get_by_label("Filter").fill("")
    page.get_by_label("State").select_option("interrupted")
    assert names(page) == ["study/arm-s0"]
    page.get_by_label("State").select_option("")

    expect(page.locator("#comparison")).to_be_hidden()
    page.get_by_label("Compare high").check()
    page.get_by_label("Compare study/arm-s0").focus()
    page.keyboard.press("Space")
    expect(page.locator("#comparison")).to_be_visible()
    expect(page.locator("#legend li")).to_have_text(["high", "study/arm-s0"])
    expect(page.locator("#scores thead th")).to_have_text(["high", "study/arm-s0"])
    scores = page.get_by_role("row", name="test accuracy", exact=False).first
    expect(scores.get_by_role("cell")).to_have_text(["90.00%", "–"])
    curve = page.locator("#curves svg[role=img]").first
    expect(curve).to_have_attribute("aria-label", "Accuracy by epoch. "
                                    "high training: 54.00% in epoch 1, 62.00% in epoch 3; "
                                    "high validation: 53.00% in epoch 1, 59.00% in epoch 3; "
                                    "study/arm-s0 training: 54.00% in epoch 1, 58.00% in epoch 2; "
                                    "study/arm-s0 validation: 53.00% in epoch 1, 56.00% in epoch 2.")
    assert curve.locator(".line").count() == 4
    page.get_by_role("button", name="Untick all").click()
    expect(page.locator("#comparison")).to_be_hidden()
    expect(page.get_by_label("Compare high")).not_to_be_checked()
    assert not opened.complaints and not opened.requests


def test_a_run_grows_while_one_looks_at_it(open_page, address, runs):
    opened = open_page(address)
    page = opened.page
    live = page.get_by_role("article", name="growing")
    expect(live).to_contain_text("epoch 1 of 3, validation accuracy 53.00%")
    page.get_by_label("Filter").focus()
    growing = RunsFolder(runs).get("growing")
    assert growing
    write_history(growing, history_rows(2))
    expect(live).to_contain_text("epoch 2 of 3, validation accuracy 56.00%")
    expect(live.get_by_role("img").first).to_have_attribute("aria-label", "Accuracy by epoch. "
                                                            "training: 54.00% in epoch 1, 58.00% in epoch 2; "
                                                            "validation: 53.00% in epoch 1, 56.00% in epoch 2.")
    growing.set_status("interrupted", signal=2)
    expect(page.locator("#training")).to_be_hidden()
    row = page.locator("#table tbody tr").filter(has_text="growing")
    expect(row).to_contain_text("fashionlab train --resume")
    write_run(runs / "new")
    expect(page.locator("#count")).to_have_text("7 runs")
    expect(page.get_by_label("Filter")).to_be_focused()
    assert not opened.complaints and not opened.requests


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_a_phone_shows_all_without_scrolling_sideways(open_page, address, scheme):
    opened = open_page(address, size=(390, 844), scheme=scheme)
    page = opened.page
    for name in ("low", "high", "middle", "study/arm-s0"):
        page.get_by_label(f"Compare {name}").check()
    expect(page.locator("#scores thead th")).to_have_count(4)
    assert not opened.overflows()
    expect(page.locator("tr[data-state=interrupted]")).to_contain_text("fast · interrupted · epoch 2 of ")
    page.get_by_label("Sort by").select_option("name")
    assert names(page)[0] == "broken"
    page.get_by_role("button", name="ascending").click()
    assert names(page)[0] == "study/arm-s0"
    assert not opened.complaints and not opened.requests


@pytest.mark.slow
def test_a_dashboard_that_is_gone_says_so(open_page, address, runs):
    opened = open_page(address)
    expect(opened.page.locator("#table tbody tr")).to_have_count(6)
    opened.page.route("**/api/**", lambda route: route.abort())
    expect(opened.page.get_by_role("alert")).to_contain_text("No answer from the dashboard")
    opened.page.unroute("**/api/**")
    expect(opened.page.get_by_role("alert")).to_be_hidden()


def test_an_empty_folder_says_what_to_do(open_page, address, runs):
    for run in RunsFolder(runs).rows():
        for file in (runs / run.name).iterdir():
            file.unlink()
    opened = open_page(address)
    expect(opened.page.locator("#empty")).to_contain_text(f"fashionlab train --runs {runs}")
    assert not opened.complaints
