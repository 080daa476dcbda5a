"""What figures show is what the run's records say; a figure that cannot be drawn is left out with the reason."""

from __future__ import annotations

import json
import shutil
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure as Sheet
from matplotlib.text import Text
from torch import nn

from fashionlab import recipes
from fashionlab.common.errors import DataError
from fashionlab.evaluation.run import conclude
from fashionlab.report import figures
from fashionlab.report.figures import FIGURES, draw_all
from fashionlab.report.figures.augmentation import stages
from fashionlab.report.figures.calibration import versions
from fashionlab.report.figures.drawn import RECORD
from fashionlab.report.figures.feature_map import layout
from fashionlab.report.figures.filters import first_layer
from fashionlab.report.figures.ranking import precision_recall_curves, roc_curves
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.timeline import events, learning_rates
from fashionlab.runs.predict import statistics
from fashionlab.runs.results import load_results
from fashionlab.training import session


@pytest.fixture(scope="module")
def inputs(toy_run: Path) -> ReportInputs:
    return ReportInputs(load_results(toy_run), device="cpu")


@pytest.fixture(scope="module")
def metrics(toy_run: Path) -> dict[str, Any]:
    return json.loads((toy_run / "metrics.json").read_text(encoding="utf-8"))


def texts(sheet: Sheet) -> list[str]:
    return [text.get_text().strip() for text in sheet.findobj(Text)]  # pyright: ignore[reportAttributeAccessIssue]


def trained(folder: Path, dataset: Path, *overrides: str) -> ReportInputs:
    """Trained, not evaluated."""
    small = [f"data.dataset={dataset}", "data.limit=100", "batch_size=30", "data.validation=50", *overrides]
    run = session.start(recipes.load("three-linear", small), folder, session.Options(device="cpu", quiet=True))
    return ReportInputs(load_results(run.path), device="cpu")


# Numbers ---------------------------------------------------------------------------------------------------------


def test_the_confusion_matrix_is_that_of_metrics_json(inputs: ReportInputs, metrics: dict[str, Any]) -> None:
    matrix = np.array(metrics["test"]["confusion"])
    shown = [word for word in texts(FIGURES["confusion_counts"].draw(inputs)) if word.isdigit() or word == "·"]
    expected = [f"{count:,}" if count else "·" for count in matrix.ravel()]
    assert [word for word in shown if word in expected][: len(expected)] == expected
    shares = texts(FIGURES["confusion_shares"].draw(inputs))
    for row in metrics["per_class"]:
        assert f"{100 * row['recall']:.1f}" in shares or row["recall"] == 0


def test_bars_of_classes_are_those_of_metrics_json(inputs: ReportInputs, metrics: dict[str, Any]) -> None:
    shown = texts(FIGURES["per_class"].draw(inputs))
    for row in metrics["per_class"]:
        assert f"{row['class']}\nn = {row['support']:,}" in shown
        for score in ("precision", "recall", "f1"):
            assert f"{100 * row[score]:.1f}" in shown


def test_calibration_errors_are_those_of_metrics_json(inputs: ReportInputs, metrics: dict[str, Any]) -> None:
    before, after = versions(inputs)
    measured = metrics["calibration"]["methods"]
    assert before.ece == metrics["ece"] == measured["none"]["ece"]["estimate"]
    assert after.ece == pytest.approx(measured["temperature"]["ece"]["estimate"], abs=1e-12)
    shown = " ".join(texts(FIGURES["reliability"].draw(inputs)))
    assert f"ECE {metrics['ece']:.4f}" in shown and f"ECE {after.ece:.4f}" in shown
    assert f"T = {metrics['calibration']['temperature']:.3f}" in shown


def test_areas_are_shares_of_pairs(inputs: ReportInputs) -> None:
    """The ROC area is the share of (picture of the class, other picture) pairs ranked rightly (Hanley, McNeil 1982)."""
    predictions = inputs.results.test
    for curve in roc_curves(inputs):
        score = predictions.probabilities[:, curve.label]
        ours, others = score[predictions.labels == curve.label], score[predictions.labels != curve.label]
        pairs = [(a > b) + 0.5 * (a == b) for a in ours for b in others]
        assert curve.area == pytest.approx(np.mean(pairs), abs=1e-12)
        assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.area, abs=1e-12)


def test_average_precision_is_the_mean_precision_at_each_find(inputs: ReportInputs) -> None:
    predictions = inputs.results.test
    for curve in precision_recall_curves(inputs):
        score = predictions.probabilities[:, curve.label]
        hits = predictions.labels == curve.label
        at_each = [(hits & (score >= score[row])).sum() / (score >= score[row]).sum() for row in np.flatnonzero(hits)]
        assert curve.area == pytest.approx(np.mean(at_each), abs=1e-12)


