"""What every augmentation is: a validated, frozen description that draws parameters and applies them to a batch.

Drawing and applying are apart: ``op.sample(shape, draw)`` gives one row of parameters for every picture, and
``op.apply(images, parameters)`` is a pure function of them. So a test, a preview or a debugger can replay what
happened to one picture: ``op.apply(images[i : i + 1], {key: value[i : i + 1] for key, value in parameters.items()})``.

To add one: a class in any module of this package, `@AUGMENTATIONS.register("its_name")`, with `description`, `source`
and an `example`; the contract tests find it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from torch import Tensor

from fashionlab.augment.geometry import Mode, move, warp
from fashionlab.common.registry import Registry

Parameters = dict[str, Tensor]
"""What was drawn: every tensor has one row a picture."""


@dataclass(frozen=True)
class Draw:
    """Where a batch's randomness comes from.

    generator: on the pictures' device. epoch: counted from 0. indices: int64 [B], the pictures' places in the data
    set, on the pictures' device; only the alternating flip asks for epoch and indices.
    """

    generator: torch.Generator
    epoch: int = 0
    indices: Tensor | None = None

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """float32 of `shape`, uniform in [low, high)."""
        drawn = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return drawn.mul_(high - low).add_(low)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """int64 of `shape`, uniform in [low, high], both ends included."""
        return torch.randint(low, high + 1, shape, generator=self.generator, device=self.generator.device)

    def normal(self, *shape: int) -> Tensor:
        """float32 of `shape`, standard normal."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def chance(self, probability: float, n: int) -> Tensor:
        """bool [n], each True with `probability`."""
        return torch.rand(n, generator=self.generator, device=self.generator.device) < probability

    def permutation(self, n: int) -> Tensor:
        """int64 [n]: 0 to n-1 in random order."""
        return torch.randperm(n, generator=self.generator, device=self.generator.device)

    def beta(self, alpha: float, n: int) -> Tensor:
        """float32 [n] from Beta(alpha, alpha)."""
        # torch.distributions takes no generator; it calls this same function. In logarithms because for a small alpha
        # both gamma variables can be too small for any float, and 0/0 would follow: Gamma(a) = Gamma(a + 1) U^(1/a).
        device = self.generator.device
        shape = torch.full((2, n), alpha + 1, dtype=torch.float64, device=device)
        gamma = torch._standard_gamma(shape, generator=self.generator)  # pyright: ignore[reportPrivateImportUsage]
        uniform = torch.rand((2, n), dtype=torch.float64, generator=self.generator, device=device)
        first, second = gamma.log() + uniform.log() / alpha
        return (first - second).sigmoid().float()


class Augmentation(BaseModel, ABC):
    """Base of all. `probability` is each picture's own chance to be changed at all."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ClassVar[str]
    """Set by the registry."""
    lengths: ClassVar[tuple[str, ...]] = ()
    """The fields that count pixels: they grow with the pictures."""
    kind: ClassVar[Literal["geometric", "pixel", "policy", "mixing"]]
    description: ClassVar[str]
    """One line for `fashionlab list augmentations`."""
    source: ClassVar[str]
    """Where the method comes from."""
    example: ClassVar[dict[str, Any]] = {}
    """Fields under which its effect is seen; for tests and previews."""

    probability: float = Field(default=1.0, ge=0, le=1)

    @model_serializer(mode="wrap")
    def _with_name(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What `pipeline.parse` reads: the name and every field."""
        return {"name": self.name, **dump(self)}

    @abstractmethod
    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        """Parameters for pictures of `shape` [B, C, H, W], as if all of them were to be changed."""

    def sample(self, shape: torch.Size, draw: Draw) -> Parameters:
        """Parameters for pictures of `shape` [B, C, H, W]; `chosen` (bool [B]) says which are changed at all."""
        parameters = self.draw_parameters(shape, draw)
        if self.probability < 1:
            parameters["chosen"] = draw.chance(self.probability, shape[0])
        return parameters


class _Augmentations(Registry[type[Augmentation]]):
    """A registry whose classes know the name they are registered under, so that their settings can be written out."""

    def add(self, name: str, entry: type[Augmentation]) -> type[Augmentation]:
        entry.name = name
        return super().add(name, entry)


