"""The registry of networks: cards, building by name with checked arguments, and what is counted about a network."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from fashionlab.common.errors import UsageError, unknown
from fashionlab.common.registry import Registry

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]  # the probability of dropping something
Positive = Annotated[float, Field(gt=0)]

_GIVEN_BY_THE_DATA = ("classes", "channels", "image_size")


@dataclass(frozen=True)
class Card:
    """What is known about a network.

    parameters: of the network built with default arguments for 10 classes and pictures of shape `input` (C, H, W).
    macs: multiply-accumulates of one such picture's forward pass in convolutions, linear layers and attention;
    normalisation, activation and pooling are not counted. smallest: the smallest height and width it takes by default.
    width: the argument that sets the numbers of its channels, where it is a chain that `pruning` can narrow.
    weakness: why it cannot learn even a few pictures by heart, for a published network that cannot; else empty.
    """

    description: str
    source: str
    parameters: int
    macs: int
    input: tuple[int, int, int] = (1, 28, 28)
    smallest: int = 1
    width: str = ""
    weakness: str = ""


@dataclass(frozen=True)
class ModelEntry:
    """A registered network: `build` takes classes, channels, image_size and the network's own arguments by keyword."""

    name: str
    build: Callable[..., nn.Module]
    card: Card

    @functools.cached_property
    def arguments(self) -> type[BaseModel]:
        """The network's own arguments with their types and defaults, as a pydantic class."""
        hints = get_type_hints(self.build, include_extras=True)
        fields: dict[str, Any] = {
            key: (hints[key], parameter.default)
            for key, parameter in inspect.signature(self.build).parameters.items()
            if key not in _GIVEN_BY_THE_DATA
        }
        config = ConfigDict(extra="forbid", validate_default=True)
        return create_model(f"arguments of {self.name}", __config__=config, **fields)


MODELS: Registry[ModelEntry] = Registry("model", "fashionlab.models")


def register(name: str, card: Card) -> Callable[[Callable[..., nn.Module]], Callable[..., nn.Module]]:
    """Decorator that registers a builder: keyword-only, all but classes, channels and image_size with a default."""

    def add(builder: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
        MODELS.add(name, ModelEntry(name, builder, card))
        return builder

    return add


def argument_names(name: str) -> list[str]:
    """The arguments that network `name` takes besides classes, channels and image_size."""
    return list(MODELS[name].arguments.model_fields)


def check_arguments(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """`arguments` with defaults filled in and values converted (a list to a tuple, say).

    Raises UsageError for an unknown network, an unknown argument or a value of the wrong type or out of range.
    """
    schema = MODELS[name].arguments
    for key in arguments:
        if key not in schema.model_fields:
            raise unknown(f"argument of model {name!r}:", str(key), schema.model_fields)
    try:
        return dict(schema(**arguments))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UsageError(f"model {name!r}, argument {key} = {first['input']!r}: {first['msg']}") from error


def resolve(model: dict[str, Any]) -> dict[str, Any]:
    """A network's `name` and its arguments, as the key `model` of a recipe, with every argument written out.

    Raises UsageError for a mapping without a name, else as `check_arguments`.
    """
    name = model.get("name")
    if not isinstance(name, str):
        raise UsageError(f"a model needs a name, e.g. {{name: logistic}}; got {model!r}")
    return {"name": name, **check_arguments(name, {key: value for key, value in model.items() if key != "name"})}


def build(name: str, *, classes: int, channels: int, image_size: int, **arguments: Any) -> nn.Module:
    """The network called `name`, in training mode, with random weights from torch's global generator.

    classes: number of logits. channels: 1 or 3. image_size: height and width of the pictures, which are square.
    The network refuses pictures of another shape with UsageError.

    Raises UsageError for an unknown name or argument, a bad value, or pictures too small for the network;
    DataError for weights that cannot be had or do not fit.
    """
    entry = MODELS[name]
    checked = check_arguments(name, arguments)
    if channels not in (1, 3):
        raise UsageError(f"model {name!r}: pictures with {channels} channels, expected 1 or 3")
    if classes < 2:
        raise UsageError(f"model {name!r}: {classes} classes, expected at least 2")
    if image_size < entry.card.smallest:
        raise UsageError(f"model {name!r}: image_size {image_size}, expected {entry.card.smallest} or more")
    model = entry.build(classes=classes, channels=channels, image_size=image_size, **checked)
    model.register_forward_pre_hook(functools.partial(_check_input, name, (channels, image_size, image_size)))
    return model


def _check_input(name: str, expected: tuple[int, int, int], _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    shape = tuple(inputs[0].shape)
    if len(shape) != 4 or shape[1:] != expected:
        raise UsageError(f"model {name!r} was built for pictures [B, {', '.join(map(str, expected))}], "
                         f"not [{', '.join(map(str, shape))}]")


def count_parameters(model: nn.Module) -> int:
    """The number of weights, frozen ones included; running statistics are not weights."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_macs(model: nn.Module, shape: tuple[int, int, int]) -> int:
    """Multiply-accumulates of one picture of `shape` (C, H, W) through convolutions, linear layers and attention."""
    picture = torch.zeros(1, *shape, device=next(model.parameters()).device)
    was_training = model.training
    model.eval()
    # The plain attention kernel is asked for because the counter does not know every fused one.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(picture)
    model.train(was_training)
    return counter.get_total_flops() // 2
