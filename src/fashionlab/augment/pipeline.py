"""From a recipe's list of operations to a function of batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import BeforeValidator, SerializeAsAny, ValidationError
from torch import Tensor

from fashionlab.augment.base import AUGMENTATIONS, Augmentation, Draw, Geometric, Mixing, Parameters, Pixel, WholePixels
from fashionlab.augment.geometry import Mode, compose, move, warp
from fashionlab.common.errors import UsageError, unknown


def parse(operation: dict[str, Any] | Augmentation) -> Augmentation:
    """One operation from its `name` and its fields; one that is parsed already is given back.

    Raises UsageError for a missing or unknown name (with the nearest one), an unknown field, or a value out of range.
    """
    if isinstance(operation, Augmentation):
        return operation
    fields = dict(operation) if isinstance(operation, dict) else {}
    name = fields.pop("name", None)
    if not isinstance(name, str):
        raise UsageError(f"an augmentation needs a name, e.g. {{name: flip}}; got {operation!r}")
    cls = AUGMENTATIONS[name]
    for field in fields:
        if field not in cls.model_fields:
            raise unknown(f"field of augmentation {name!r}:", str(field), cls.model_fields)
    try:
        return cls(**fields)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc'])) or 'fields'}: {one['msg']}" for one in error.errors())
        raise UsageError(f"augmentation {name!r}: {'; '.join(problems)}; got {fields!r}") from error


AugmentationSettings = Annotated[SerializeAsAny[Augmentation], BeforeValidator(parse)]
"""A field that holds any registered augmentation: read from a mapping with its `name`, written with every field."""


def build(operations: Sequence[dict[str, Any] | Augmentation]) -> Pipeline:
    """The pipeline of a recipe's `augment` list. Raises UsageError as `parse` does."""
    return Pipeline([parse(operation) for operation in operations])


class Pipeline:
    """Operations in order, as one function of a batch.

    Consecutive geometry becomes one matrix a picture and one resampling (so that a crop cannot lose what a later
    rotation would have brought back), as long as the operations agree on what lies outside the picture; one with
    another `mode` starts a new resampling. Geometry of flips and whole-pixel shifts only is copied exactly.
    """

    def __init__(self, operations: Sequence[Augmentation]) -> None:
        self.operations = tuple(operations)
        self.mixes = any(isinstance(operation, Mixing) for operation in operations)
        self._stages = _stages(self.operations)

    def __call__(self, images: Tensor, labels: Tensor, draw: Draw, num_classes: int) -> tuple[Tensor, Tensor]:
        """New pictures and their targets; the arguments are left as they are.

        images: float32 [B, C, H, W] in [0, 1], in either memory format, which is kept. labels: int64 [B].
        Targets: `labels` itself when nothing mixes, else float32 [B, num_classes] whose rows sum to 1.
        """
        channels_last = not images.is_contiguous() and images.is_contiguous(memory_format=torch.channels_last)
        targets = F.one_hot(labels, num_classes).float() if self.mixes else labels
        for stage in self._stages:
            if isinstance(stage, Resampling):
                images = stage(images, draw)
            else:
                parameters = stage.sample(images.shape, draw)
                if isinstance(stage, Mixing):
                    images, targets = stage.apply(images, targets, parameters)
                else:
                    images = stage.apply(images, parameters)
        return images.contiguous(memory_format=torch.channels_last) if channels_last else images, targets


class Resampling:
    """Several geometric operations as one."""

    def __init__(self, operations: Sequence[Geometric]) -> None:
        self.operations = tuple(operations)
        modes: list[Mode] = [one.outside for one in operations if one.outside]
        self._mode: Mode = modes[0] if modes else "zeros"
        self._projective = any(one.projective for one in operations)
        whole = [one for one in operations if isinstance(one, WholePixels)]
        self._exact = len(whole) == len(operations)
        self._reach = sum(one.reach for one in whole)

    def __call__(self, images: Tensor, draw: Draw) -> Tensor:
        parameters = [operation.sample(images.shape, draw) for operation in self.operations]
        if self._exact:
            mirror, dx, dy = reduce(_then, ((one.get("mirror"), one.get("dx"), one.get("dy")) for one in parameters))
            return move(images, mirror, dx, dy, self._reach, self._mode)
        return warp(images, self.matrices(parameters, images.shape), self._mode, self._projective)

    def matrices(self, parameters: Sequence[Parameters], shape: torch.Size) -> Tensor:
        """[B, 3, 3]: the product of the operations' matrices."""
        return compose([one.matrices(drawn, shape) for one, drawn in zip(self.operations, parameters, strict=True)])


Move = tuple[Tensor | None, Tensor | None, Tensor | None]


def _then(first: Move, second: Move) -> Move:
    """Two exact moves (mirror, dx, dy) as one: what the matrix product is, in whole numbers."""
    mirror, dx, dy = first
    next_mirror, next_dx, next_dy = second
    if next_dx is not None and next_dy is not None:
        if mirror is not None:
            next_dx = torch.where(mirror, -next_dx, next_dx)
        dx, dy = (next_dx, next_dy) if dx is None or dy is None else (dx + next_dx, dy + next_dy)
    if next_mirror is not None:
        mirror = next_mirror if mirror is None else mirror ^ next_mirror
    return mirror, dx, dy


def _stages(operations: Sequence[Augmentation]) -> list[Resampling | Pixel | Mixing]:
    stages: list[Resampling | Pixel | Mixing] = []
    group: list[Geometric] = []
    for operation in operations:
        if isinstance(operation, Geometric):
            modes = {one.outside for one in (*group, operation)} - {None}
            if len(modes) > 1:
                stages.append(Resampling(group))
                group = []
            group.append(operation)
            continue
        if group:
            stages.append(Resampling(group))
            group = []
        assert isinstance(operation, Pixel | Mixing)
        stages.append(operation)
    return [*stages, Resampling(group)] if group else stages
