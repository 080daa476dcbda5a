"""The page of a study in a real browser."""

from __future__ import annotations

import pytest

from fashionlab.report.study_page import write_study_page
from toy_studies import write_study

VALUES = {"baseline": [0.80, 0.81, 0.79], "more": [0.85, 0.86, 0.85], "same": [0.80, 0.81, None]}


@pytest.fixture(scope="module")
def page_of_a_study(tmp_path_factory):
    values = {name: ["diverged" if value is None else value for value in row] for name, row in VALUES.items()}
    return write_study_page(write_study(tmp_path_factory.mktemp("study"), values).path)


@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_phones_and_desktops(open_page, page_of_a_study, width, scheme):
    opened = open_page(page_of_a_study, size=(width, 900), scheme=scheme)
    assert not opened.overflows()
    figure = opened.page.get_by_role("img", name="Differences from the baseline")
    assert figure.evaluate("one => one.naturalWidth > 0")
    opened.page.get_by_role("button", name="difference", exact=False).first.focus()
    assert not opened.complaints and not opened.requests
