"""Transfer learning: which weights learn in which epochs, at which rates, and features computed once.

Every training has phases (`phases`); one without `transfer` in its recipe has a single one in which everything learns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fashionlab.common.runtime import Runtime
from fashionlab.data import ResidentPictures
from fashionlab.models.backbone import Backbone
from fashionlab.models.fused import depthwise_parameters, fused
from fashionlab.recipes import Recipe
from fashionlab.recipes.transfer import TransferSettings
from fashionlab.runs.features import features
from fashionlab.runs.folder import ModelSpec
from fashionlab.runs.predict import BATCH_SIZE


@dataclass(frozen=True)
class Phase:
    """The epochs from `start` on and before `end`: the same weights learn, through one run of the schedule.

    lr_factor: of the optimizer's rates. learning and frozen: all parameters, or none where the model itself knows which
    of its weights learn. fixed: batch-norm layers that use and keep their running statistics.
    """

    start: int
    end: int
    lr_factor: float = 1.0
    learning: tuple[nn.Parameter, ...] = ()
    frozen: tuple[nn.Parameter, ...] = ()
    fixed: tuple[nn.Module, ...] = ()

    def begin(self) -> None:
        """From now on `learning` gets gradients and `frozen` gets none."""
        for parameter in self.learning:
            parameter.requires_grad_(True)
        for parameter in self.frozen:
            parameter.requires_grad_(False)

    def as_trained(self, model: nn.Module) -> nn.Module:
        """The network that computes this phase's gradients: `model`, or its faster twin of the same parameters."""
        norms = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
        return fused(model) if norms and set(norms) <= set(self.fixed) else model

    def fix_statistics(self) -> None:
        """To be called after ``model.train()``, which wakes all layers."""
        for layer in self.fixed:
            layer.eval()


def phases(recipe: Recipe, model: nn.Module) -> list[Phase]:
    """The phases of `recipe`, one after another without a gap: head and fine-tuning, cycles that leave snapshots, or
    everything at once."""
    settings = recipe.transfer
    if settings is None:
        cycle = recipe.epochs // (recipe.snapshots or 1)
        return [Phase(start, start + cycle) for start in range(0, recipe.epochs, cycle)]
    farthest = len(list(model.parameters())) if settings.last_layers is None else settings.last_layers
    head_factor = 1.0 if settings.head_lr is None else settings.head_lr / recipe.optimizer.lr
    switch = settings.head_epochs
    both = [_phase(model, 0, switch, 0, head_factor, settings),
            _phase(model, switch, recipe.epochs, farthest, 1.0, settings)]
    return [phase for phase in both if phase.start < phase.end]


def _phase(model: nn.Module, start: int, end: int, farthest: int, lr_factor: float,
           settings: TransferSettings) -> Phase:
    """The phase in which the layers up to `farthest` layers before the head learn."""
    distances = distances_from_head(model)
    kept = depthwise_parameters(model) if settings.freeze_depthwise else set()
    learning = {parameter for parameter, distance in distances.items() if distance <= farthest} - kept
    norms = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
    fixed = [layer for layer in norms if settings.freeze_batch_norm or learning.isdisjoint(layer.parameters())]
    return Phase(start, end, lr_factor, tuple(p for p in distances if p in learning),
                 tuple(p for p in distances if p not in learning), tuple(fixed))


def distances_from_head(model: nn.Module) -> dict[nn.Parameter, int]:
    """For every parameter the number of layers between it and the network's output: 0 in the head, most in the stem.

    Layers are timm's (`group_matcher`): the stem, every block, the last convolution or normalisation, the head.
    """
    from timm.models import group_parameters  # here because it takes a second; a backbone has imported it already

    network: Any = _network(model)
    layers: Any = group_parameters(network, network.group_matcher(coarse=False), reverse=True)
    last = max(layers.values())
    return {parameter: last - layers[name] for name, parameter in network.named_parameters()}


def lr_scales(recipe: Recipe, model: nn.Module) -> dict[nn.Parameter, float]:
    """What each parameter's learning rate is multiplied with; those not named have 1."""
    if recipe.transfer is None or recipe.transfer.layer_decay == 1:
        return {}
    decay = recipe.transfer.layer_decay
    return {parameter: decay**distance for parameter, distance in distances_from_head(model).items()}


def _network(model: nn.Module) -> nn.Module:
    assert isinstance(model, Backbone), "the recipe was checked: transfer is for backbones"
    return model.network


class HeadOfFeatures(nn.Module):
    """The end of a backbone as a network of its own: pooled features [B, D] -> logits [B, K], dropout included."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.network: Any = _network(model)

    def forward(self, pooled: Tensor) -> Tensor:
        return self.network.forward_head(pooled[:, :, None, None])  # pooling one value changes nothing


@dataclass(frozen=True)
class FeatureCache:
    """What a frozen backbone makes of the training and the validation pictures, each seen once, on the device.

    train, validation: float32 [N, D], in the order of the pictures. labels: of the validation pictures.
    seconds: what the training pictures took.
    """

    head: HeadOfFeatures
    train: Tensor
    validation: Tensor
    labels: Tensor
    runtime: Runtime
    seconds: float

    @torch.inference_mode()
    def validation_logits(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """As `predict_logits` of the validation pictures at `positions`."""
        self.head.eval()
        positions = positions.to(self.runtime.device)
        with self.runtime.autocast():
            logits = self.head(self.validation[positions])
        return logits.float().cpu(), self.labels[positions].cpu()


def cache_features(model: nn.Module, train: ResidentPictures, validation: ResidentPictures, spec: ModelSpec,
                   runtime: Runtime, stop: Callable[[], bool]) -> FeatureCache | None:
    """The cache, or None when `stop` said so meanwhile."""
    start = time.perf_counter()
    train_features = _features(model, train, spec, runtime, stop)
    seconds = time.perf_counter() - start
    validation_features = None if train_features is None else _features(model, validation, spec, runtime, stop)
    if train_features is None or validation_features is None:
        return None
    return FeatureCache(HeadOfFeatures(model), train_features, validation_features, validation.labels, runtime, seconds)


def _features(model: nn.Module, pictures: ResidentPictures, spec: ModelSpec, runtime: Runtime,
              stop: Callable[[], bool]) -> Tensor | None:
    parts = []
    for positions in torch.arange(len(pictures)).split(BATCH_SIZE):
        if stop():
            return None
        parts.append(features(model, pictures, spec, runtime, positions).to(runtime.device))
    return torch.cat(parts)