@pytest.mark.parametrize("overrides", [
    ("schedule.name=cosine", "schedule.warmup=0.2"),
    ("schedule.name=one-cycle",),
    ("schedule.name=step", "schedule.milestones=[1, 3]"),
    ("schedule.name=plateau", "schedule.patience=0", "schedule.threshold=0.5", "schedule.factor=0.5"),
    ("averaging={name: swa, start_epoch: 2, lr_factor: 0.3}",),
], ids=["cosine", "one-cycle", "step", "plateau", "swa"])
def test_the_schedule_goes_through_what_was_recorded(overrides: tuple[str, ...], toy_data: Path,
                                                     tmp_path: Path) -> None:
    run = trained(tmp_path / "run", toy_data, "epochs=4", *overrides)
    rates = learning_rates(run)
    assert rates.steps_per_epoch == 4 and len(rates.rates) == 16
    recorded = [row["lr"] for row in run.results.history]
    assert rates.rates[3::4].tolist() == pytest.approx(recorded, rel=1e-12)


def test_events_are_named_in_order(toy_data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", toy_data, "epochs=9", "schedule={name: step, every: 2, factor: 0.5}",
                  "early_stopping={metric: val_loss, patience: 2, min_delta: 5}",
                  "averaging={name: swa, start_epoch: 1}")
    assert [str(event) for event in events(run, learning_rates(run))] == [
        "after epoch 1: weight averaging starts", "after epoch 2: lr 0.1 → 0.05", "after epoch 3: early stopping"]
    drawn = " ".join(texts(FIGURES["curves_annotated"].draw(run)))
    assert "best epoch" in drawn and "early stopping" in drawn


@pytest.mark.slow
def test_a_run_in_two_phases_shows_the_rates_of_both(toy_data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", toy_data, "model={name: efficientnet-lite0}", "epochs=3",
                  "schedule={name: linear, final: 0.1}", "transfer={head_epochs: 1, head_lr: 0.5, layer_decay: 0.5}")
    rates = learning_rates(run)
    assert rates.rates[3::4].tolist() == pytest.approx([row["lr"] for row in run.results.history], rel=1e-12)
    assert "after epoch 1: fine-tuning starts" in [str(event) for event in events(run, rates)]


def test_the_preview_is_what_the_network_saw(toy_data: Path, tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []
    handle = nn.modules.module.register_module_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    try:
        run = trained(tmp_path / "run", toy_data, "epochs=1", "augment=[{name: flip}, {name: mixup, alpha: 1.0}]")
    finally:
        handle.remove()
    mean, std = statistics(run.results.spec, torch.device("cpu"))
    first, *alone, last = stages(run)
    assert len(alone) == 2 and first.images.shape == last.images.shape == (30, 1, 28, 28)
    torch.testing.assert_close((last.images - mean) / std, seen[0], rtol=0, atol=0)
    assert last.targets.sum(dim=1).tolist() == pytest.approx([1.0] * 30)


def test_first_layers(inputs: ReportInputs) -> None:
    layer = first_layer(inputs)
    assert layer is not None and layer.whole
    weight = next(module.weight for module in inputs.model.modules() if isinstance(module, nn.Linear))
    assert layer.weights.reshape(len(weight), -1).tolist() == weight.tolist()


def test_a_map_keeps_groups_together() -> None:
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 20)
    features = draw.normal(size=(60, 5)) + 20 * np.eye(5)[groups]
    points = layout(features)
    assert points.shape == (60, 2) and np.isfinite(points).all()
    np.testing.assert_array_equal(points, layout(features))
    distances = np.linalg.norm(points[:, None] - points, axis=2) + np.diag([np.inf] * 60)
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.95


def test_features_are_of_the_pictures_they_name(inputs: ReportInputs) -> None:
    features, rows = inputs.features
    assert len(features) == len(rows) == 200 and (np.diff(rows) > 0).all()
    assert (inputs.pictures.labels[rows] == inputs.results.test.labels[rows]).all()


# What cannot be drawn ---------------------------------------------------------------------------------------------


