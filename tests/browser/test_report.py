"""The page of a run in Chromium: sorting, filtering, enlarging, light and dark, on a phone and on a desk."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from fashionlab.runs.results import load_results


def column(page: Page, place: int) -> list[str]:
    return page.locator(f"#per-class tbody tr > :nth-child({place})").all_inner_texts()


@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_opens_without_complaint_or_network_and_fits(
        toy_report: Path, open_page: Callable[..., Any], width: int, scheme: str) -> None:
    opened = open_page(toy_report, (width, 850), scheme)
    opened.page.get_by_role("link", name="How to reproduce").click()
    assert (opened.complaints, opened.requests) == ([], [])
    assert not opened.overflows()


def test_the_table_of_classes_sorts_by_keyboard(toy_report: Path, open_page: Callable[..., Any]) -> None:
    page = open_page(toy_report).page
    rows = load_results(toy_report.parent).metrics.test.per_class
    assert column(page, 1) == [row.class_ for row in rows]
    heading = page.locator("#per-class thead th").nth(3)
    heading.get_by_role("button", name="F1").focus()
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert column(page, 4) == [f"{value:.4f}" for value in sorted((row.f1 for row in rows), reverse=True)]
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert column(page, 4) == [f"{value:.4f}" for value in sorted(row.f1 for row in rows)]
    page.locator("#per-class").get_by_role("button", name="Class", exact=True).click()
    assert column(page, 1) == sorted((row.class_ for row in rows), key=str.lower)
    assert heading.get_attribute("aria-sort") is None


def test_mistakes_are_filtered_by_true_and_predicted_class(toy_report: Path, open_page: Callable[..., Any]) -> None:
    page = open_page(toy_report).page
    said = load_results(toy_report.parent).test
    wrong = said.predicted != said.labels
    gallery = page.locator("#all-mistakes")
    expect(gallery.get_by_role("status")).to_have_text(re.compile(f"^{wrong.sum():,} of {wrong.sum():,} mistakes"))
    first = np.flatnonzero(wrong)[0]
    true, predicted = said.classes[said.labels[first]], said.classes[said.predicted[first]]
    alike = wrong & (said.labels == said.labels[first])
    gallery.get_by_label("True class").select_option(true)
    expect(gallery.get_by_role("status")).to_have_text(re.compile(f"^{alike.sum():,} of "))
    both = alike & (said.predicted == said.predicted[first])
    gallery.get_by_label("Predicted class").select_option(predicted)
    expect(gallery.get_by_role("status")).to_have_text(re.compile(f"^{both.sum():,} of "))
    pictures = gallery.get_by_role("img")
    expect(pictures).to_have_count(min(int(both.sum()), 48))
    assert all(f"truth {true}, predicted {predicted}" in (pictures.nth(i).get_attribute("aria-label") or "")
               for i in range(pictures.count()))
    gallery.get_by_label("True class").select_option(predicted)
    expect(gallery.get_by_role("status")).to_have_text(re.compile("^0 of "))


@pytest.mark.slow
def test_dark_follows_the_system_until_the_switch_is_used(toy_report: Path, open_page: Callable[..., Any]) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    dark, light = (open_page(toy_report, scheme=scheme).page for scheme in ("dark", "light"))
    black, white = dark.evaluate(ground), light.evaluate(ground)
    assert white == "rgb(255, 255, 255)" and black != white
    light.get_by_role("button", name="Dark theme").click()
    assert light.evaluate(ground) == black
    light.reload()
    assert light.evaluate(ground) == black  # remembered
    light.emulate_media(media="print")
    assert light.evaluate(ground) == white


def test_figures_enlarge_and_close_by_keyboard(toy_report: Path, open_page: Callable[..., Any]) -> None:
    page = open_page(toy_report, (390, 850)).page
    figure = page.get_by_role("button", name=re.compile("^Enlarge")).first
    figure.focus()
    page.keyboard.press("Enter")
    shown = page.get_by_role("dialog").get_by_role("img")
    expect(shown).to_be_visible()
    box = shown.bounding_box()
    assert box and box["width"] > 390  # to be scrolled, so that its type can be read
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_skip_link_comes_first(toy_report: Path, open_page: Callable[..., Any]) -> None:
    page = open_page(toy_report).page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
