"""The page of a comparison: its numbers are the comparison's, its pictures the right ones, its charts legible."""

from __future__ import annotations

import base64
import io
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure as Sheet
from matplotlib.text import Text
from PIL import Image

from compared_runs import COST, logits_of, write_pictures, write_run
from fashionlab.common.errors import UsageError
from fashionlab.report import compare_facts as facts
from fashionlab.report import style
from fashionlab.report.compare_figures import charts, spread
from fashionlab.report.compare_page import default_page, write_page
from fashionlab.report.names import short_names
from fashionlab.runs.comparable import load_comparable
from fashionlab.runs.results import RunResults
from fashionlab.studies.comparison import Comparison, compare
from pages import Page, check_page, read_page

N = 60
LABELS = np.arange(N) % 3


def make(folder: Path, count: int, **metrics: object) -> tuple[Comparison, list[RunResults]]:
    """`count` runs on N pictures; the first is always right, run i is wrong on the first 5 * i pictures."""
    folder.mkdir(exist_ok=True)
    data = write_pictures(folder / "pictures.npz", LABELS)
    paths = []
    for run in range(count):
        answer = np.where(np.arange(N) < 5 * run, (LABELS + 1) % 3, LABELS)
        paths.append(write_run(folder / f"run-s{run}", logits_of(answer, np.linspace(2, 4, N)), LABELS, seed=run,
                               overrides=[f"data.dataset={data}"], **metrics))
    runs = load_comparable(paths)
    return compare(runs), runs


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Page, Path]:
    folder = tmp_path_factory.mktemp("compared")
    comparison, runs = make(folder, 3, cost=COST)
    path = folder / "page.html"
    write_page(comparison, runs, path)
    return comparison, read_page(path), path


def test_the_html_is_in_order(written: tuple[Comparison, Page, Path]):
    check_page(written[1])
    assert written[2].stat().st_size < 5e6


def test_numbers_are_those_of_the_comparison(written: tuple[Comparison, Page, Path]):
    comparison, page, _ = written
    for row, one in zip(page.table("Scores on the test split").rows, comparison.candidates, strict=True):
        assert row[:4] == [one.label, f"{one.accuracy.estimate:.2%}",
                           f"{one.accuracy.low:.2%} to {one.accuracy.high:.2%}", f"{one.scores['macro_f1']:.4f}"]
        assert row[4:] == [f"{value:.4f}" for value in map(one.scores.get, ("nll", "brier", "ece"))]
    for row, pair in zip(page.table("Difference in accuracy").rows, comparison.pairs, strict=True):
        assert row[:2] == [pair.first, pair.second]
        assert row[3] == f"{100 * pair.difference.estimate:+.2f}"
        assert row[7:9] == [str(pair.only_first), str(pair.only_second)]
    for row, index in zip(page.table("Accuracy on each class").rows, range(3), strict=True):
        assert row[2:] == [f"{one.per_class[index].accuracy:.1%}" for one in comparison.candidates]
    assert "Cochran's Q = 15.00" in page.text
    assert "7.94 k" in page.table("Training times").rows[0] and "0.50 ms" in page.table("Training times").rows[0]


