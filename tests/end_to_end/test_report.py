"""`fashionlab report` and the report that `train` writes, from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pages import check_page, read_page
from toys import Result

Cli = Callable[..., Result]
FILES = ("report.html", "model_card.md", "sample_predictions.txt", "figures/per_class.png", "figures/per_class.svg")


@pytest.mark.slow
def test_train_writes_the_report_of_a_run_with_long_and_odd_class_names(
        cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASHIONLAB_NO_REPORT")
    names = ("<img src=x onerror=alert(1)> | waterproof *hooded* jackets & coats for children of all ages",
             "</script> everything_else that is neither worn in the rain nor $sold$ by weight")
    draw, labels = np.random.default_rng(0), np.arange(90) % 2
    pictures = draw.integers(0, 100, (90, 20, 20, 3), dtype=np.uint8)
    pictures[labels == 1] += 60
    data = tmp_path / "two.npz"
    np.savez(data, x_train=pictures[:60], y_train=labels[:60], x_test=pictures[60:], y_test=labels[60:], classes=names)
    result = cli("train", "three-linear", "--dataset", data, "--set", "data.validation=20", "--set", "batch_size=20",
                 "--set", "epochs=1", "--set", "optimizer.lr=0.001", "--name", "two", "--json", "--quiet")
    run = tmp_path / "runs" / "two"
    assert result.code == 0, result.err
    printed = json.loads(result.out)
    assert result.err.splitlines()[-1] == f"report: {Path('runs') / 'two' / 'report.html'}"
    assert all((run / name).is_file() for name in FILES)
    assert printed["train_seconds"] == json.loads((run / "metrics.json").read_text())["train_seconds"]
    page = read_page(run / "report.html")
    check_page(page)
    assert [row[0] for row in page.table("Scores of each class").rows] == list(names)
    card = (run / "model_card.md").read_text(encoding="utf-8")
    assert f"| {printed['test_accuracy']:.2%} |" in card
    assert "<img" not in card.replace("\\<img", "")
    assert (run / "report.html").stat().st_size < 5e6


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(toy_run, tmp_path / "toy")


@pytest.mark.slow
def test_report_prints_where_the_page_is(cli: Cli, toy_report: Path, tmp_path: Path) -> None:
    """Of a run whose figures are drawn already, but for one."""
    run = shutil.copytree(toy_report.parent, tmp_path / "toy")
    for name in FILES:
        (run / name).unlink()
    result = cli("report", run)
    assert (result.code, result.out) == (0, f"{run / 'report.html'}\n")
    assert all((run / name).is_file() for name in FILES)


def test_a_failing_report_does_not_lose_the_run(cli: Cli, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASHIONLAB_NO_REPORT")
    (run / "metrics.csv").write_text("epoch\nruined\n")  # training has no need of it any more, the page has
    result = cli("train", "--resume", run, "--json", "--quiet")
    assert result.code == 1
    assert json.loads(result.out)["test_accuracy"] == json.loads((run / "metrics.json").read_text())["test_accuracy"]
    told = result.err.strip().splitlines()
    assert len(told) == 2 and "is trained and evaluated, but its report failed" in told[0]
    assert str(run / "metrics.csv") in told[0] and f"fashionlab report {run}" in told[1]
    assert json.loads((run / "status.json").read_text())["state"] == "complete"


@pytest.mark.parametrize(("change", "told"), [
    (lambda run: shutil.rmtree(run), "there is no such run folder"),
    (lambda run: (run / "model.json").unlink(), "not the folder of a run"),
    (lambda run: (run / "metrics.json").unlink(), "--resume"),
    (lambda run: (run / "predictions" / "test.npz").unlink(), "fashionlab evaluate"),
    (lambda run: (run / "predictions" / "test.npz").write_bytes(b"PK"), "no readable predictions"),
    (lambda run: (run / "environment.json").unlink(), "environment.json"),
    (lambda run: (run / "metrics.json").write_text("[1]"), "expected a JSON object"),
    (lambda run: (run / "metrics.csv").write_text("epoch\nx\n"), "metrics.csv"),
])
def test_what_is_no_finished_run_gets_one_clear_line(
        cli: Cli, run: Path, change: Callable[[Path], object], told: str) -> None:
    change(run)
    result = cli("report", run)
    assert (result.code, result.out) == (3, "")
    lines = result.err.strip().splitlines()
    assert len(lines) <= 2 and str(run) in lines[0] and told in " ".join(lines), result.err
