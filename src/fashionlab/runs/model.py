"""The network of a run, built again with the weights that the run ended with."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fashionlab import models
from fashionlab.runs.folder import ModelSpec, RunFolder
from fashionlab.runs.pictures import load_recipe
from fashionlab.runs.weights import load_weights


def load_model(run: RunFolder, device: torch.device) -> tuple[nn.Module, ModelSpec]:
    """The model with the weights that the run ended with (`Recipe.weights`), on `device`, in channels_last."""
    spec = ModelSpec.load(run.model)
    model = build_model(spec)
    load_weights(model, run.final_weights(load_recipe(run).weights))
    return model.to(device).to(memory_format=torch.channels_last), spec


def build_model(spec: ModelSpec) -> nn.Module:
    """The network of a started run, its weights yet to be loaded."""
    return models.build(spec.name, classes=len(spec.classes), channels=spec.channels, image_size=spec.image_size,
                        **without_pretrained(spec.arguments))


def without_pretrained(arguments: dict[str, Any]) -> dict[str, Any]:
    """A started run brings all its weights: nothing is to be loaded from a hub or a file first."""
    return {**arguments, "weights": "none"} if "weights" in arguments else arguments
