"""Runs of data sets by path: asked about from elsewhere, moved, changed. Scores are never those of other pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import fashionlab as fl
from fashionlab.runs.readings import readings
from fashionlab.studies import catalog
from toys import Result

Cli = Callable[..., Result]
RUN = "runs/run"


def _write(path: Path, seed: int = 0, *, other_test: bool = False, other_training: bool = False) -> Path:
    """An NPZ set in two classes; one pixel of a part is another where that is asked for."""
    draw = np.random.default_rng(seed)
    arrays = {}
    for part, n, other in (("train", 40, other_training), ("test", 12, other_test)):
        labels = np.arange(n) % 2
        pictures = draw.integers(0, 100, (n, 28, 28), dtype=np.uint8)
        pictures[labels == 1, 8:20] += 100
        pictures[0, 0, 0] += other
        arrays |= {f"x_{part}": pictures, f"y_{part}": labels}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


@pytest.fixture
def here(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data/set.npz, which was named by a relative path, and a run of it. The working folder is another
    one."""
    folder = tmp_path / "here"
    _write(folder / "data" / "set.npz")
    monkeypatch.chdir(folder)
    fl.train("three-linear", dataset="data/set.npz", name="run", quiet=True, device="cpu", overrides={
        "epochs": 2, "data.validation": 8, "precision": "float32"})
    monkeypatch.chdir(tmp_path)
    return folder


def _moved(here: Path) -> Path:
    """The folder in which the data are now."""
    target = here / "archive"
    (here / "data").rename(target)
    return target


def _state(run: Path) -> dict[str, Any]:
    """Scores and predictions."""
    metrics = json.loads((run / "metrics.json").read_text())
    scores = {key: metrics[key] for key in ("val", "test", "val_accuracy", "test_accuracy", "calibration", "conformal")}
    return scores | {name: (run / name).read_bytes() for name in (
        "predictions/test.npz", "predictions/val.npz", "classification_report.txt")}


def _refused(result: Result, *words: str) -> None:
    assert result.code == 3 and not result.out, result
    assert len(result.err.strip().splitlines()) <= 2
    for word in words:
        assert word in result.err, result.err


def test_the_path_is_kept_absolute(here: Path) -> None:
    recipe = yaml.safe_load((here / RUN / "recipe.yaml").read_text())
    assert recipe["data"]["dataset"] == str(here / "data" / "set.npz")
    assert "--dataset data/set.npz" in (here / RUN / "command.txt").read_text(), "as it was said"


def test_a_run_is_judged_from_elsewhere(here: Path, cli: Cli, tmp_path: Path) -> None:
    assert Path.cwd() == tmp_path
    before = json.loads((here / RUN / "metrics.json").read_text())
    for split in ("test", "val"):
        result = cli("evaluate", here / RUN, "--split", split, "--json")
        assert result.code == 0, result
        assert json.loads(result.out)["accuracy"] == before[f"{split}_accuracy"]
    result = cli("predict", here / RUN, here / "data" / "set.npz", "--json")
    assert result.code == 0, result
    predictions = json.loads(result.out)["predictions"]
    assert len(predictions) == 12 and all(len(one["top"]) == 2 for one in predictions), "there are only two classes"


def test_moved_data_are_asked_for_and_found_with_data_dir(here: Path, cli: Cli) -> None:
    run, path = here / RUN, here / "data" / "set.npz"
    accuracy = json.loads((run / "metrics.json").read_text())["test_accuracy"]
    new = _moved(here)
    before = _state(run)
    for words in (["evaluate", run], ["evaluate", run, "--split", "val"], ["train", "--resume", run],
                  ["export", run, "--out", here / "model.zip"]):
        _refused(cli(*words), str(path), "--data-dir")
    with pytest.raises(fl.DataError, match="--data-dir"):
        fl.Run(run).evaluate()
    assert _state(run) == before
    result = cli("evaluate", run, "--data-dir", new, "--json")
    assert result.code == 0 and json.loads(result.out)["accuracy"] == accuracy, result
    assert fl.Run(run, data_dir=new).evaluate("val").scores.n == 8
    assert fl.Run(run, data_dir=new / "set.npz").evaluate("test").scores.accuracy == accuracy
    wrong = here / "nowhere"
    _refused(cli("evaluate", run, "--data-dir", wrong), str(wrong))


@pytest.mark.parametrize("changes", [[], ["--seed", "0"], ["three-linear", "--dataset", "{data}/set.npz", "--set",
                                                           "epochs=2", "--set", "data.validation=8", "--set",
                                                           "precision=float32"]], ids=["", "seed", "recipe"])
def test_a_training_goes_on_with_moved_data(here: Path, cli: Cli, changes: list[str]) -> None:
    run = here / RUN
    new = _moved(here)
    words = [word.format(data=here / "data") for word in changes]
    result = cli("train", *words, "--resume", run, "--data-dir", new, "--quiet", "--json")
    assert result.code == 0, result
    assert json.loads(result.out)["epochs"] == 2


