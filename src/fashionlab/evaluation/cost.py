"""What a trained network costs: size, arithmetic, training time, and prediction's speed and memory on this machine."""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fashionlab.common import runtime
from fashionlab.common.environment import machine
from fashionlab.common.records import PictureSet
from fashionlab.common.runtime import Runtime
from fashionlab.data import ResidentPictures
from fashionlab.models import count_macs, count_parameters
from fashionlab.runs.folder import ModelSpec
from fashionlab.runs.metrics import Cost, Latency, Metrics, PredictionCost
from fashionlab.runs.model import load_model
from fashionlab.runs.predict import predict_logits
from fashionlab.runs.results import RunResults

_LATENCY_BATCHES, _THROUGHPUT_BATCHES = (1, 32), (256, 1000)
_BUDGET_SECONDS = 0.4  # of each measurement, so that all of them take about two seconds
_SLOW_SECONDS = 1.0  # a batch that takes longer says all: larger ones are not measured
_MOST_REPETITIONS = 200


def cost(results: RunResults, device: str = "auto", *, again: bool = False) -> Cost:
    """The cost of a finished run: what metrics.json holds under "cost", measured and put there if it is not yet
    (or `again`).

    parameters; macs: multiply-accumulates of one forward pass of one picture; weight_bytes: as a safetensors file;
    train_seconds and train_images_per_second: of the run, on the machine of its environment.json.
    prediction: from bytes on the device to logits, `views` passes a picture as `evaluate` does it, after a warm-up:
    images_per_second and latency_ms {median, p99, repetitions}, by batch size as text, 1000 at once only where 256 take
    no second; peak_bytes: the most that tensors took at once while a batch of 256 was judged, weights not counted.
    machine, device, threads and precision: where prediction was measured.
    Raises DataError for a run that has not finished or whose weights cannot be read.
    """
    metrics = results.metrics  # refuses a run that has not finished
    stored = results.folder.read_metrics().cost
    if stored is not None and not again:
        return stored
    device_runtime = runtime.choose(device, results.environment["precision"])
    model, spec = load_model(results.folder, device_runtime.device)
    measured = Cost(
        parameters=count_parameters(model),
        macs=count_macs(model, (spec.channels, spec.image_size, spec.image_size)),
        weight_bytes=len(safetensors.torch.save({name: value.contiguous()
                                                 for name, value in model.state_dict().items()})),
        train_seconds=metrics.train_seconds, train_images_per_second=metrics.images_per_second,
        prediction=prediction_cost(model, spec, device_runtime),
        machine=_machine_name(device_runtime.device), device=str(device_runtime.device),
        threads=device_runtime.threads, precision=device_runtime.precision)
    results.folder.update_metrics(Metrics(cost=measured))
    return measured


def prediction_cost(model: nn.Module, spec: ModelSpec, device_runtime: Runtime) -> PredictionCost:
    """The "prediction" part of `cost`, measured on pictures of noise: what they show does not change the arithmetic."""
    latency: dict[str, Latency] = {}
    speed: dict[str, float] = {}
    for batch in (*_LATENCY_BATCHES, *_THROUGHPUT_BATCHES):
        seconds = _timed(_predict(model, spec, device_runtime, batch))
        if batch in _LATENCY_BATCHES:
            latency[str(batch)] = Latency(median=statistics.median(seconds) * 1e3,
                                          p99=float(np.percentile(seconds, 99)) * 1e3, repetitions=len(seconds))
        else:
            speed[str(batch)] = batch / statistics.median(seconds)
            if statistics.median(seconds) > _SLOW_SECONDS:
                break
    return PredictionCost(views=spec.views, latency_ms=latency, images_per_second=speed,
                          peak_bytes=peak_bytes(_predict(model, spec, device_runtime, _THROUGHPUT_BATCHES[0]),
                                                device_runtime.device))


def _predict(model: nn.Module, spec: ModelSpec, device_runtime: Runtime, batch: int) -> Callable[[], object]:
    shape = (batch, spec.channels, spec.image_size, spec.image_size)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    pictures = PictureSet(noise, np.zeros(batch, dtype=np.int64), spec.classes, "noise")
    resident = ResidentPictures.from_set(pictures, np.arange(batch), device_runtime.device)
    # The answer lies on the CPU: a GPU has finished.
    return lambda: predict_logits(model, resident, spec, device_runtime)


def _timed(work: Callable[[], object]) -> list[float]:
    """Seconds of each repetition: so many as fit in the budget, at least one. Those that warm up are not counted, but
    for one that is beyond the budget."""
    seconds: list[float] = []
    for budget in (_BUDGET_SECONDS / 2, _BUDGET_SECONDS):
        seconds = []
        while sum(seconds) < budget and len(seconds) < _MOST_REPETITIONS:
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        if seconds[0] > _BUDGET_SECONDS:
            break
    return seconds


def peak_bytes(work: Callable[[], object], device: torch.device) -> int:
    """The most bytes that tensors made by `work` held at once on `device`.

    Not the process's resident size, which also holds what Python, the libraries and the allocator keep.
    """
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    with _LiveTensors() as live:
        work()
    return live.peak


class _LiveTensors(TorchDispatchMode):
    """Adds up the storages that operations make and takes them off when they die. The profiler's memory events would
    do it too, but it writes lines of its own to stderr."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # Whatever an operation is given and was not made in here is the caller's: views of it are free.
        before = {tensor.untyped_storage()._cdata for tensor in tree_leaves((args, kwargs))
                  if isinstance(tensor, Tensor)}
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage(), before)
        return made

    def _count(self, storage: torch.UntypedStorage, given: set[int]) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known or key in given:
            return
        self._known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._died, key, size)

    def _died(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def _machine_name(device: torch.device) -> str:
    here = machine()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else here["processor"]
    return f"{name}, {here['cores']} cores"
