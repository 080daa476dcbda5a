"""Averages of the weights along the way, and fresh batch-norm statistics for them.

``update(model, step)`` comes after every optimizer step; `step` counts the steps made, so the first call says 1.
`averaged_weights()` is a state dict for the model (the live tensors: do not change them), or None where there is no
average (yet). Parameters are averaged; buffers of EMA and SWA are the model's latest, so batch-norm statistics have to
be refreshed before the weights are used. `lr_factor(step)` is a factor of the base learning rate that goes before the
schedule's, or None. The model is always the bare one, not wrapped for DistributedDataParallel.
"""

# torch._foreach_* are used as torch.optim uses them; pyright takes the underscore for private.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn

from fashionlab.common.errors import UsageError
from fashionlab.common.runtime import Runtime, generator
from fashionlab.data import ResidentPictures
from fashionlab.recipes import Recipe
from fashionlab.recipes.averaging import AveragingSettings, Ema, Lookahead, Swa
from fashionlab.runs.folder import ModelSpec
from fashionlab.runs.predict import normalise, statistics
from fashionlab.training.parts import Part

if TYPE_CHECKING:
    from fashionlab.training.trainer import Trainer

# Pictures that renew the batch-norm statistics of averaged weights.
REFRESH_PICTURES = 10_000


class Averaging(Protocol):
    """What the loop and the checkpoints use."""

    def update(self, model: nn.Module, step: int) -> None: ...
    def finish(self, model: nn.Module) -> None: ...
    def averaged_weights(self) -> dict[str, Tensor] | None: ...
    def lr_factor(self, step: int) -> float | None: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


def build_averaging(
    settings: AveragingSettings | None, model: nn.Module, total_steps: int, steps_per_epoch: int
) -> Averaging:
    """The average that the recipe asks for. Raises UsageError when SWA would begin after the last epoch."""
    match settings:
        case None:
            return NoAveraging()
        case Ema():
            return _ema(settings, model)
        case Swa():
            return _swa(settings, model, total_steps, steps_per_epoch)
        case Lookahead():
            return LookaheadAveraging(settings, model, total_steps)


class NoAveraging:
    """The last weights are the weights."""

    def update(self, model: nn.Module, step: int) -> None:
        pass

    def finish(self, model: nn.Module) -> None:
        pass

    def averaged_weights(self) -> dict[str, Tensor] | None:
        return None

    def lr_factor(self, step: int) -> float | None:
        return None

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class WeightAverage:
    """A copy of the model's state whose parameters move by a function of torch.optim.swa_utils.

    due: whether to move after so many steps. function: the swa_utils function after so many moves (the first copies).
    constant_lr: a factor of the base learning rate and the number of steps after which it holds.
    """

    def __init__(self, model: nn.Module, due: Callable[[int], bool], function: Callable[[int], Any],
                 constant_lr: tuple[float, int] | None = None) -> None:
        self.parameter_names = {name for name, _ in model.named_parameters(remove_duplicate=False)}
        self.weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.count = 0
        self._due = due
        self._function = function
        self._constant_lr = constant_lr

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        if not self._due(step):
            return
        current = model.state_dict()
        names = [name for name in current if name in self.parameter_names] if self.count else []
        if names:
            average = self._function(self.count)
            average([self.weights[name] for name in names], [current[name] for name in names], self.count)
        for name in current.keys() - set(names):
            self.weights[name].copy_(current[name])
        self.count += 1

    def finish(self, model: nn.Module) -> None:
        """Nothing to do: the model keeps its last weights."""

    def averaged_weights(self) -> dict[str, Tensor] | None:
        return self.weights if self.count else None

    def lr_factor(self, step: int) -> float | None:
        return self._constant_lr[0] if self._constant_lr and step >= self._constant_lr[1] else None

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]
        for name, tensor in self.weights.items():
            tensor.copy_(state["weights"][name])


def _ema(settings: Ema, model: nn.Module) -> WeightAverage:
    def function(count: int) -> Any:
        warm = (1 + count) / (10 + count)
        return get_ema_multi_avg_fn(min(settings.decay, warm) if settings.decay_warmup else settings.decay)

    return WeightAverage(model, lambda step: step % settings.every == 0, function)


def _swa(settings: Swa, model: nn.Module, total_steps: int, steps_per_epoch: int) -> WeightAverage:
    epochs, start = total_steps // steps_per_epoch, settings.start_epoch
    if start >= epochs:
        raise UsageError(f"averaging.start_epoch is {start}, but training has {epochs} epochs: nothing to average")
    return WeightAverage(
        model,
        due=lambda step: step % steps_per_epoch == 0 and step // steps_per_epoch > start,
        function=lambda count: get_swa_multi_avg_fn(),
        constant_lr=(settings.lr_factor, start * steps_per_epoch) if settings.lr_factor else None,
    )


