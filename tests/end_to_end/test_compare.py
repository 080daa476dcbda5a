"""`fashionlab compare` on runs that were really trained: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fashionlab.cli.main import run
from pages import check_page, read_page
from toys import Result

Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def runs(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recipes with two seeds each, a run on another split, one that was never evaluated."""
    folder = tmp_path_factory.mktemp("runs")

    def train(name: str, recipe: str, seed: int, validation: int = 100) -> None:
        words = [recipe, "--dataset", str(toy_data), "--seed", str(seed), "--set", f"data.validation={validation}",
                 "--set", "epochs=1", "--runs", str(folder), "--name", name, "--quiet"]
        assert run(["train", *words]) == 0

    for seed in (0, 1):
        train(f"linear-s{seed}", "three-linear", seed)
        train(f"mlp-s{seed}", "three-mlp", seed)
    train("other-split", "three-mlp", 0, validation=50)
    return folder


def test_two_runs(cli: Cli, runs: Path):
    result = cli("compare", runs / "linear-s0", runs / "mlp-s0")
    assert result.code == 0, result.err
    metrics = [json.loads((runs / name / "metrics.json").read_text()) for name in ("linear-s0", "mlp-s0")]
    for found in metrics:
        assert f"{found['test_accuracy']:.2%}" in result.out and f"{found['macro_f1']:.4f}" in result.out
    page = runs / "compare-linear-s0-vs-mlp-s0.html"
    assert str(page.resolve()) in result.out
    check_page(read_page(page))
    assert cli("compare", runs / "linear-s0", runs / "mlp-s0").code == 0  # its own page may be replaced
    page.unlink()


def test_json_alone_writes_nothing(cli: Cli, runs: Path):
    before = sorted(runs.rglob("*"))
    result = cli("compare", *(runs / f"{name}-s{seed}" for name in ("linear", "mlp") for seed in (0, 1)), "--json")
    assert result.code == 0 and sorted(runs.rglob("*")) == before
    found = json.loads(result.out)
    assert [one["label"] for one in found["runs"]] == ["linear-s0", "linear-s1", "mlp-s0", "mlp-s1"]
    assert len(found["pairs"]) == 6 and found["n"] == 200 and found["page"] is None
    (pair,) = found["seed_pairs"]
    assert (pair["first"], pair["second"], pair["seeds"], pair["smallest_p"]) == ("linear", "mlp", [0, 1], 0.5)
    accuracy = {one["label"]: json.loads((runs / one["label"] / "metrics.json").read_text())["test_accuracy"]
                for one in found["runs"]}
    assert {one["label"]: one["accuracy"]["estimate"] for one in found["runs"]} == pytest.approx(accuracy)


def test_the_page_goes_where_out_says(cli: Cli, runs: Path, tmp_path: Path):
    result = cli("compare", runs / "linear-s0", runs / "mlp-s0", "--out", "here/page.html", "--json")
    assert result.code == 0 and json.loads(result.out)["page"] == "here/page.html"
    check_page(read_page(tmp_path / "here" / "page.html"))
    (tmp_path / "notes.html").write_text("notes", encoding="utf-8")
    refused = cli("compare", runs / "linear-s0", runs / "mlp-s0", "--out", "notes.html")
    assert refused.code == 2 and "notes.html exists and is not the page of a comparison" in refused.err
    assert (tmp_path / "notes.html").read_text(encoding="utf-8") == "notes"


def test_refusals(cli: Cli, runs: Path, tmp_path: Path):
    good = runs / "linear-s0"
    (tmp_path / "foreign").mkdir()
    for words, code, reason in (
        ([], 2, "RUN"), ([good], 2, "at least two runs"), ([good, good], 2, "same run"),
        ([good, tmp_path / "none"], 3, "no such run folder"), ([good, "foreign"], 3, "not the folder of a run"),
        ([good, runs / "other-split"], 3, "different splits: data.validation 50 against 100"),
    ):
        result = cli("compare", *words)
        assert result.code == code and reason in result.err, (words, result)
        assert not result.out
    assert not list(runs.glob("*.html"))