@pytest.mark.slow
def test_a_report_without_its_data_says_what_is_missing(here: Path, cli: Cli) -> None:
    _moved(here)
    assert cli("report", here / RUN).code == 0
    page = (here / RUN / "report.html").read_text()
    assert "no such file or folder" in page and "--data-dir" in page


@pytest.mark.slow
def test_reports_and_exports_of_moved_data(here: Path, cli: Cli) -> None:
    run, new = here / RUN, _moved(here)
    assert cli("report", run, "--data-dir", new).code == 0
    assert (run / "report.html").is_file()
    result = cli("export", run, "--out", here / "model.zip", "--data-dir", new, "--json")
    assert result.code == 0, result
    assert (here / "model.zip").is_file()


def test_other_test_pictures_do_not_replace_scores(here: Path, cli: Cli) -> None:
    run = here / RUN
    before = _state(run)
    path = _write(here / "data" / "set.npz", other_test=True)
    _refused(cli("evaluate", run), str(path), str(run))
    with pytest.raises(fl.DataError, match="test pictures are not those"):
        fl.Run(run).evaluate()
    assert _state(run) == before
    assert cli("evaluate", run, "--split", "val").code == 0
    _write(path)
    assert cli("evaluate", run).code == 0


def test_other_training_pictures_are_refused(here: Path, cli: Cli) -> None:
    run = here / RUN
    before = _state(run)
    path = _write(here / "data" / "set.npz", other_training=True)
    for words in (["evaluate", run, "--split", "val"], ["train", "--resume", run]):
        _refused(cli(*words), str(path), "these are not the pictures")
    assert _state(run) == before


def test_the_test_part_is_judged_though_the_training_part_changed(here: Path, cli: Cli) -> None:
    run = here / RUN
    before = json.loads((run / "metrics.json").read_text())["test"]
    path = _write(here / "data" / "set.npz", other_training=True)
    result = cli("evaluate", run, "--json")
    assert result.code == 0, result
    remark, = json.loads((run / "metrics.json").read_text())["test"]["remarks"]
    assert f"note: {remark}" in result.err and str(path) in remark and "are not the pictures" in remark
    after = json.loads((run / "metrics.json").read_text())["test"]
    assert {**after, "remarks": []} == before
    _write(path, other_training=True, other_test=True)
    _refused(cli("evaluate", run), "test pictures are not those")


def test_another_set_in_data_dir_is_refused(here: Path, cli: Cli) -> None:
    run = here / RUN
    before = _state(run)
    _write(here / "other" / "set.npz", seed=1)
    for split in ("test", "val"):
        _refused(cli("evaluate", run, "--split", split, "--data-dir", here / "other"), "other")
    assert _state(run) == before


def _forget_hashes(run: Path) -> None:
    """Readings as they were recorded before pictures were identified."""
    lines = [json.loads(line) for line in (run / "test_readings.jsonl").read_text().splitlines()]
    (run / "test_readings.jsonl").write_text("".join(
        json.dumps({key: value for key, value in line.items() if key != "sha256"}) + "\n" for line in lines))


def test_of_runs_of_before_the_labels_are_compared(here: Path, cli: Cli) -> None:
    from fashionlab.runs.folder import RunFolder

    run = here / RUN
    _forget_hashes(run)
    arrays = dict(np.load(here / "data" / "set.npz"))
    arrays["y_test"] = arrays["y_test"][::-1]
    np.savez(here / "data" / "set.npz", **arrays)
    before = _state(run)
    _refused(cli("evaluate", run), "test pictures are not those")
    assert _state(run) == before
    _write(here / "data" / "set.npz")
    assert cli("evaluate", run).code == 0
    assert readings(RunFolder(run))[-1].sha256 != "not recorded", "known from now on"
    _write(here / "data" / "set.npz", other_test=True)
    _refused(cli("evaluate", run), "test pictures are not those")


def test_a_run_trained_before_and_never_judged_is_judged(here: Path, cli: Cli) -> None:
    run = here / RUN
    for name in ("test_readings.jsonl", "predictions/test.npz"):
        (run / name).unlink()
    assert cli("evaluate", run).code == 0


def test_a_study_of_moved_data(here: Path, cli: Cli, tmp_path: Path) -> None:
    path, new = here / "data" / "set.npz", _moved(here)
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({
        "question": "a smaller rate?", "seeds": 2, "metric": "test_accuracy", "smallest_difference": 0.5,
        "baseline": {"recipe": "three-linear", "set": {"data.dataset": str(path), "epochs": 1}}, "test": "paired",
        "arms": {"none": {"set": {"optimizer.lr": 1e-9}}}}))
    _refused(cli("study", "s.yaml"), str(path), "--data-dir")
    study = catalog.load("s.yaml", data_dir=new)  # training it takes long
    assert [recipe.data.dataset for recipe in study.recipes.values()] == [str(path)] * 2
