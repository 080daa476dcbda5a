"""The scoreboard's word follows from what was measured and what is claimed, and from nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from fashionlab import recipes
from fashionlab.common.errors import DataError, UsageError
from fashionlab.reproduction.board import TRIED_IN_SMALL, board, row, shown_reason, shown_verdict
from fashionlab.reproduction.systems import Measurement, Seed, System, find, keep, measured, systems


def measurement(system: str, accuracies: list[float], changes: tuple[str, ...] = ()) -> Measurement:
    seeds = tuple(Seed(at, value, None, value, 0.4, 10.0 + at, 3, 5000.0, "cpu", 2, "float32", "abc")
                  for at, value in enumerate(accuracies))
    return Measurement(system, changes, {"processor": "toy", "cores": 2}, {"torch": "2.11"}, "made up", seeds)


def word(system: str, accuracies: list[float], folder: Path, changes: tuple[str, ...] = ()) -> str:
    keep(measurement(system, accuracies, changes), folder)
    return row(find(system), folder)["verdict"]


def test_every_recipe_with_a_claim_is_a_system() -> None:
    claimed = {name for name in recipes.names() if recipes.load(name).expected is not None}
    assert {system.id for system in systems()} == claimed >= {"three-linear", "ablation-main", "deep-cnn"}
    for system in systems():
        assert system.expected.worse_than is None or isinstance(find(system.expected.worse_than), System)


def test_nothing_measured(tmp_path: Path) -> None:
    rows = board(tmp_path)
    assert {one["verdict"] for one in rows} == {"not yet measured"}
    assert all(one["measured"] is None and one["id"] in one["reason"] for one in rows)


def test_how_long_the_rest_would_take(tmp_path: Path) -> None:
    keep(measurement("ablation-main", [0.90]), tmp_path)  # 5,000 pictures a second, 9.06 million multiply-accumulates
    told = {one["id"]: one["reason"] for one in board(tmp_path)}
    assert "less than an hour" in told["ablation-no-dropout"]  # 10 epochs of 60,000 pictures
    assert "up to 2 hours" in told["deep-cnn"]  # 50 epochs, 116 million
    assert "hours" not in told["ablation-main"]


@pytest.mark.parametrize(("accuracies", "expected"), [
    ([0.834, 0.835, 0.833, 0.836, 0.834], "reproduced"),  # claimed: 83.43 %
    ([0.86, 0.861, 0.859, 0.86, 0.862], "exceeded"),
    ([0.81, 0.811, 0.809, 0.81, 0.812], "not reached"),
    ([0.70, 0.701, 0.699, 0.70, 0.702], "contradicted"),
    ([0.91, 0.911, 0.909, 0.91, 0.912], "contradicted"),
    ([0.75, 0.92, 0.83, 0.78, 0.80], "reproduced"),  # seeds differ so much that any one of them could be the claim
    ([0.838], "reproduced"), ([0.85], "exceeded"), ([0.70, 0.90], "not reached"),
])
def test_a_figure(accuracies: list[float], expected: str, tmp_path: Path) -> None:
    assert word("three-linear", accuracies, tmp_path) == expected


def test_the_interval_of_one_more_run_is_the_textbooks(tmp_path: Path) -> None:
    values = np.array([0.80, 0.81, 0.82, 0.80, 0.81])
    half = stats.t.ppf(0.975, 4) * values.std(ddof=1) * np.sqrt(1 + 1 / 5)
    for shift, expected in ((-1e-4, "reproduced"), (1e-4, "exceeded")):
        shifted = values - values.mean() + 0.8343 + half + shift
        assert word("three-linear", shifted.tolist(), tmp_path) == expected


@pytest.mark.parametrize(("accuracy", "expected"), [(0.92, "reproduced"), (0.96, "exceeded"), (0.89, "not reached"),
                                                    (0.80, "contradicted")])
def test_a_range(accuracy: float, expected: str, tmp_path: Path) -> None:
    assert word("notebook-cnn", [accuracy] * 3, tmp_path) == expected


@pytest.mark.parametrize(("accuracies", "expected"), [
    ([0.88, 0.881, 0.879], "reproduced"), ([0.92, 0.921, 0.919], "contradicted"), ([0.90, 0.92, 0.88], "not reached"),
])
def test_worse_than_another(accuracies: list[float], expected: str, tmp_path: Path) -> None:
    assert word("ablation-lr-1e-2", accuracies, tmp_path) == "not yet measured"  # nothing to hold it against
    keep(measurement("ablation-main", [0.90, 0.9005, 0.8995]), tmp_path)
    assert word("ablation-lr-1e-2", accuracies, tmp_path) == expected


def test_a_shortened_row_says_so_and_contradicts_nothing(tmp_path: Path) -> None:
    assert word("three-linear", [0.6, 0.61, 0.62], tmp_path, ("epochs=1",)) == "not reached"
    found = row(find("three-linear"), tmp_path)
    assert "epochs=1" in found["reason"] and found["measured"]["changes"] == ["epochs=1"]
    assert found["measured"]["n"] == 3 and found["measured"]["mean"] == pytest.approx(0.61)
    assert found["measured"]["train_seconds"] == pytest.approx(11)


@pytest.mark.parametrize("accuracies", [[0.2], [0.6, 0.61, 0.62], [0.834, 0.835, 0.833]])
def test_people_see_no_figure_of_what_was_only_tried_in_small(accuracies: list[float], tmp_path: Path) -> None:
    keep(measurement("three-linear", accuracies, ("epochs=1",)), tmp_path)
    found = row(find("three-linear"), tmp_path)
    assert shown_verdict(found) == TRIED_IN_SMALL
    reason = shown_reason(found, tmp_path)
    assert "epochs=1" in reason and "%" not in reason and "points" not in reason and "below" not in reason
    keep(measurement("three-linear", accuracies), tmp_path)
    whole = row(find("three-linear"), tmp_path)
    assert (shown_verdict(whole), shown_reason(whole, tmp_path)) == (whole["verdict"], whole["reason"])


def test_people_see_the_verdict_of_what_was_not_measured(tmp_path: Path) -> None:
    for one in board(tmp_path):
        assert (shown_verdict(one), shown_reason(one, tmp_path)) == ("not yet measured", one["reason"])


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    one = measurement("three-linear", [0.8, 0.9], ("epochs=1",))
    keep(one, tmp_path)
    assert measured(find("three-linear"), tmp_path) == one


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seeds": [{"seed": 0}]}'])
def test_a_file_that_is_something_else(text: str, tmp_path: Path) -> None:
    (tmp_path / "three-linear.json").write_text(text)
    with pytest.raises(DataError, match=r"three-linear\.json"):
        board(tmp_path)


def test_a_file_of_another_system(tmp_path: Path) -> None:
    path = keep(measurement("three-mlp", [0.7]), tmp_path)
    (tmp_path / "three-linear.json").write_text(path.read_text())
    with pytest.raises(DataError, match="no measurement of three-linear"):
        board(tmp_path)


def test_an_unknown_system() -> None:
    with pytest.raises(UsageError, match="three-linear"):
        find("three-liner")


SMALL = ["--set", "epochs=1", "--set", "data.limit=200", "--seeds", "2", "--quiet"]


def test_the_command_trains_and_adds_to_the_board(cli, toy_data, tmp_path: Path) -> None:
    words = ["reproduce", "three-linear", *SMALL, "--set", f"data.dataset={toy_data}",
             "--results", "kept", "--json"]
    first = cli(*words)
    assert first.code == 0, first.err
    only, = json.loads(first.out)["systems"]
    assert only["id"] == "three-linear" and only["measured"]["n"] == 2 and only["measured"]["seeds"] == [0, 1]
    accuracies = [json.loads((tmp_path / "runs" / "reproduce" / f"three-linear-shortened-s{seed}" / "metrics.json")
                             .read_text())["test_accuracy"] for seed in (0, 1)]
    assert only["measured"]["mean"] == pytest.approx(sum(accuracies) / 2)
    before = [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("runs/reproduce/*/metrics.json"))]
    again = cli(*words)  # finished runs are not repeated
    assert json.loads(again.out) == json.loads(first.out)
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("runs/reproduce/*/metrics.json"))] == before
    (tmp_path / "runs" / "reproduce").rename(tmp_path / "runs" / "study")
    taken = cli(*words)  # nor are those of a study
    assert json.loads(taken.out) == json.loads(first.out)
    status = json.loads((tmp_path / "runs" / "reproduce" / "three-linear-shortened-s0" / "status.json").read_text())
    assert status["taken_from"] == "runs/study/three-linear-shortened-s0"
    table = cli("reproduce", "--results", "kept")
    line, = (line for line in table.out.splitlines() if line.startswith("three-linear "))
    assert table.code == 0 and line.endswith(TRIED_IN_SMALL) and "not yet measured" in table.out
    assert f"{only['measured']['mean']:.2%}" not in table.out
    other = cli("reproduce", "three-linear", *SMALL[2:], "--set", f"data.dataset={toy_data}", "--results", "kept")
    assert other.code == 2 and "a run of another recipe" in other.err


def test_misuse(cli) -> None:
    assert cli("reproduce", "nothing-such").code == 2
    wrong = cli("reproduce", "--set", "epochs=1")
    assert wrong.code == 2 and "name the systems" in wrong.err
