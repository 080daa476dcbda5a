"""A small network with every kind of layer that optimizers treat apart, and steps of training it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from fashionlab.optimizers import Optimizer, OptimizerSettings


def settings(values: dict[str, Any]) -> Any:
    return TypeAdapter(OptimizerSettings).validate_python(values)


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.Flatten(),
        nn.Linear(16, 12), nn.LayerNorm(12), nn.ReLU(), nn.Linear(12, 3),
    )
    return model.to(memory_format=torch.channels_last)


def batch(step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1000 + step)
    labels = torch.randint(3, (16,), generator=generator)
    return torch.randn(16, 1, 6, 6, generator=generator) + labels.view(-1, 1, 1, 1), labels


def closure_of(model: nn.Module, optimizer: Optimizer, step: int) -> Callable[[], Tensor]:
    images, labels = batch(step)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        return loss.detach()

    return closure


def train(model: nn.Module, optimizer: Optimizer, steps: range) -> list[float]:
    return [float(optimizer.step(closure_of(model, optimizer, step))) for step in steps]
