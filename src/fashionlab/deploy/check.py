"""How graphs stand against the network in PyTorch: equal answers, accuracy, size, latency and throughput.

What is decided here (whether a graph is shipped, whether int8 answers) is decided on validation pictures and times; the
test split is measured afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fashionlab.common.errors import FashionlabError
from fashionlab.common.records import PictureSet

PARITY = 1000  # validation pictures, at most
BATCHES = (1, 32, 256)
PYTORCH = "PyTorch"
UNPRUNED = "float32 unpruned"
# What float32 may differ by, as a share of the largest logit: sums are taken in another order.
TOLERANCE = 1e-3
# Pictures of the same answer in float32, at least; two nearly equal logits may change places.
EQUAL = 0.999
MOST_LOSS = 0.2  # points of accuracy that int8 may cost

_SECONDS = 1.0  # for each form and batch size
_REPETITIONS = (20, 500)  # at least and at most
_TURN = 5  # calls in a row, so that threads of the other forms have gone to sleep
_SLOW_CALL = 0.2  # seconds: calls that take longer are few, and hardly differ
_FEW_REPETITIONS = 5

Ask = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # uint8 [N, C, H, W] -> logits, features


@dataclass(frozen=True)
class Form:
    """A network in one form: how it is asked, and the bytes of its file."""

    ask: Ask
    size: int


def compare(forms: Mapping[str, Form], images: np.ndarray) -> dict[str, dict[str, Any]]:
    """A row for each of `forms`, of which one is called PYTORCH and is what the others are held against, on `images`
    (uint8 [N, C, H, W], at least one).

    bytes; largest_difference of logits and equal_answers (share) from PyTorch; latency_ms: by batch size as text
    median, p99 and repetitions; images_per_second: at the fastest of these batch sizes. Times are of forms in turns, so
    that what else the machine does hits all.
    """
    times = {size: _times(forms, np.resize(images, (size, *images.shape[1:]))) for size in BATCHES}
    logits = {name: _logits(form, images) for name, form in forms.items()}
    truth = logits[PYTORCH]
    rows = {}
    for name, form in forms.items():
        own = logits[name]
        latency = {str(size): {"median": float(np.median(by_form[name])),
                               "p99": float(np.percentile(by_form[name], 99)), "repetitions": len(by_form[name])}
                   for size, by_form in times.items()}
        rows[name] = {
            "bytes": form.size,
            "largest_difference": float(np.abs(own - truth).max()),
            "equal_answers": float((own.argmax(1) == truth.argmax(1)).mean()),
            "latency_ms": latency,
            "images_per_second": max(1e3 * int(size) / one["median"] for size, one in latency.items()),
        }
    return rows


def measure_accuracy(forms: Mapping[str, Form], test: PictureSet, rows: Mapping[str, dict[str, Any]]) -> None:
    """Add test_accuracy to the row of each form."""
    for name, form in forms.items():
        rows[name]["test_accuracy"] = float((_logits(form, test.images).argmax(1) == test.labels).mean())


def _logits(form: Form, images: np.ndarray, batch: int = 256) -> np.ndarray:
    return np.concatenate([form.ask(images[start : start + batch])[0] for start in range(0, len(images), batch)])


def _times(forms: Mapping[str, Form], pictures: np.ndarray) -> dict[str, list[float]]:
    """Milliseconds of each call with all of `pictures`; the first calls, which warm up, are not counted."""
    milliseconds: dict[str, list[float]] = {name: [] for name in forms}
    start = time.perf_counter()
    for form in forms.values():
        form.ask(pictures)
    slow = time.perf_counter() - start > _SLOW_CALL * len(forms)
    (least, most), turn = ((_FEW_REPETITIONS, _FEW_REPETITIONS), 1) if slow else (_REPETITIONS, _TURN)
    for form in forms.values():
        for _ in range(turn - 1):
            form.ask(pictures)
    while any(len(times) < least or (sum(times) < _SECONDS * 1e3 and len(times) < most)
              for times in milliseconds.values()):
        for name, form in forms.items():
            for _ in range(turn):
                start = time.perf_counter()
                form.ask(pictures)
                milliseconds[name].append((time.perf_counter() - start) * 1e3)
    return milliseconds


def require_parity(rows: Mapping[str, Mapping[str, Any]], name: str, largest_logit: float) -> None:
    """Raise FashionlabError when form `name` does not answer as PyTorch does: such a graph must not be shipped."""
    row = rows[name]
    if not row["largest_difference"] <= TOLERANCE * max(1.0, largest_logit) or row["equal_answers"] < EQUAL:
        raise FashionlabError(f"the {name} graph does not answer as PyTorch does (largest difference of logits "
                              f"{row['largest_difference']:.3g}, {row['equal_answers']:.2%} equal answers); "
                              "nothing was written, this is a defect worth reporting")


def judge_int8(float32: Mapping[str, Any], int8: Mapping[str, Any], validation: Mapping[str, float]) -> dict[str, Any]:
    """Whether int8 may take the place of float32: rows of `compare`, and the validation accuracy of both by name.

    Asked for is that it loses at most 0.2 points on the validation pictures and is faster with one picture and in bulk.
    Returns the points it changes, speed-ups, `served` and the reason in words.
    """
    change = 100 * (validation["int8"] - validation["float32"])
    faster = {"with one picture": float32["latency_ms"]["1"]["median"] / int8["latency_ms"]["1"]["median"],
              "in bulk": int8["images_per_second"] / float32["images_per_second"]}
    faults = [f"accuracy changes by {change:+.2f} points on validation pictures (allowed: {-MOST_LOSS:+.1f})"
              ] if change < -MOST_LOSS - 1e-9 else []
    faults += [f"it is not faster {how} ({ratio:.2f} times)" for how, ratio in faster.items() if ratio <= 1]
    return {
        "points": {"validation": change}, "speed_up": faster, "served": not faults,
        "why": f"float32 stays the graph that answers, not int8: {'; '.join(faults)}" if faults else
               f"int8 answers: accuracy changes by {change:+.2f} points on validation pictures; "
               f"{faster['with one picture']:.2f} times as fast with one picture, {faster['in bulk']:.2f} times in "
               "bulk",
    }


def judge_pruning(rows: Mapping[str, Mapping[str, Any]], validation: tuple[float, float]) -> dict[str, Any]:
    """What pruning has cost and gained, from rows of `compare` and the accuracy on the validation pictures before and
    after: points it changes, speed-ups, the share of bytes that is left, and all of it in words."""
    before, after = rows[UNPRUNED], rows["float32"]
    change = {"validation": 100 * (validation[1] - validation[0]),
              "test": 100 * (after["test_accuracy"] - before["test_accuracy"])}
    faster = {"with one picture": before["latency_ms"]["1"]["median"] / after["latency_ms"]["1"]["median"],
              "in bulk": after["images_per_second"] / before["images_per_second"]}
    size = after["bytes"] / before["bytes"]
    return {"points": change, "speed_up": faster, "bytes": size,
            "why": f"pruned: accuracy changes by {change['validation']:+.2f} points on validation and "
                   f"{change['test']:+.2f} on test pictures; {faster['with one picture']:.2f} times as fast with one "
                   f"picture, {faster['in bulk']:.2f} times in bulk; {size:.0%} of the size"}
