"""The page of a run: its numbers are those of metrics.json, its pictures those of the data set, its HTML in order."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.data.held_out import load_test
from fashionlab.report import trust
from fashionlab.report.page import write_report
from fashionlab.runs.results import load_results
from pages import Page, check_page, read_page


@pytest.fixture(scope="module")
def run(toy_report: Path) -> Path:
    return toy_report.parent


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return read_page(run / "report.html")


@pytest.fixture(scope="module")
def metrics(run: Path) -> dict[str, Any]:
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def test_the_html_is_in_order(page: Page) -> None:
    check_page(page)


def test_scores_are_those_of_metrics_json(page: Page, metrics: dict[str, Any]) -> None:
    rows = {row[0]: row for row in page.table("Scores on the validation").rows}
    for label, key, form in (("Accuracy", "accuracy", ".2%"), ("Macro F1", "macro_f1", ".4f"),
                             ("NLL, nats", "nll", ".4f"), ("Brier score", "brier", ".4f"),
                             ("ECE, 15 bins", "ece", ".4f"), ("Top-3 accuracy", "top3_accuracy", ".2%")):
        assert rows[label][1:3] == [format(metrics["val"][key], form), format(metrics["test"][key], form)]


def test_classes_are_those_of_metrics_json(page: Page, metrics: dict[str, Any]) -> None:
    table = page.table("Scores of each class")
    assert [row[:5] for row in table.rows] == [
        [row["class"], f"{row['precision']:.4f}", f"{row['recall']:.4f}", f"{row['f1']:.4f}", f"{row['support']:,}"]
        for row in metrics["test"]["per_class"]]
    for label, row in enumerate(table.rows):
        counts = np.array(metrics["test"]["confusion"][label])
        counts[label] = 0
        worst = table.rows[int(counts.argmax())][0]
        assert row[5] == (f"{worst} ({counts.max():,})" if counts.any() else "none")


def test_epochs_are_those_of_metrics_csv(page: Page, run: Path) -> None:
    history = load_results(run).history
    assert [row[:3] for row in page.table("One row an epoch").rows] == [
        [f"{row['epoch']:.0f}", f"{row['train_loss']:.4f}", f"{row['train_accuracy']:.2%}"] for row in history]


def test_cost_is_that_of_metrics_json(page: Page, metrics: dict[str, Any]) -> None:
    rows = dict(page.table("What it costs").rows)
    assert rows["Parameters"] == f"{metrics['parameters']:,}"
    assert rows["Multiply-accumulates"].startswith(f"{metrics['cost']['macs']:,} ")
    latency = metrics["cost"]["prediction"]["latency_ms"]["1"]
    assert rows["Latency of 1 picture"].startswith(f"{latency['median']:.2f} ms median, {latency['p99']:.2f} ms")


def test_every_mistake_is_there_with_its_own_picture(page: Page, run: Path, toy_data: Path) -> None:
    predictions, pictures = load_results(run).test, load_test(str(toy_data))
    gallery = next(data for data in page.data if "sheet" in data)
    wrong = np.flatnonzero(predictions.predicted != predictions.labels)
    assert len(wrong)
    assert f"{len(wrong):,} of {len(predictions.labels):,} test pictures were given a wrong class" in page.text
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(gallery["sheet"].split(",")[1]))))
    size, across, seen, confidences = gallery["size"], gallery["across"], [], []
    for item in gallery["items"]:
        index = int(re.findall(r"picture (\d+)", item["alt"])[0])
        seen.append(index)
        row, column = divmod(item["at"], across)
        shown = sheet[row * size : (row + 1) * size, column * size : (column + 1) * size]
        assert np.array_equal(shown, pictures.images[index, 0])
        assert item["true"] == predictions.classes[predictions.labels[index]]
        assert item["predicted"] == predictions.classes[predictions.predicted[index]]
        confidences.append(predictions.probabilities[index].max())
        assert item["lines"][0] == f"{confidences[-1]:.1%} {item['predicted']}"
    assert sorted(seen) == wrong.tolist()
    assert confidences == sorted(confidences, reverse=True)


def test_figures_are_on_the_page_and_in_the_folder(page: Page, run: Path) -> None:
    drawn = sorted((run / "figures").glob("*.png"))
    embedded = {image["src"] for image in page.images}
    assert len(drawn) == len(page.images) > 10
    assert {f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}" for path in drawn} == embedded


def test_calibration_is_that_of_metrics_json(page: Page, metrics: dict[str, Any]) -> None:
    table, methods = page.table("Probabilities before and after"), metrics["calibration"]["methods"]
    assert len(table.header) == 1 + len(methods) == 5
    for row, (figure, form) in zip(table.rows, [("accuracy", ".2%"), *((name, ".4f") for name in (
            "nll", "brier", "ece", "ece_equal_mass", "ece_classwise"))], strict=True):
        expected = [[format(method[figure][key], form) for key in ("estimate", "low", "high")]
                    for method in methods.values()]
        assert row[1:] == [f"{estimate} [{low.rstrip('%')}, {high.rstrip('%')}]" for estimate, low, high in expected]
    sets = page.table("Prediction sets")
    assert [row[1].split()[0] for row in sets.rows] == [
        f"{row['coverage']['estimate']:.2%}" for row in metrics["conformal"]["sets"]]


def test_robustness_is_that_of_metrics_json(page: Page, metrics: dict[str, Any]) -> None:
    rows = dict((row[0], row[1:]) for row in page.table("Accuracy on corrupted").rows)
    assert rows == {name: [f"{value:.2%}" for value in values]
                    for name, values in metrics["robustness"]["corruptions"].items()}
    assert f"severities: {metrics['robustness']['mean_corruption_accuracy']:.2%}" in page.text


def test_outliers_are_shown_by_set_and_score(run: Path, tmp_path: Path, metrics: dict[str, Any]) -> None:
    shutil.copytree(run, tmp_path / "toy")
    outliers = {"n": 200, "best": "energy", "threshold": 1.5, "accepted": 0.945, "sets": {
        "noise": {"energy": {"auroc": 0.98765, "fpr95": 0.0123}, "max-softmax": {"auroc": 0.5, "fpr95": 0.95}}}}
    (tmp_path / "toy" / "metrics.json").write_text(json.dumps({**metrics, "outliers": outliers}))
    auroc, passing = trust.outliers(load_results(tmp_path / "toy"))
    assert auroc.headings == passing.headings == ["Outlier set", "energy (chosen)", "max-softmax"]
    assert (auroc.rows, passing.rows) == ([["noise", "0.9877", "0.5000"]], [["noise", "1.23%", "95.00%"]])
    assert "“energy”" in passing.text and "94.50%" in passing.text


def test_how_to_reproduce(page: Page, run: Path) -> None:
    assert (run / "command.txt").read_text().strip() in page.text
    assert f"fashionlab train {run / 'recipe.yaml'}" in page.text


def test_small_and_quick_to_send(run: Path) -> None:
    assert (run / "report.html").stat().st_size < 5e6


def test_the_model_card_has_its_headings_numbers_and_figures(run: Path, metrics: dict[str, Any]) -> None:
    card = (run / "model_card.md").read_text(encoding="utf-8")
    headings = re.findall("^## (.*)$", card, re.MULTILINE)
    assert headings[:6] == ["Model details", "Intended use", "Data", "Evaluation", "Per class", "Calibration"]
    assert {"Limits", "Cost", "How to reproduce"} <= set(headings)
    assert f"| Accuracy | {metrics['val']['accuracy']:.2%} | {metrics['test']['accuracy']:.2%} |" in card
    for row in metrics["test"]["per_class"]:
        assert f"| {row['class']} | {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} |" in card
    pictures = re.findall(r"!\[.+\]\((.+)\)", card)
    assert sorted(pictures) == [f"figures/{path.name}" for path in sorted((run / "figures").glob("*.png"))]
    for line in card.splitlines():
        assert not re.search(r"\bNone\b|\{\{|\{%", line), line


@pytest.mark.slow
def test_a_run_whose_pictures_and_weights_are_gone_still_gets_its_page(toy_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(toy_run, tmp_path / "toy")
    recipe = run / "recipe.yaml"
    recipe.write_text(re.sub("dataset: .*", f"dataset: {tmp_path / 'gone'}", recipe.read_text()))
    shutil.rmtree(run / "checkpoints")
    page = read_page(write_report(run))
    check_page(page)
    assert "They cannot be shown" in page.text and "Not shown" in [heading for _, heading in page.headings]
    assert "The cost of prediction was not measured" in page.text
    assert f"Robustness to corrupted pictures was not measured: run fashionlab evaluate {run} --robustness" in page.text
    assert f"of none of its classes, was not measured: run fashionlab evaluate {run} --outliers" in page.text
    assert [row[0] for row in page.table("What it costs").rows] == ["Parameters", "Training"]
    assert "The cost of prediction was not measured" in (run / "model_card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("remove", "message"), [
    (["metrics.json"], "has not finished training"), (["predictions/test.npz"], "never evaluated on the test split"),
    (["recipe.yaml"], "not the folder of a run")])
def test_what_is_no_finished_run_is_refused(run: Path, tmp_path: Path, remove: list[str], message: str) -> None:
    shutil.copytree(run, tmp_path / "toy")
    for name in remove:
        (tmp_path / "toy" / name).unlink()
    with pytest.raises(DataError, match=message):
        write_report(tmp_path / "toy")