class LookaheadAveraging:
    """Slow weights, copied back into the model whenever they move and at the end (Zhang et al. 2019, as in airbench94).

    Parameters and floating-point buffers take part, so the model's batch-norm statistics fit its weights.
    """

    def __init__(self, settings: Lookahead, model: nn.Module, total_steps: int) -> None:
        self.settings = settings
        self.total_steps = total_steps
        self.slow = {name: tensor.clone() for name, tensor in self._moving(model).items()}

    @staticmethod
    def _moving(model: nn.Module) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        if step % self.settings.every == 0:
            decay = self.settings.decay**self.settings.every * (step / self.total_steps) ** 3
            fast = list(self._moving(model).values())
            slow = list(self.slow.values())
            torch._foreach_lerp_(slow, fast, 1 - decay)
            torch._foreach_copy_(fast, slow)

    @torch.no_grad()
    def finish(self, model: nn.Module) -> None:
        torch._foreach_copy_(list(self._moving(model).values()), list(self.slow.values()))

    def averaged_weights(self) -> dict[str, Tensor] | None:
        """None: the model itself holds the slow weights."""
        return None

    def lr_factor(self, step: int) -> float | None:
        return None

    def state_dict(self) -> dict[str, Any]:
        return {"slow": self.slow}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, tensor in self.slow.items():
            tensor.copy_(state["slow"][name])


class AveragedWeights(Part):
    """The average's state in checkpoints, and its weights in the run's folder once training ends."""

    def __init__(self, averaging: Averaging) -> None:
        self._averaging = averaging

    def finish(self, trainer: Trainer) -> None:
        """Write the averaged weights, their batch-norm statistics renewed. The model itself goes on unaveraged."""
        start = time.perf_counter()
        batches = refresh_batches(trainer.train, trainer.recipe, trainer.spec, trainer.runtime)
        with trainer.runtime.autocast():
            weights = final_weights(self._averaging, trainer.model, batches, trainer.phase_of_last_step().fixed)
        trainer.output.weights("averaged", weights)
        trainer.position.overhead_seconds += time.perf_counter() - start

    def state_dict(self) -> dict[str, Any]:
        return self._averaging.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._averaging.load_state_dict(state)


def final_weights(averaging: Averaging, model: nn.Module, batches: Iterable[Tensor],
                  fixed: Collection[nn.Module] = ()) -> dict[str, Tensor]:
    """The state dict that an averaging training ends with, its batch-norm statistics measured on `batches` where the
    average has none of its own and the layer is not `fixed`. `model` is left as it was."""
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    averaging.finish(model)
    averaged = averaging.averaged_weights()
    if averaged is not None:
        model.load_state_dict(averaged)
        refresh_batch_norm(model, batches, fixed)
    final = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(own)
    return final


def refresh_batches(train: ResidentPictures, recipe: Recipe, spec: ModelSpec, runtime: Runtime) -> Iterator[Tensor]:
    """What `refresh_batch_norm` measures on: training pictures drawn by the seed, normalised, not augmented."""
    mean, std = statistics(spec, runtime.device)
    order = torch.randperm(len(train), generator=generator(recipe.seed, "refresh"))[:REFRESH_PICTURES]
    return (normalise(train.take(part)[1].float() / 255, mean, std, runtime) for part in order.split(recipe.batch_size))


@torch.no_grad()
def refresh_batch_norm(model: nn.Module, batches: Iterable[Tensor], fixed: Collection[nn.Module] = ()) -> None:
    """Measure batch-norm statistics anew: every batch of pictures [N, C, H, W] weighs the same, as swa_utils.update_bn.

    Only the batch-norm layers are in training mode meanwhile: without dropout and other chance the result is a function
    of the weights and the batches. The layers in `fixed` keep their statistics. A model without others is left alone
    and no batch is read.
    Raises ValueError when there are no batches.
    """
    layers = [layer for layer in model.modules()
              if isinstance(layer, _BatchNorm) and layer.track_running_stats and layer not in fixed]
    if not layers:
        return
    modes = {module: module.training for module in model.modules()}
    momenta = {layer: layer.momentum for layer in layers}
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the cumulative mean
        layer.train()
    seen = 0
    try:
        for images in batches:
            model(images)
            seen += 1
    finally:
        for module, training in modes.items():
            module.training = training
        for layer in layers:
            layer.momentum = momenta[layer]
    if not seen:
        raise ValueError("no batches to measure batch-norm statistics on")