def test_what_is_missing_is_left_out_with_the_reason(toy_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(toy_run, run)
    (run / "checkpoints" / "last.pt").write_bytes(b"no checkpoint")
    text = (run / "recipe.yaml").read_text(encoding="utf-8")
    dataset = load_results(run).recipe.data.dataset
    (run / "recipe.yaml").write_text(text.replace(dataset, str(tmp_path / "gone")), encoding="utf-8")
    gallery = draw_all(ReportInputs(load_results(run), device="cpu"), tmp_path / "figures", formats=("svg",))
    reasons = {name: reason for name, (_, reason) in gallery.left_out.items()}
    assert "last.pt" in reasons["first_layer"] and "gone" in reasons["sample_predictions"]
    assert reasons["augmentation"] == "the recipe has no augmentation"
    assert "--robustness" in reasons["robustness"] and "--outliers" in reasons["outliers"]
    drawn = {one.name for one in gallery.drawn}
    assert {"curves", "confusion_counts", "per_class", "roc", "precision_recall", "reliability"} <= drawn
    assert drawn | set(reasons) == set(FIGURES.names()) and not drawn & set(reasons)
    written = {path.name for path in (tmp_path / "figures").iterdir()}
    assert written == {f"{name}.svg" for name in drawn} | {RECORD}


@pytest.mark.slow
def test_only_what_has_changed_is_drawn_again(toy_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, out = tmp_path / "run", tmp_path / "figures"
    shutil.copytree(toy_run, run)
    monkeypatch.setattr(figures, "in_order", lambda: [FIGURES[name] for name in ("curves", "confusion_counts")])

    def draw() -> tuple[dict[str, int], list[str]]:
        gallery = draw_all(ReportInputs(load_results(run), device="cpu"), out, formats=("svg",))
        return {one.name: one.files["svg"].stat().st_mtime_ns for one in gallery.drawn}, [
            one.caption for one in gallery.drawn]

    first, captions = draw()
    assert draw() == (first, captions)
    (out / "curves.svg").write_bytes(b"half a figu")  # touched: this one alone
    second, _ = draw()
    assert second["curves"] > first["curves"] and second["confusion_counts"] == first["confusion_counts"]
    assert (out / "curves.svg").read_bytes().endswith(b"</svg>\n")
    with np.load(run / "predictions" / "test.npz") as saved:  # the run has changed: all
        np.savez(run / "predictions" / "test.npz", **{**saved, "logits": saved["logits"][:, ::-1]})
    third, other = draw()
    assert third["curves"] > second["curves"] and third["confusion_counts"] > second["confusion_counts"]
    assert other != captions
    for broken in ("", "[]", '{"from": 1}', '{"from": "x", "figures": 3}'):
        (out / RECORD).write_text(broken, encoding="utf-8")
        assert draw()[0].keys() == third.keys()


@pytest.mark.slow
def test_a_helping_process_draws_the_same(inputs: ReportInputs, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    some = [FIGURES[name] for name in ("curves", "per_class", "confusion_counts", "first_layer", "robustness")]
    monkeypatch.setattr(figures, "in_order", lambda: some)
    alone = draw_all(inputs, tmp_path / "alone", formats=("svg",))
    with get_context("spawn").Pool(1) as helper:
        together = draw_all(inputs, tmp_path / "together", formats=("svg",), helper=helper)
    assert [one.name for one in together.drawn] == [one.name for one in alone.drawn]
    assert [one.caption for one in together.drawn] == [one.caption for one in alone.drawn]
    assert together.left_out == alone.left_out
    for one, other in zip(alone.drawn, together.drawn, strict=True):
        assert one.files["svg"].read_bytes() == other.files["svg"].read_bytes(), one.name


def test_a_run_that_was_not_evaluated(toy_data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", toy_data, "epochs=1")
    assert "evaluate" in (FIGURES["confusion_counts"].why_not(run) or "")
    assert FIGURES["curves"].why_not(run) is None
    run.results.folder.metrics.unlink()
    assert "not finished" in (FIGURES["learning_rate"].why_not(run) or "")
    run.results.folder.history.unlink()
    assert "no epoch" in (FIGURES["curves"].why_not(ReportInputs(load_results(run.results.folder.path))) or "")


def test_no_validation_and_no_temperature(toy_data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", toy_data, "epochs=1", "data.validation=0")
    conclude(run.results.folder, device="cpu")
    assert len(versions(run)) == 1
    assert "No temperature" in FIGURES["reliability"].caption(run)
    assert "no validation split" in " ".join(texts(FIGURES["curves"].draw(run)))
    assert "validation" not in FIGURES["curves"].caption(run)


def test_other_pictures_are_refused(toy_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(toy_run, run)
    test = run / "predictions" / "test.npz"
    with np.load(test) as saved:
        arrays = dict(saved)
    np.savez(test, **{**arrays, "labels": np.roll(arrays["labels"], 1)})
    with pytest.raises(DataError, match="not the test pictures"):
        _ = ReportInputs(load_results(run)).pictures
