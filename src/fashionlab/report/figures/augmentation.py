"""What the network saw of its training pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fashionlab.augment import Augmentation, Draw, Pipeline
from fashionlab.common.runtime import generator
from fashionlab.data import ResidentPictures
from fashionlab.report import style
from fashionlab.report.figures.base import figure
from fashionlab.report.figures.pictures import Cell, mosaic
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.names import short_names, shorten
from fashionlab.report.style import Sheet

COLUMNS = 8


def needs_augmentation(inputs: ReportInputs) -> str | None:
    return None if inputs.results.recipe.augment else "the recipe has no augmentation"


def _caption(inputs: ReportInputs) -> str:
    names = ", ".join(operation.name for operation in inputs.results.recipe.augment)
    return (f"{COLUMNS} pictures of the first batch of training: as they are, after each operation alone ({names}), "
            "and in the last row after the whole pipeline, which is what the network saw in its first step, shown "
            "before brightness is normalised. Operations draw anew in every step; some leave a picture as it is.")


@dataclass(frozen=True)
class Stage:
    """The first batch of training after `name`: images float32 [B, C, H, W] in [0, 1]; targets int64 [B], or float32
    [B, K] where labels mix."""

    name: str
    images: Tensor
    targets: Tensor


def stages(inputs: ReportInputs) -> list[Stage]:
    """The batch as it is, after each operation of the recipe alone, and after all of them together, with the random
    numbers that the trainer drew in its first step (on the CPU; a GPU draws others)."""
    recipe = inputs.results.recipe
    indices, pictures, labels = _first_batch(inputs)
    images = pictures.float() / 255
    together = Pipeline(recipe.augment)

    def after(pipeline: Pipeline, name: str) -> Stage:
        draw = Draw(generator(recipe.seed, "augment", 0, 0), 0, indices)
        return Stage(name, *pipeline(images, labels, draw, len(inputs.classes)))

    alone = [after(Pipeline([operation]), _describe(operation)) for operation in recipe.augment]
    return [Stage("as they are", images, labels), *alone, after(together, "whole pipeline")]


@figure("augmentation", "What the network sees: augmentation", "training", 30, _caption, (needs_augmentation,))
def draw(inputs: ReportInputs) -> Sheet:
    rows = stages(inputs)
    if len(rows) == 3:  # a single operation is the whole pipeline
        del rows[2]
    count = len(rows[0].images)
    note = (f"training split, first {min(COLUMNS, count)} of n = {count:,} pictures in step 1, before normalising "
            f"· run {inputs.results.name}")
    mixes = any(stage.targets.ndim > 1 for stage in rows)
    return mosaic("Augmentation: what the network sees", note, [_cells(stage, inputs.classes) for stage in rows],
                  [stage.name for stage in rows], label_width=1.75, text_lines=1 + mixes)


def _first_batch(inputs: ReportInputs) -> tuple[Tensor, Tensor, Tensor]:
    """The batch that the first process got in step 1: indices int64 [B], pictures uint8 [B, C, H, W], labels [B]."""
    recipe = inputs.results.recipe
    resident = ResidentPictures.from_set(inputs.training_pictures, inputs.split.train, "cpu")
    return next(resident.batches(recipe.batch_size, seed=recipe.seed, epoch=0,
                                 world_size=inputs.results.environment["processes"],
                                 balanced=recipe.data.sampler == "balanced"))


def _cells(stage: Stage, classes: tuple[str, ...]) -> list[Cell]:
    pictures = (stage.images[:COLUMNS].clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return [Cell(picture, _target(target, classes)) for picture, target in zip(pictures, stage.targets, strict=False)]


def _target(target: Tensor, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The class, or the two classes that a mixed picture is to be taken for with their shares."""
    if target.ndim == 0:
        return (short_names(classes, 15)[int(target)],)
    shares = target.numpy()
    top = np.argsort(-shares, kind="stable")[:2]
    return tuple(f"{style.percent(float(shares[label]), 0)} {short_names(classes, 12)[label]}"
                 for label in top if shares[label] > 0.005)


def _describe(operation: Augmentation) -> str:
    """A recipe's operation as a label of a few short lines: what is as it usually is, is left out."""
    fields = operation.model_dump(mode="json", exclude_defaults=True)
    lines = [str(fields.pop("name")), *(shorten(f"{key}: {value}", 24) for key, value in fields.items())]
    return "\n".join(lines[:5])
