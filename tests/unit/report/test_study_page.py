"""The page of a study says what its results say."""

from __future__ import annotations

import json
import re

import pytest

from fashionlab.common.errors import DataError
from fashionlab.report.study_page import write_study_page
from toy_studies import write_study

VALUES = {
    "baseline": [0.80, 0.81, 0.79, 0.805, 0.80], "up": [0.83, 0.841, 0.818, 0.839, 0.83],
    "a-name-as-long-as-nobody-should-choose-but-somebody-will": [0.79, 0.83, 0.80, 0.81, 0.78],
    "wild": [0.80, "the loss became <nan>", 0.79, "killed by SIGKILL", 0.80],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"), VALUES, question="Does <b>it</b> help & how?")
    assert write_study_page(folder.path) == folder.page
    return folder


def test_the_page_shows_the_results(folder):
    page = folder.page.read_text(encoding="utf-8")
    assert "Does &lt;b&gt;it&lt;/b&gt; help &amp; how?" in page and "<b>it</b>" not in page
    assert "80.10 [79.18, 81.02]" in page  # the baseline, by scipy's t interval below
    results = json.loads(folder.results.read_text())
    for name, arm in results["arms"].items():
        assert name in page and f"{100 * arm['mean']:.2f}" in page
        difference = f"{100 * arm['difference']:+.2f}".replace("-", "−")
        assert (difference if difference[1:] != "0.00" else ">0.00 [") in page
    assert "the loss became &lt;nan&gt;" in page and "killed by SIGKILL" in page
    assert folder.declaration.read_text().splitlines()[-1].split(": ")[-1] in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page), "the page reaches for something outside of it"
    for name in ("differences", "values"):
        for kind in ("svg", "png"):
            assert (folder.path / "figures" / f"{name}.{kind}").stat().st_size > 2000


def test_the_baselines_interval_is_scipys():
    from scipy import stats

    base = VALUES["baseline"]
    low, high = stats.t.interval(0.95, 4, 0.801, stats.sem(base))
    assert f"[{100 * low:.2f}, {100 * high:.2f}]" == "[79.18, 81.02]"


@pytest.mark.parametrize("values", [
    {"baseline": [0.8], "up": [0.9]},
    {"baseline": ["boom"], "up": ["boom"]},
    pytest.param({"baseline": [0.8, None], "up": [None, None]}, marks=pytest.mark.slow),
    pytest.param({"baseline": [0.8, 0.8], "up": [0.8, 0.8]}, marks=pytest.mark.slow),
])
def test_studies_with_next_to_nothing_in_them(tmp_path, values):
    page = write_study_page(write_study(tmp_path, values).path).read_text()
    assert "undecided" in page or "no difference that matters" in page
    assert not re.search(r"\b(nan|inf|None)\b", page.partition("<main")[2].partition("</main>")[0])


def test_folders_without_results_are_refused(tmp_path):
    with pytest.raises(DataError, match="not the folder of a study"):
        write_study_page(tmp_path)
    folder = write_study(tmp_path, {"baseline": [0.8], "up": [0.9]})
    folder.results.unlink()
    with pytest.raises(DataError, match="no results yet"):
        write_study_page(folder.path)
    folder.results.write_text("[]")
    with pytest.raises(DataError, match=r"results\.json"):
        write_study_page(folder.path)


def test_report_of_a_study(cli, folder):
    result = cli("report", folder.path)
    assert result.code == 0 and result.out.strip() == str(folder.page)
