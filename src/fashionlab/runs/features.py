"""Penultimate features: what a network has made of a picture just before its last layer weighs it up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from fashionlab.common.runtime import Runtime
from fashionlab.data import ResidentPictures
from fashionlab.runs.folder import ModelSpec
from fashionlab.runs.predict import batch_size, normalise, statistics


@torch.inference_mode()
def features(model: nn.Module, pictures: ResidentPictures, spec: ModelSpec, runtime: Runtime,
             positions: Tensor | None = None) -> Tensor:
    """The input of the network's last layer, float32 [N, D] on the CPU, for the pictures at `positions` (int64 [N] on
    the CPU; all if None). The model is left in evaluation mode.

    Of each picture as it is, whatever `spec.views` says. For a network that is one linear layer, D counts the
    normalised pixels.
    """
    model.eval()
    mean, std = statistics(spec, runtime.device)
    if positions is None:
        positions = torch.arange(len(pictures))
    parts = []
    # An empty selection is asked for once too: it has a width.
    for part in positions.split(batch_size(spec)) if len(positions) else [positions]:
        _, images, _ = pictures.take(part)
        with watching_last_layer(model) as seen, runtime.autocast():
            model(normalise(images.float() / 255, mean, std, runtime))
        parts.append(seen[-1].flatten(1).float().cpu())
    return torch.cat(parts)


@contextlib.contextmanager
def watching_last_layer(model: nn.Module) -> Iterator[list[Tensor]]:
    """A list that holds, after a forward pass inside the block, one tensor: the input of the last layer that ran.

    Found by running, not by name or place: registration order need not be the order of execution, and some
    backbones end in a 1x1 convolution.
    """
    seen: list[Tensor] = []

    def remember(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen[:] = inputs[:1]

    layers = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    hooks = [layer.register_forward_pre_hook(remember) for layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
