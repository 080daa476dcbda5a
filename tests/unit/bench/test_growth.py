"""What training costs is measured right, and its figure shows what was measured."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from fashionlab import models, recipes
from fashionlab.bench import growth
from fashionlab.report import benchmark_figures, style


def test_arithmetic_is_that_of_the_models_card():
    wide = recipes.load("quick", ["model.widths=[64,128,256]"])
    assert growth._macs(wide) == models.MODELS["fast"].card.macs


@pytest.mark.slow
def test_an_epoch_sees_every_picture_and_more_take_more_memory():
    few, many = (growth._train("quick", ["selection=null", f"batch_size={batch}"], 2 * batch, 1) for batch in (20, 500))
    assert few["seconds"] * few["pictures_per_second"] == pytest.approx(40)
    assert many["peak_mib"] >= few["peak_mib"] > 100  # a process's peak never falls


def test_a_rate_is_the_arithmetic_over_the_fastest_third(monkeypatch: pytest.MonkeyPatch):
    ticks = iter([tick for seconds in (9, 2, 1, 1, 2, 2, *[5] * 9) for tick in (0, seconds)])
    monkeypatch.setattr(growth.time, "perf_counter", lambda: next(ticks))
    assert growth._rate(lambda: None, 4 * 10**9) == 2


def test_the_figure_shows_every_row(tmp_path: Path):
    row = {"seconds": 2.0, "pictures_per_second": 500.0, "peak_mib": 1024.0}
    measured = {
        "recipe": "quick", "cores": 2, "machine": {"processor": "X"}, "precision": "float32", "steps": 20,
        "pictures": [{"pictures": n, **row} for n in (1000, 2000)],
        "widths": [{"macs": n * 10**6, "share_of_peak": n / 100, **row} for n in (31, 47)],
        "threads": [{"threads": n, **row} for n in (1, 2)], "batches": [{"batch": n, **row} for n in (125, 250)]}
    sheet = benchmark_figures.growth(measured)
    pictures, widths, threads, batches = sheet.axes
    assert pictures.lines[0].get_xydata().tolist() == [[1, 2], [2, 2]]
    assert widths.lines[0].get_xydata().tolist() == [[31, 2], [47, 2]]
    assert [bar.get_height() for bar in threads.patches] == [500, 500]
    assert batches.lines[0].get_xydata().tolist() == [[125, 1], [250, 1]]
    style.save(sheet, tmp_path / "growth.svg", "svg")
    assert {"31% of peak", "47% of peak"} <= {text.get_text() for text in widths.texts}


def test_names_that_would_meet_in_the_chart_stand_apart():
    points = [benchmark_figures.Point("ours", "ours", 92.75, (92.6, 92.9), 552, 6),
              benchmark_figures.Point("beside", "ours", 92.3, None, 560, 6),
              benchmark_figures.Point("a-long-reference-name", "reference", 92.81, (92.5, 93.1), 357, 5),
              benchmark_figures.Point("a-long-reference-name", "plain", 92.81, (92.5, 93.1), 614, 5),
              benchmark_figures.Point("low", "reference", 72.6, None, 9, 5)]
    sheet = benchmark_figures.accuracy_against_time(points, 82.5, "a note")
    (axes,) = sheet.axes
    assert [text.get_text() for text in axes.texts] == ["a-long-reference-name", "low 72.6", "ours", "beside"]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    marks = axes.transData.transform([(one.seconds, one.accuracy) for one in points])
    assert not any(box.contains(*mark) for box in boxes for mark in marks)
