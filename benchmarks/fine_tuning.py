"""What a step of fine-tuning costs on this machine: the plain network beside its twin (`models/fused.py`), with all of
it learning, without depthwise convolutions, and with the last layers alone, as the recipe `photos` has it.

    python benchmarks/fine_tuning.py [--side 192] [--rounds 5]

Forward and backward of a batch of 32 pictures of noise, in turns, medians; writes results/fine_tuning.json.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from recipe import ROOT
from torch import Tensor, nn

from fashionlab import models, recipes
from fashionlab.common import runtime
from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.training.transfer import Phase, phases

BATCH = 32
Format = Literal["float32", "bfloat16"]
FORMATS: tuple[Format, ...] = ("float32", "bfloat16")
NETWORKS = ("efficientnet-lite0", "efficientnet-lite2")


def prepared(name: str, side: int, *changes: str) -> tuple[nn.Module, Phase]:
    """A network in the phase of fine-tuning that the recipe `photos` has with these changes."""
    model = models.build(name, classes=10, channels=3, image_size=side).to(memory_format=torch.channels_last)
    recipe = recipes.load("photos", [f"model.name={name}", "model.weights=none", f"data.image_size={side}", *changes])
    (phase,) = phases(recipe, model)
    phase.begin()
    return model, phase


def step(network: nn.Module, phase: Phase, pictures: Tensor, precision: Format) -> Callable[[], None]:
    chosen = runtime.choose("cpu", precision)

    def work() -> None:
        network.train()
        phase.fix_statistics()
        network.zero_grad()
        with chosen.autocast():
            logits = network(pictures)
        logits.float().logsumexp(1).sum().backward()

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "fine_tuning.json")
    words = parser.parse_args()
    rows = []
    everything = ("transfer.last_layers=null",)
    for name in NETWORKS:
        pictures = torch.randn(BATCH, 3, words.side, words.side).to(memory_format=torch.channels_last)
        for precision in FORMATS[: 1 + (runtime.choose("cpu", "auto").precision == "bfloat16")]:
            arms: dict[str, Callable[[], None]] = {}
            for arm, changes, twin in (
                    ("plain", (*everything, "transfer.freeze_depthwise=false"), False),
                    ("twin", (*everything, "transfer.freeze_depthwise=false"), True),
                    ("twin, depthwise frozen", everything, True),
                    ("twin, as photos", (), True)):
                model, phase = prepared(name, words.side, *changes)
                arms[arm] = step(phase.as_trained(model) if twin else model, phase, pictures, precision)
            seconds: dict[str, list[float]] = {arm: [] for arm in arms}
            for turn in range(words.rounds + 1):
                for arm, work in arms.items():
                    start = time.perf_counter()
                    work()
                    if turn:  # the first warms up
                        seconds[arm].append(time.perf_counter() - start)
            medians = {arm: statistics.median(ones) for arm, ones in seconds.items()}
            rows.append({"network": name, "precision": precision, "seconds": medians,
                         "times_faster": {arm: medians["plain"] / value for arm, value in medians.items()}})
            print(name, precision, {arm: round(value, 3) for arm, value in medians.items()}, flush=True)
    write_json(words.out, {
        "command": f"python benchmarks/fine_tuning.py --side {words.side} --rounds {words.rounds}", "commit": commit(),
        "batch": BATCH, "side": words.side, "rows": rows, "machine": machine(), "versions": versions()})


if __name__ == "__main__":
    main()
