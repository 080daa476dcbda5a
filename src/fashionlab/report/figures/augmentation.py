"""What the network saw of its training pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Sheet
from torch import Tensor

from fashionlab.augment import Draw, Pipeline, build
from fashionlab.data import ResidentPictures
from fashionlab.report import style
from fashionlab.report.figures.base import figure
from fashionlab.report.figures.pictures import Cell, mosaic
from fashionlab.report.inputs import ReportInputs
from fashionlab.runtime import generator

COLUMNS = 8


def needs_augmentation(inputs: ReportInputs) -> str | None:
    return None if inputs.results.recipe.augment else "the recipe has no augmentation"


def _caption(inputs: ReportInputs) -> str:
    names = ", ".join(str(operation["name"]) for operation in inputs.results.recipe.augment)
    return (f"{COLUMNS} pictures of the first batch of training: as they are, after each operation alone ({names}), "
            "and in the last row after the whole pipeline, which is what the network saw in its first step, shown "
            "before brightness is normalised. Operations draw anew in every step; some leave a picture as it is.")


@figure("augmentation", "What the network sees: augmentation", "training", 30, _caption, (needs_augmentation,))
def draw(inputs: ReportInputs) -> Sheet:
    recipe = inputs.results.recipe
    indices, pictures, labels = _first_batch(inputs)
    images = pictures.float() / 255
    together = build(recipe.augment)
    rows, names = [_cells(images, labels, inputs.classes)], ["as they are"]
    for operation, fields in zip(together.operations, recipe.augment, strict=True):
        if len(recipe.augment) > 1:
            rows.append(_cells(*_apply(Pipeline([operation]), inputs, images, labels, indices), inputs.classes))
            names.append(_describe(fields))
    rows.append(_cells(*_apply(together, inputs, images, labels, indices), inputs.classes))
    names.append("whole pipeline" if len(recipe.augment) > 1 else _describe(recipe.augment[0]))
    return mosaic("Augmentation: what the network sees",
                  f"training split, first {len(rows[0])} of n = {len(images):,} pictures in step 1, before normalising "
                  f"· run {inputs.results.name}", rows, names, label_width=1.75, text_lines=1 + together.mixes)


def _first_batch(inputs: ReportInputs) -> tuple[Tensor, Tensor, Tensor]:
    """The batch that the first process got in step 1: indices int64 [B], pictures uint8 [B, C, H, W], labels [B]."""
    recipe = inputs.results.recipe
    resident = ResidentPictures.from_set(inputs.training_pictures, inputs.split.train, "cpu")
    return next(resident.batches(recipe.batch_size, seed=recipe.seed, epoch=0,
                                 world_size=inputs.results.environment["processes"]))


def _apply(pipeline: Pipeline, inputs: ReportInputs, images: Tensor, labels: Tensor,
           indices: Tensor) -> tuple[Tensor, Tensor]:
    """With the random numbers of the trainer's first step (on the CPU; a GPU draws others)."""
    draw = Draw(generator(inputs.results.recipe.seed, "augment", 0, 0), 0, indices)
    return pipeline(images, labels, draw, len(inputs.classes))


def _cells(images: Tensor, targets: Tensor, classes: tuple[str, ...]) -> list[Cell]:
    pictures = (images[:COLUMNS].clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return [Cell(picture, _target(target, classes)) for picture, target in zip(pictures, targets, strict=False)]


def _target(target: Tensor, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The class, or the two classes that a mixed picture is to be taken for with their shares."""
    if target.ndim == 0:
        return (style.shorten(classes[int(target)], 15),)
    shares = target.numpy()
    top = np.argsort(-shares, kind="stable")[:2]
    return tuple(f"{style.percent(float(shares[label]), 0)} {style.shorten(classes[label], 12)}"
                 for label in top if shares[label] > 0.005)


def _describe(fields: dict[str, Any]) -> str:
    """A recipe's operation as a label of a few short lines."""
    lines = [str(fields["name"])]
    lines += [style.shorten(f"{key}: {value}", 24) for key, value in fields.items() if key != "name"]
    return "\n".join(lines[:5])