def test_the_pictures_are_those_that_the_runs_disagree_on(written: tuple[Comparison, Page, Path]):
    comparison, page, _ = written
    (gallery,) = [data for data in page.data if "sheet" in data]
    disagreed = comparison.answers.disagreed
    assert sorted(disagreed.tolist()) == list(range(10)) and len(gallery["items"]) == 10
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(gallery["sheet"].split(",", 1)[1]))))
    size, across = gallery["size"], gallery["across"]
    for item, index in zip(gallery["items"], disagreed, strict=True):
        row, column = divmod(item["at"], across)
        assert sheet[row * size + size // 2, column * size + size // 2] == index  # a picture's brightness is its index
        assert item["right"] == ("1 of 3" if index < 5 else "2 of 3")
        assert item["true"] == item["lines"][0] == comparison.answers.classes[LABELS[index]]
        names = "".join(item["lines"][1:])
        assert all(f"{label} {comparison.answers.confidence[run, index]:.0%}" in names
                   for run, label in enumerate(comparison.labels))
    assert "for 10 of 60 test pictures" in page.text


def test_without_pictures_the_page_says_why(tmp_path: Path):
    comparison, runs = make(tmp_path, 2)
    (tmp_path / "pictures.npz").unlink()
    write_page(comparison, runs, tmp_path / "page.html")
    page = read_page(tmp_path / "page.html")
    check_page(page)
    assert "The pictures are not at hand" in page.text and not [data for data in page.data if "sheet" in data]


def test_runs_that_never_disagree_and_were_never_timed(tmp_path: Path):
    path = write_run(tmp_path / "a", logits_of(LABELS), LABELS)
    runs = load_comparable([path, write_run(tmp_path / "b", logits_of(LABELS), LABELS)])
    write_page(compare(runs), runs, tmp_path / "page.html")
    page = read_page(tmp_path / "page.html")
    check_page(page)
    assert "same answer for every picture" in page.text
    assert "were not measured for a, b: run fashionlab report RUN" in page.text
    assert "Nothing: all recipes are equal." in page.text and "no difference from any other run is shown" in page.text


def test_only_a_page_of_a_comparison_is_replaced(tmp_path: Path):
    comparison, runs = make(tmp_path, 2)
    path = tmp_path / "page.html"
    path.write_text("<title>My notes</title>", encoding="utf-8")
    with pytest.raises(UsageError, match="is not the page of a comparison"):
        write_page(comparison, runs, path)
    assert path.read_text(encoding="utf-8") == "<title>My notes</title>"
    with pytest.raises(UsageError, match="is a folder"):
        write_page(comparison, runs, tmp_path)
    path.unlink()
    write_page(comparison, runs, path)
    first = path.read_bytes()
    write_page(comparison, runs, path)
    assert path.read_bytes() == first  # the same runs give the same page


def test_names_of_pages(tmp_path: Path):
    runs = make(tmp_path, 8)[1]
    assert default_page(runs[:2]) == tmp_path / "compare-run-s0-vs-run-s1.html"
    long = default_page(runs)
    assert long.parent == tmp_path and long.name.startswith("compare-run-s0-and-7-more-")
    assert long != default_page([*runs[:6], runs[7]])


def visible_texts(sheet: Sheet) -> list[Text]:
    """All texts that are drawn: matplotlib also keeps labels of ticks beyond the limits, which are not."""
    beyond = {label for axes in sheet.axes for axis in (axes.xaxis, axes.yaxis)
              for ticks in (axis.get_major_ticks(), axis.get_minor_ticks()) for tick in ticks
              if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
              for label in (tick.label1, tick.label2)}
    return [text for text in sheet.findobj(Text)
            if text.get_visible() and text.get_text().strip() and text not in beyond]


@pytest.mark.parametrize("count", [2, *(pytest.param(count, marks=pytest.mark.slow) for count in (5, 8))])
def test_no_text_of_a_chart_overlaps_another_or_is_cut_off(tmp_path: Path, count: int):
    """Names as long as they are shown, costs close together and far apart, accuracies that are nearly equal."""
    comparison, _ = make(tmp_path, count, cost=COST)
    costs = [replace(one.cost, train_seconds=10.0 ** (run // 2), latency_ms=1 + 0.01 * run,
                     weight_bytes=10**6 * (run + 1))
             for run, one in enumerate(comparison.candidates)]
    close = [replace(one.accuracy, estimate=0.9 + 0.001 * run, low=0.89, high=0.91)
             for run, one in enumerate(comparison.candidates)]
    names = [f"deep-resnet50v2-s{run}-20261122" for run in range(count)]
    crowded = replace(comparison, candidates=tuple(
        replace(one, label=name, cost=cost, accuracy=accuracy) for one, name, cost, accuracy
        in zip(comparison.candidates, names, costs, close, strict=True)), pairs=())
    drawn = charts(crowded)
    assert {section: len(of_section) for section, of_section in drawn.items()} == {
        "scores": 2, "classes": 1, "calibration": 1, "cost": 10}
    for chart in itertools.chain.from_iterable(drawn.values()):
        with style.applied():
            chart.sheet.draw_without_rendering()
        texts = visible_texts(chart.sheet)
        boxes = [Text.get_window_extent(text) for text in texts]  # of an annotation without its line
        width, height = chart.sheet.get_size_inches() * chart.sheet.dpi
        for text, box in zip(texts, boxes, strict=True):
            assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, (
                chart.title, text.get_text())
            assert text.get_fontsize() >= 8
        for (one, box), (other, second) in itertools.combinations(zip(texts, boxes, strict=True), 2):
            wide = min(box.x1, second.x1) - max(box.x0, second.x0)
            high = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert min(wide, high) < 3, (chart.title, one.get_text(), other.get_text())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.3))
def test_labels_are_spread_no_further_than_needed(wanted: list[float], gap: float):
    positions = spread(np.sort(wanted), gap)
    room = min(gap, 1 / max(1, len(wanted) - 1))
    assert (np.diff(positions) >= room - 1e-9).all()
    assert positions.min() >= -1e-9 and positions.max() <= 1 + 1e-9
    if len(wanted) == 1 or np.diff(np.sort(wanted)).min() >= room:
        np.testing.assert_allclose(positions, np.sort(wanted), atol=1e-9)


@pytest.mark.parametrize(("names", "short"), [
    (["a", "b"], ["a", "b"]),
    (["quick-20261122-1", "quick-20261122-2"], ["quick-2…2-1", "quick-2…2-2"]),
    (["quick-s0-20261122", "quick-s1-20261122"], ["quick-s0-2…", "quick-s1-2…"]),
    (["one-quick-s0-20261122-now", "one-quick-s1-20261122-now"], ["one-quick-s0…", "one-quick-s1…"]),
])
def test_names_are_cut_where_they_stay_apart(names: list[str], short: list[str]):
    assert short_names(names, 11) == short


@given(st.lists(st.text("abc-", min_size=1, max_size=40), min_size=1, max_size=8, unique=True))
def test_short_names_stay_apart(names: list[str]):
    assert len(set(short_names(names))) == len(names)


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (401.5, "402"), (7960, "7.96 k"), (290_216, "290 k"), (999_600, "1,000 k"), (11_200_000, "11.2 M"),
    (4.1e9, "4.1 G"),
])
def test_short_counts(value: float, text: str):
    assert facts.short_count(value) == text


def test_p_values_and_verdicts(written: tuple[Comparison, Page, Path]):
    assert facts.p_value(0.05) == "0.0500" and facts.p_value(1e-320) == "< 0.0001"
    pair = written[0].pairs[0]
    assert facts.conclusion(replace(pair, p_holm=0.05)) == "undecided"
    assert facts.conclusion(replace(pair, p_holm=0.04)) == "first is better"
    better = replace(pair.difference, estimate=0.1)
    assert facts.conclusion(replace(pair, p_holm=0.04, difference=better)) == "second is better"


def test_long_names_that_differ_in_the_middle_show_where() -> None:
    names = [f"Women > Clothing & Accessories > {kind} of cotton, long sleeve (2024)" for kind in ("dress", "pants")]
    assert short_names([*names, "hat"], 18) == ["…dress of cotton,…", "…pants of cotton,…", "hat"]
