"""The cost of a run: what is counted exactly, what is measured plausibly, and where it is kept."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from fashionlab.common import runtime
from fashionlab.common.errors import DataError
from fashionlab.evaluation.cost import cost, peak_bytes, prediction_cost
from fashionlab.runs.model import load_model
from fashionlab.runs.results import load_results
from fashionlab.runs.weights import save_weights

CPU = torch.device("cpu")


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_run, tmp_path / "run"))


def test_a_run_s_cost_is_measured_once_and_kept(run: Path) -> None:
    metrics = run / "metrics.json"
    before = {key: value for key, value in json.loads(metrics.read_text()).items() if key != "cost"}
    measured = cost(load_results(run), again=True)
    assert json.loads(metrics.read_text()) == {**before, "cost": measured.as_json()}
    assert cost(load_results(run)).as_json() == measured.as_json(), "not measured again"
    metrics.write_text(json.dumps({**before, "cost": {**measured.as_json(), "machine": "another"}}))
    assert cost(load_results(run)).machine == "another"
    assert cost(load_results(run), again=True).machine == measured.machine


def test_what_is_counted(run: Path, tmp_path: Path) -> None:
    results = load_results(run)
    measured = cost(results, again=True)
    assert measured.parameters == 784 * 10 + 10 + 10 * 10 + 10
    assert measured.macs == 784 * 10 + 10 * 10
    save_weights(load_model(results.folder, CPU)[0].state_dict(), tmp_path / "weights.safetensors")
    assert measured.weight_bytes == (tmp_path / "weights.safetensors").stat().st_size
    assert measured.train_seconds == results.metrics.train_seconds
    assert measured.train_images_per_second == results.metrics.images_per_second
    expected = runtime.choose("auto", results.environment["precision"])
    assert (measured.threads, measured.precision, measured.device) == (expected.threads, expected.precision,
                                                                       str(expected.device))
    assert "core" in measured.machine


def test_what_is_measured(run: Path) -> None:
    measured = cost(load_results(run), again=True).prediction
    assert measured.views == load_results(run).spec.views
    assert list(measured.latency_ms) == ["1", "32"] and list(measured.images_per_second) == ["256", "1000"]
    for one in measured.latency_ms.values():
        assert 0 < one.median <= one.p99 and one.repetitions >= 1
    assert all(speed > 1000 for speed in measured.images_per_second.values()), "a linear network is no slower anywhere"
    # At least the float pictures and their normalised copy; no more than a few copies.
    pictures = 256 * 784 * 4
    assert 2 * pictures <= measured.peak_bytes <= 6 * pictures


def test_a_slow_network_is_asked_for_few_pictures(run: Path) -> None:
    model, spec = load_model(load_results(run).folder, CPU)
    asked = list[int]()

    def wait(_: nn.Module, pictures: tuple[torch.Tensor]) -> None:
        asked.append(len(pictures[0]))
        time.sleep(len(pictures[0]) / 200)

    model.register_forward_pre_hook(wait)
    measured = prediction_cost(model, spec, runtime.choose("cpu", "float32"))
    assert list(measured.images_per_second) == ["256"] and measured.images_per_second["256"] < 210
    assert sum(size for size in asked if size > 32) == 2 * 256 * spec.views  # timed once, and once for the memory


def test_peak_bytes_of_work_that_can_be_added_up() -> None:
    def work() -> torch.Tensor:
        first = torch.zeros(1000, 1000)  # 4 MB
        second = first + 1  # 8 MB
        del first  # 4 MB
        third = torch.zeros(500, 1000)  # 6 MB
        second += 1  # in place: nothing new
        return third.view(-1)[:10] + second.T[0, 0]

    assert peak_bytes(work, CPU) == 8_000_000
    assert peak_bytes(lambda: None, CPU) == 0


def test_weights_and_their_views_are_not_counted() -> None:
    layer, pictures = nn.Linear(1000, 1000), torch.zeros(1, 1000)
    with torch.inference_mode():
        assert peak_bytes(lambda: layer(pictures), CPU) == 4000
        assert peak_bytes(lambda: layer.weight.T, CPU) == 0
        assert peak_bytes(lambda: layer.weight.T.contiguous(), CPU) == 4_000_000


def test_a_run_that_has_not_finished_is_refused(run: Path, tmp_path: Path) -> None:
    (run / "metrics.json").unlink()
    with pytest.raises(DataError, match="--resume"):
        cost(load_results(run))
    with pytest.raises(DataError, match="no such run folder"):
        cost(load_results(tmp_path / "nowhere"))
