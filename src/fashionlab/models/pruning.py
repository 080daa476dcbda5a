"""Structured pruning: the same network with fewer channels, which keeps the weights of the most important ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fashionlab.common.errors import UsageError

# Modules that leave channels as they are; Flatten turns each into as many features as it has pixels.
_PLAIN = (nn.ReLU, nn.GELU, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Dropout, nn.Flatten)


@dataclass(frozen=True)
class Link:
    """A convolution or linear layer that reads what the link before it gives. layer, norm: names of modules. like: the
    index of an earlier link whose channels this one's are added to, so that both must keep the same."""

    layer: str
    norm: str | None = None
    like: int | None = None


def shrink(network: nn.Module, small: nn.Module, name: str) -> dict[str, Tensor]:
    """The state for `small`, a network of the same kind (a model called `name`) that is nowhere wider than `network`.

    The channels of every layer are kept by importance, the largest first: the sum of the absolute weights that read
    the channel (Li et al. 2017, arXiv:1608.08710, who take those that make it), times the scale at which it is made:
    that of its batch norm (Liu et al. 2017, arXiv:1708.06519), or where there is none its filter's absolute sum. So
    importance does not change where a channel is made twice as large and read half as strongly.

    Raises UsageError when the two differ in more than widths, or are no chain of layers.
    """
    links = _links(network, name)
    if len(links) != len(_links(small, name)):
        raise _differs(name)
    own, target = dict(network.named_modules()), dict(small.named_modules())
    state = dict(small.state_dict())
    for key, value in network.state_dict().items():
        if key in state and state[key].shape == value.shape:
            state[key] = value.clone()
    weights = [_weight(own[link.layer]) for link in links]
    kept: list[Tensor] = []
    for index, link in enumerate(links):
        wanted = _weight(target[link.layer]).shape
        reads = kept[-1] if kept else torch.arange(weights[0].shape[1])
        inputs = _expanded(reads, len(weights[index - 1]) if kept else weights[0].shape[1], weights[index].shape[1])
        if wanted[0] > len(weights[index]) or wanted[1] != len(inputs) or wanted[2:] != weights[index].shape[2:]:
            raise _differs(name)
        if link.like is not None:
            rows = kept[link.like]
        elif index + 1 == len(links):
            rows = torch.arange(len(weights[index]))
        else:
            rows = _most(_importance(link, own, weights[index], weights[index + 1]), wanted[0])
        kept.append(rows)
        state[f"{link.layer}.weight"] = weights[index][rows][:, inputs].clone()
        for module in filter(None, (link.layer, link.norm)):
            state |= {f"{module}.{key}": value[rows].clone() for key, value in own[module].state_dict().items()
                      if value.dim() == 1}
    return state


def _links(network: nn.Module, name: str) -> Sequence[Link]:
    if hasattr(network, "links"):
        return network.links()  # type: ignore[operator]
    links: list[Link] = []
    for key, module in network.named_children():
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1):
            links.append(Link(key))
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and links:
            links[-1] = Link(links[-1].layer, key)
        elif not isinstance(module, _PLAIN):
            links.clear()
            break
    if not isinstance(network, nn.Sequential) or len(links) < 2:
        raise UsageError(f"model {name!r} cannot be pruned: it is no plain chain of convolutions and linear layers")
    return links


def _weight(module: nn.Module) -> Tensor:
    return module.weight.detach()  # type: ignore[return-value, operator]


def _expanded(channels: Tensor, of: int, features: int) -> Tensor:
    """The inputs that come from `channels` of `of`, where each of them gives features / of inputs."""
    area = features // of
    return (channels[:, None] * area + torch.arange(area)).flatten()


def _importance(link: Link, modules: dict[str, nn.Module], makes: Tensor, reads: Tensor) -> Tensor:
    scale = makes.flatten(1).abs().sum(1) if link.norm is None else _weight(modules[link.norm]).abs()
    return scale * reads.reshape(len(reads), len(makes), -1).abs().sum((0, 2))


def _most(importance: Tensor, n: int) -> Tensor:
    """Indices of the n largest, in order; of equal ones the first."""
    return torch.argsort(importance, descending=True, stable=True)[:n].sort().values


def _differs(name: str) -> UsageError:
    return UsageError(f"model {name!r}: the network to start from may differ in being wider, in nothing else")
