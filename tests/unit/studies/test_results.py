"""Results of a study against scipy, and what is said of failures, missing runs and single seeds."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from scipy import stats

from fashionlab.common.errors import DataError, UsageError
from fashionlab.studies.folder import StudyFolder, begin
from fashionlab.studies.results import write_results
from toy_studies import checked, write_study

BASE = [0.80, 0.81, 0.79, 0.805, 0.80, 0.812]
UP = [0.83, 0.841, 0.818, 0.839, 0.83, 0.84]


def results_of(tmp_path, values, **changes):
    folder = write_study(tmp_path, values, **changes)
    text = folder.results.read_text()
    assert "NaN" not in text and "Infinity" not in text
    return json.loads(text)


def test_numbers_are_scipys(tmp_path):
    same = [x + 0.0001 * (-1) ** i for i, x in enumerate(BASE)]
    results = results_of(tmp_path, {"baseline": BASE, "up": UP, "same": same})
    for arm, values in (("up", UP), ("same", same)):
        arm_results = results["arms"][arm]
        differences = np.subtract(values, BASE)
        assert arm_results["mean"] == pytest.approx(np.mean(values))
        low, high = stats.t.interval(0.95, 5, np.mean(values), stats.sem(values))
        assert arm_results["interval"] == pytest.approx([low, high])
        assert arm_results["difference"] == pytest.approx(differences.mean())
        assert arm_results["p"] == pytest.approx(stats.ttest_rel(values, BASE).pvalue)
        low, high = stats.t.interval(0.95, 5, differences.mean(), stats.sem(differences))
        assert arm_results["difference_interval"] == pytest.approx([low, high])
    # Holm: the smaller p counts twice.
    small, large = sorted((arm["p"], arm["p_corrected"]) for arm in results["arms"].values())
    assert small[1] == pytest.approx(2 * small[0]) and large[1] == pytest.approx(large[0])
    assert results["arms"]["up"]["p_permutation"] == 2 / 2**6
    assert [arm["verdict"] for arm in results["arms"].values()] == ["better", "equivalent"]
    assert results["smallest_difference"] == 0.005 and results["scale"] == 100 and results["unit"] == "points"
    assert results["complete"] and results["notes"] == []


def test_lower_is_better_turns_the_verdict(tmp_path):
    results = results_of(tmp_path, {"baseline": [10.0] * 6, "up": [1.0] * 6}, metric="train_seconds",
                         smallest_difference=0.001)
    assert results["unit"] == "s" and not results["higher_is_better"]
    assert results["baseline"]["values"]["2"] == 12.0


@pytest.mark.parametrize("metric", ["test.ece_equal_mass", "test.ece_classwise", "ece", "nll", "brier"])
def test_less_error_is_the_better_arm(tmp_path, metric):
    """Calibration errors of other kinds than `ece` once counted as better when higher."""
    results = results_of(tmp_path, {"baseline": [1 - x for x in BASE], "less": [1 - x for x in UP],
                                    "more": [1.05 - x for x in BASE[::-1]]},
                         metric=metric, smallest_difference=0.01, seeds=6)
    assert {arm: row["verdict"] for arm, row in results["arms"].items()} == {"less": "better", "more": "worse"}


def test_the_declared_test_is_the_one_used(tmp_path):
    results = results_of(tmp_path, {"baseline": BASE[:5], "up": UP[:5]}, test="permutation")
    arm = results["arms"]["up"]
    assert arm["p"] == arm["p_permutation"] == 2 / 2**5
    assert arm["verdict"] == "undecided" and arm["more_seeds"] == 1


def test_one_seed_decides_nothing(tmp_path):
    results = results_of(tmp_path, {"baseline": [0.8], "up": [0.9]})
    arm = results["arms"]["up"]
    assert (arm["verdict"], arm["n"], arm["mean"], arm["interval"]) == ("undecided", 1, 0.9, None)
    assert arm["difference"] == pytest.approx(0.1) and arm["difference_interval"] is None and arm["p"] is None
    assert "--seeds 5" in arm["reason"] and "1 seed:" in results["notes"][0]


def test_failures_count_and_are_never_dropped(tmp_path):
    results = results_of(tmp_path, {"baseline": BASE, "up": [*UP[:5], "the loss became nan"], "gone": ["boom"] * 6})
    up, gone = results["arms"]["up"], results["arms"]["gone"]
    assert up["verdict"] == "undecided" and "failed" in up["reason"] and up["n"] == 5 and up["pairs"] == 5
    assert up["failures"] == [{"seed": 5, "run": "up-s5", "reason": "the loss became nan"}]
    assert gone["verdict"] == "undecided" and gone["reason"].startswith("6 of 6 runs of the arm failed")
    assert gone["mean"] is None and gone["difference"] is None
    assert results["runs"] == {"planned": 18, "open": 0, "failed": 7} and results["complete"]
    assert any("up-s5, gone-s0" in note for note in results["notes"])


def test_an_unfinished_study_decides_nothing_however_clear_it_looks(tmp_path):
    results = results_of(tmp_path, {"baseline": BASE, "up": [*UP[:5], None]})
    arm = results["arms"]["up"]
    assert arm["p_corrected"] < 0.001 and arm["verdict"] == "undecided"
    assert arm["reason"] == "1 of the declared runs is still to be done" and arm["open"] == [5]
    assert not results["complete"]


def test_the_table_has_a_row_a_run(tmp_path):
    folder = write_study(tmp_path, {"baseline": [0.8, 0.9], "up": ["boom", None]})
    assert list(csv.reader(folder.table.read_text().splitlines())) == [
        ["arm", "seed", "state", "test_accuracy"], ["baseline", "0", "complete", "0.8"],
        ["baseline", "1", "complete", "0.9"], ["up", "0", "failed", ""], ["up", "1", "open", ""]]


def test_runs_made_on_different_machines_are_noted(tmp_path):
    folder = write_study(tmp_path, {"baseline": BASE, "up": UP})
    path = folder.run("up", 2).environment
    path.write_text(path.read_text().replace('"threads": 1', '"threads": 8'))
    arms = {"up": {"set": {"optimizer.lr": 0.02}}}
    results = write_results(checked(arms=arms, seeds=6), folder)
    assert any("not made alike" in note and "8 threads" in note for note in results["notes"])
    path.write_text("{}")
    with pytest.raises(DataError, match=r"environment\.json"):
        write_results(checked(arms=arms, seeds=6), folder)


def test_a_study_is_continued_only_as_it_was_declared(tmp_path):
    folder = StudyFolder(tmp_path / "toy")
    threads = begin(checked(), folder, 1)
    assert begin(checked(), folder, 1) == threads
    with pytest.raises(UsageError, match="smallest_difference changed"):
        begin(checked(smallest_difference=5), folder, 1)
    with pytest.raises(UsageError, match="arms changed"):
        begin(checked(arms={"slow": {"set": {"optimizer.lr": 0.02}}}), folder, 1)
    path = folder.recipe("slow")
    path.write_text(path.read_text().replace("epochs: 1\n", "epochs: 2\n"))
    with pytest.raises(UsageError, match="the recipe of slow changed"):
        begin(checked(), folder, 1)


def test_seeds_may_be_added_but_not_dropped(tmp_path):
    from dataclasses import replace

    folder, study = StudyFolder(tmp_path / "toy"), checked()
    begin(study, folder, 1)
    begin(replace(study, seeds=(0, 1, 2, 3)), folder, 1)
    with pytest.raises(UsageError, match=r"begun with 4 seeds, .* use --seeds 4 or more"):
        begin(study, folder, 1)
    results = write_results(replace(study, seeds=(0, 1, 2, 3)), folder)
    assert any("declared with 3 seeds, run with 4" in note for note in results["notes"])


def test_runs_side_by_side_share_the_cores(tmp_path, monkeypatch):
    from fashionlab.common import runtime

    monkeypatch.setattr(runtime, "usable_cores", lambda: 8)
    study = checked()
    assert begin(study, StudyFolder(tmp_path / "a"), 3) == 2
    assert begin(study, StudyFolder(tmp_path / "a"), 4) == 2  # as it was begun: other threads, other bits
    with pytest.raises(UsageError, match=r"--jobs 5: there are 8 cores, .* 2 threads a run; use --jobs 4"):
        begin(study, StudyFolder(tmp_path / "a"), 5)
    with pytest.raises(UsageError, match=r"--jobs 9: there are 8 cores; use --jobs 8"):
        begin(study, StudyFolder(tmp_path / "b"), 9)
    assert not (tmp_path / "b").exists()


def test_foreign_folders_are_left_alone(tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="not the folder of a study"):
        begin(checked(), StudyFolder(tmp_path / "toy"), 1)
    folder = write_study(tmp_path / "other", {"baseline": [0.8], "up": [0.9]})
    recipe = folder.run("up", 0).recipe
    recipe.write_text(recipe.read_text().replace("lr: 0.02", "lr: 0.03"))
    with pytest.raises(UsageError, match="up-s0: this run was not trained with the recipe of up"):
        begin(checked(arms={"up": {"set": {"optimizer.lr": 0.02}}}, seeds=1), folder, 1)