AUGMENTATIONS = _Augmentations("augmentation", "fashionlab.augment")


class Geometric(Augmentation):
    """Moves pixels: one 3x3 matrix a picture, so that neighbours in a pipeline compose into one resampling.

    A matrix maps a place in the new picture to the place in the old one that it shows, in pixels from the picture's
    centre, x to the right and y down: [x, y, 1]. An operation that can show what lies outside has a field `mode`.
    """

    kind = "geometric"
    projective: ClassVar[bool] = False
    """Whether the matrices' last row may differ from [0, 0, 1]."""

    @property
    def outside(self) -> Mode | None:
        """What lies outside the picture; None where the operation never looks there."""
        return getattr(self, "mode", None)

    @abstractmethod
    def to_matrices(self, parameters: Parameters, shape: torch.Size) -> Tensor:
        """float32 [B, 3, 3], as if all pictures were to be changed."""

    def matrices(self, parameters: Parameters, shape: torch.Size) -> Tensor:
        """float32 [B, 3, 3]; the identity for the pictures that were not chosen."""
        matrices = self.to_matrices(parameters, shape)
        if "chosen" in parameters:
            same = torch.eye(3, device=matrices.device)
            matrices = torch.where(parameters["chosen"][:, None, None], matrices, same)
        return matrices

    def apply(self, images: Tensor, parameters: Parameters) -> Tensor:
        """New pictures, resampled (bilinear)."""
        return warp(images, self.matrices(parameters, images.shape), self.outside or "zeros", self.projective)


class WholePixels(Geometric):
    """Geometry of whole pixels only: flips and shifts. Alone with its like it needs no interpolation and is exact.

    Parameters: some of `mirror` (bool [B]), `dx` and `dy` (int64 [B]): the new picture at [x, y] shows the old one at
    [x + dx, y + dy], with x mirrored first where `mirror` is set.
    """

    @property
    @abstractmethod
    def reach(self) -> int:
        """The largest shift in pixels."""

    def sample(self, shape: torch.Size, draw: Draw) -> Parameters:
        parameters = super().sample(shape, draw)
        if "chosen" in parameters:
            chosen = parameters.pop("chosen")
            parameters = {name: value * chosen for name, value in parameters.items()}
        return parameters

    def to_matrices(self, parameters: Parameters, shape: torch.Size) -> Tensor:
        device = next(iter(parameters.values())).device
        matrices = torch.eye(3, device=device).repeat(shape[0], 1, 1)
        if "mirror" in parameters:
            matrices[:, 0, 0] -= 2 * parameters["mirror"].float()
        if "dx" in parameters:
            matrices[:, 0, 2] = parameters["dx"].float()
            matrices[:, 1, 2] = parameters["dy"].float()
        return matrices

    def apply(self, images: Tensor, parameters: Parameters) -> Tensor:
        """New pictures, exact: every pixel is a copy of one."""
        mirror, dx, dy = (parameters.get(name) for name in ("mirror", "dx", "dy"))
        return move(images, mirror, dx, dy, self.reach, self.outside or "zeros")


class Pixel(Augmentation):
    """Changes brightness values where they are."""

    kind = "pixel"

    @abstractmethod
    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        """New pictures [B, C, H, W], all of them changed; `images` is left as it is."""

    def apply(self, images: Tensor, parameters: Parameters) -> Tensor:
        """New pictures; those that were not chosen are copies."""
        changed = self.change(images, parameters)
        if "chosen" in parameters:
            return torch.where(column(parameters["chosen"]), changed, images)
        return changed


class Mixing(Augmentation):
    """Mixes each picture with another of the batch, and their targets alike.

    The parameter `partner` (int64 [B]) is the other's place in the batch.
    """

    kind = "mixing"

    @abstractmethod
    def apply(self, images: Tensor, targets: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """New pictures [B, C, H, W] and new targets float32 [B, K], each row summing to what it summed to before."""


def column(values: Tensor) -> Tensor:
    """[B] as [B, 1, 1, 1], to meet pictures."""
    return values.view(-1, 1, 1, 1)
