"""metrics.json as a record: nothing of it is lost, nothing is made up, and updates at the same time do not collide."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionlab.common.errors import DataError
from fashionlab.evaluation.metrics import METRICS
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.metrics import Metrics, NotRecordedError, Robustness

OLD = {"epochs": 2, "test": {"n": 4, "accuracy": 0.5, "novel": 1.25, "per_class": [{"class": "coat", "spread": [1]}]},
       "test_split_read": ["2026-01-02T03:04:05+00:00"], "note": {"by": "hand"}}

numbers = st.integers(-2**53, 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    (tmp_path / "metrics.json").write_text(json.dumps(OLD))
    return RunFolder(tmp_path)


def read(run: RunFolder) -> dict[str, Any]:
    return json.loads(run.metrics.read_text())


def test_a_trained_run_s_record_is_the_file(toy_run: Path) -> None:
    run = RunFolder(toy_run)
    metrics, values = run.read_metrics(), read(run)
    assert metrics.as_json() == values
    assert metrics.test.accuracy == values["test"]["accuracy"] == metrics.test_accuracy
    assert metrics.val.nll == values["val"]["nll"]
    for name in METRICS:
        assert getattr(metrics.test, name) == values["test"][name], name
    assert metrics.test.intervals["accuracy"].low == values["test"]["intervals"]["accuracy"]["low"]
    assert [row.class_ for row in metrics.test.per_class] == [row["class"] for row in values["test"]["per_class"]]
    assert metrics.calibration and metrics.calibration.temperature == values["calibration"]["temperature"]
    assert metrics.conformal and metrics.conformal.sets[0].coverage.estimate == (
        values["conformal"]["sets"][0]["coverage"]["estimate"])
    assert set(metrics.as_json(without=("history", "val"))) == set(values) - {"history", "val"}


def test_what_the_file_lacks_is_named_and_not_made_up(run: RunFolder) -> None:
    metrics = run.read_metrics()
    assert metrics.epochs == 2 and metrics.test.novel == 1.25 and metrics.test.per_class[0].class_ == "coat"
    for missing, key in ((lambda: metrics.steps, "steps"), (lambda: metrics.test.nll, "nll"),
                         (lambda: metrics.test.unheard_of, "unheard_of"), (lambda: metrics.history, "history")):
        with pytest.raises(NotRecordedError, match=rf"metrics\.json: holds no '{key}'") as error:
            missing()
        assert str(run.metrics) in str(error.value) and isinstance(error.value, DataError)
    with pytest.raises(DataError, match=rf"fashionlab evaluate {run.path} --split val"):
        _ = metrics.val
    assert "test" in metrics and "val" not in metrics and "cost" not in metrics
    assert getattr(metrics, "steps", None) is None
    assert metrics.cost is None and metrics.val_accuracy is None and metrics.test.intervals == {}


def test_a_record_cannot_be_changed(run: RunFolder) -> None:
    metrics = run.read_metrics()
    with pytest.raises(pydantic.ValidationError):
        metrics.epochs = 3  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(("harm", "key"), [
    ({"epochs": "two"}, "epochs"), ({"epochs": 2.5}, "epochs"), ({"train_seconds": True}, "train_seconds"),
    ({"test": None}, "test"), ({"test": {"accuracy": "high"}}, r"test\.accuracy"),
    ({"test": {"per_class": [{"class": 3}]}}, r"test\.per_class\.0\.class"), ({"cost": []}, "cost"),
])
def test_wrong_values_are_refused_with_file_and_key(run: RunFolder, harm: dict[str, Any], key: str) -> None:
    run.metrics.write_text(json.dumps({**OLD, **harm}))
    before = run.metrics.read_bytes()
    for call in (run.read_metrics, lambda: run.update_metrics(Metrics(seed=3))):
        with pytest.raises(DataError, match=rf"metrics\.json: {key}: ") as error:
            call()
        assert "\n" not in str(error.value) and run.metrics.read_bytes() == before


@pytest.mark.parametrize("content", ["", "{", "[1]", '"text"'])
def test_a_broken_file_is_named_and_left_alone(run: RunFolder, content: str) -> None:
    run.metrics.write_text(content)
    for call in (run.read_metrics, lambda: run.update_metrics(Metrics(epochs=3))):
        with pytest.raises(DataError, match=r"metrics\.json"):
            call()
    assert run.metrics.read_text() == content


def test_an_update_changes_its_part_alone(run: RunFolder) -> None:
    part = {"n": 4, "clean_accuracy": 0.5, "corruptions": {}, "own": "key"}
    updated = run.update_metrics(Metrics(robustness=Robustness(**part), steps=7))
    assert updated.steps == 7 and updated.robustness and updated.robustness.clean_accuracy == 0.5
    assert read(run) == {**OLD, "steps": 7, "robustness": part}
    anew = run.update_metrics(Metrics(epochs=3), anew=True)
    assert read(run) == {"test_split_read": OLD["test_split_read"], "epochs": 3} and "test" not in anew
    with pytest.raises(ValueError, match="JSON"):
        run.update_metrics(Metrics(nll=float("nan")))
    assert "nll" not in read(run)
    run.update_metrics(Metrics(calibration=None))
    assert "calibration" in run.read_metrics() and read(run)["calibration"] is None


unknown_keys = st.text(min_size=1).filter(lambda key: key not in Metrics.model_fields) | st.sampled_from(
    ["_source", "as_json", "model_fields", "__dict__", "class_"])


@given(st.dictionaries(unknown_keys, json_values, max_size=4))
def test_unknown_keys_survive_whatever_they_hold(tmp_path_factory: pytest.TempPathFactory, unknown: dict) -> None:
    run = RunFolder(tmp_path_factory.mktemp("run"))
    run.metrics.write_text(json.dumps({**unknown, "test": {"n": 1, "more": unknown}}))
    run.update_metrics(Metrics(epochs=1))
    assert read(run) == {**unknown, "test": {"n": 1, "more": unknown}, "epochs": 1}
    assert run.read_metrics().as_json() == read(run)


def test_processes_that_update_at_the_same_time_lose_nothing(run: RunFolder) -> None:
    code = ("import sys; from pathlib import Path; from fashionlab.runs.folder import Metrics, RunFolder\n"
            "run = RunFolder(Path(sys.argv[1]))\n"
            "for number in range(25): run.update_metrics(Metrics(**{f'{sys.argv[2]}{number}': number}))")
    processes = [subprocess.Popen([sys.executable, "-c", code, str(run.path), name]) for name in "abc"]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert read(run) == {**OLD, **{f"{name}{number}": number for name in "abc" for number in range(25)}}


def test_evaluating_keeps_what_others_measured(toy_run: Path, tmp_path: Path) -> None:
    from fashionlab.evaluation.run import evaluate_run

    run = RunFolder(Path(shutil.copytree(toy_run, tmp_path / "run")))
    run.update_metrics(Metrics(robustness=Robustness(n=1), own=[1, {"a": None}]))
    evaluate_run(run.path, "val", device="cpu")
    evaluate_run(run.path, "test", device="cpu")
    assert read(run)["robustness"] == {"n": 1} and read(run)["own"] == [1, {"a": None}]
