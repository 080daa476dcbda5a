"""The page of a comparison in a real browser: it fits a phone, sorts by value, and filters the disagreements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from compared_runs import COST, logits_of, write_pictures, write_run
from fashionlab.report.compare_page import write_page
from fashionlab.runs.comparable import load_comparable
from fashionlab.studies.comparison import compare


def test_compare(tmp_path: Path, open_page: Callable):
    labels = np.arange(60) % 3
    data = write_pictures(tmp_path / "pictures.npz", labels)
    paths = []
    for run, wrong in enumerate((54, 3, 12)):  # 10 %, 95 % and 80 % right: texts would sort otherwise
        answer = np.where(np.arange(60) < wrong, (labels + 1) % 3, labels)
        paths.append(write_run(tmp_path / f"a-name-of-some-length-s{run}", logits_of(answer), labels, seed=run,
                               overrides=[f"data.dataset={data}"], cost=COST))
    runs = load_comparable(paths)
    write_page(compare(runs), runs, tmp_path / "page.html")
    for size, scheme in (((1280, 850), "light"), ((390, 844), "dark")):
        opened = open_page(tmp_path / "page.html", size, scheme)
        assert not opened.overflows() and not opened.complaints and not opened.requests
    page = open_page(tmp_path / "page.html").page
    page.locator("#scores th button", has_text="Accuracy").click()
    shown = page.locator("#scores table tbody tr td:nth-child(2)").all_inner_texts()
    assert shown == ["95.00%", "80.00%", "10.00%"]
    assert page.locator("#disagreement .pictures li").count() == 48
    page.locator("#disagreement select[name=right]").select_option("1 of 3")
    assert page.locator("#disagreement .pictures li").count() == 9
    page.locator("#disagreement select[name=right]").select_option("2 of 3")
    assert page.locator("#disagreement .pictures li").count() == 42
