"""What a person sees while a study runs."""

from __future__ import annotations

import pytest

from fashionlab.studies.progress import Standing, duration, progress
from fashionlab.studies.wording import number, probability


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5000, "83 min"),
                                               (5400, "1 h 30 min"), (86400, "24 h 0 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_plain_lines_where_stderr_is_no_terminal(capsys):
    display = progress(9, quiet=False)
    display.update(Standing(9, 1, 0, {"a-s0": (1, 5)}, None))
    display.finished("a-s0  test_accuracy 0.8", Standing(9, 2, 1, {}, 130.0))
    display.close()
    assert capsys.readouterr() == ("", "a-s0  test_accuracy 0.8  (3 of 9 runs, 1 failed, 2 min left)\n")


def test_bars_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    display = progress(9, quiet=False)
    display.update(Standing(9, 1, 0, {"a-s0": (1, 5), "b-s0": (0, 5)}, None))
    display.update(Standing(9, 2, 0, {"b-s0": (2, 5)}, 70.0))
    display.finished("a-s0  test_accuracy 0.8", Standing(9, 2, 0, {"b-s0": (5, 5)}, 60.0))
    display.close()
    assert "a-s0  test_accuracy 0.8" in capsys.readouterr().err


def test_quiet_is_quiet(capsys):
    progress(9, quiet=True).finished("a", Standing(9, 2, 1, {}, None))
    assert capsys.readouterr() == ("", "")


def test_numbers_for_people():
    points = {"smallest_difference": 0.005, "scale": 100.0, "unit": "points"}
    seconds = {"smallest_difference": 20.0, "scale": 1.0, "unit": "s"}
    nats = {"smallest_difference": 0.01, "scale": 1.0, "unit": "nats"}
    assert number(points, -0.01234, "points", sign=True) == "−1.23 points"
    assert (number(seconds, 243.4, "s"), number(nats, 0.26031, "nats")) == ("243 s", "0.260 nats")
    assert [probability(p) for p in (None, 1e-9, 0.01234, 0.4567, 1.0)] == ["-", "< 0.0001", "0.012", "0.46", "1.00"]
