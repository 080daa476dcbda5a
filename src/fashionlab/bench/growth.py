"""How the cost of training grows with pictures, width, threads and batch size, and how far it is from the peak."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Literal

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from fashionlab import models, recipes
from fashionlab.bench.data import random_pictures
from fashionlab.bench.train import OurTraining
from fashionlab.common import environment, runtime
from fashionlab.recipes import Recipe

SIZES = (10_000, 20_000, 40_000, 60_000)
FACTORS = (0.5, 1.0, 1.5, 2.0)
BATCHES = (125, 250, 500, 1000, 2000)
STEPS = 20
ROUNDS = 3
BACKWARD = 3  # forward, and gradients by the inputs and by the weights

Row = dict[str, Any]


def measure(recipe: str = "quick", sizes: Sequence[int] = SIZES, factors: Sequence[float] = FACTORS,
            batches: Sequence[int] = BATCHES, steps: int = STEPS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Seconds, pictures a second and memory of training `recipe` on the CPU, each figure from a process of its own.

    pictures: an epoch over so many, nothing skipped. widths: the network's, times each factor, with the arithmetic of
    its layers and the share of the peak, the highest rate of a convolution seen. threads: one and all. batches: the
    most bytes that a step's process holds. All is done `rounds` times in turns and the fastest counts: what else a
    machine does can only slow it down.
    """
    cores = runtime.usable_cores()
    loaded = recipes.load(recipe)
    plain = [] if loaded.selection is None else ["selection=null"]
    size = loaded.batch_size * steps
    threads = sorted({1, cores})
    precision = runtime.choose("cpu", loaded.precision).precision
    work: dict[str, Callable[[], list[Row]]] = {
        "peak": lambda: [{"threads": n, **_apart(_peak, n, precision)} for n in threads],
        "pictures": lambda: [{"pictures": n, **_apart(_train, recipe, plain, n, cores)} for n in sizes],
        "widths": lambda: [_width(recipe, plain, factor, size, cores) for factor in factors],
        "threads": lambda: [{"threads": n, **_apart(_train, recipe, plain, size, n)} for n in threads],
        "batches": lambda: [{"batch": n, **_apart(_train, recipe, [*plain, f"batch_size={n}"], steps * n // 2, cores)}
                            for n in batches]}
    measured = [{name: part() for name, part in work.items()} for _ in range(rounds)]
    tables = {name: [_fastest(rows) for rows in zip(*(results[name] for results in measured), strict=True)]
              for name in work}
    best = max(row["convolution"] for results in measured for row in results["peak"])
    for row in tables["widths"]:
        row["gflops"] = 2 * BACKWARD * row["macs"] * row["pictures_per_second"] / 1e9
        row["share_of_peak"] = row["gflops"] / best
    return {
        "what": f"the cost of training {recipe} on the CPU", "recipe": recipe, "steps": steps, "rounds": rounds,
        "peak_gflops": best, **tables, "cores": cores,
        "precision": precision,
        "machine": environment.machine(), "versions": environment.versions(), "commit": environment.commit(),
    }


def _fastest(rows: Sequence[Row]) -> Row:
    """Of the same thing in all rounds."""
    return max(rows, key=lambda row: row["pictures_per_second"] if "pictures_per_second" in row else row["convolution"])


def _apart(work: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """In a fresh process: threads are set once, and memory is counted from nothing."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def _width(recipe: str, plain: list[str], factor: float, size: int, cores: int) -> Row:
    widths = [round(factor * width) for width in recipes.load(recipe).model.arguments["widths"]]
    changes = [*plain, f"model.widths={widths}"]
    return {"widths": widths, "macs": _macs(recipes.load(recipe, changes)),
            **_apart(_train, recipe, changes, size, cores)}


def _macs(recipe: Recipe) -> int:
    """Multiply-accumulates of one picture on its way through the network."""
    model = models.build(recipe.model.name, classes=10, channels=1, image_size=28, **recipe.model.arguments).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 1, 28, 28))
    return counter.get_total_flops() // 2


def _train(recipe: str, changes: list[str], pictures: int, threads: int) -> dict[str, float]:
    """An epoch over random pictures, after one of four steps that warms up."""
    import resource

    loaded = recipes.load(recipe, changes)
    chosen = runtime.choose("cpu", loaded.precision, threads)
    training = OurTraining(loaded, random_pictures(4 * loaded.batch_size), chosen)
    training()
    training = OurTraining(loaded, random_pictures(pictures), chosen)
    start = time.perf_counter()
    seen = training()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "pictures_per_second": seen / seconds,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _peak(threads: int, precision: Literal["float32", "bfloat16"]) -> dict[str, float]:
    """The highest GFLOP/s seen here in training's number format: of a product of matrices of 2048, and of a 3x3
    convolution of 64 to 64 channels at 28 x 28 in the layout that training has."""
    chosen = runtime.choose("cpu", precision, threads)
    number = getattr(torch, chosen.precision)
    left, right = torch.rand(2048, 2048).to(number), torch.rand(2048, 2048).to(number)
    images = torch.rand(128, 64, 28, 28).to(number, memory_format=chosen.memory_format)
    filters = torch.rand(64, 64, 3, 3).to(number, memory_format=chosen.memory_format)
    with torch.no_grad():
        return {"matrices": _rate(lambda: left @ right, 2 * 2048**3),
                "convolution": _rate(lambda: F.conv2d(images, filters, padding=1), 2 * 128 * 28**2 * 64 * 64 * 9)}


def _rate(work: Callable[[], object], operations: int) -> float:
    """GFLOP/s, the median of the best five of fifteen: a peak is what nothing else has slowed down."""
    seconds = []
    for _ in range(15):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return operations / statistics.median(sorted(seconds)[:5]) / 1e9
