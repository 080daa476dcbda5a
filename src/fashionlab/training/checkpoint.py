"""The resumable checkpoint: tensors and plain values, written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch

from fashionlab.evaluation.weights import read_checkpoint
from fashionlab.files import replacing
from fashionlab.recipes import Recipe


def recipe_hash(recipe: Recipe) -> str:
    """Equal for equal recipes, and for one from before a key was added that it leaves empty."""
    said = recipe.model_dump(mode="json", exclude_none=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def save_checkpoint(path: Path, recipe: Recipe, state: dict[str, Any]) -> None:
    """Write `state` (a trainer's `state_dict`) with the hash of the recipe it belongs to."""
    buffer = io.BytesIO()  # in memory first: a full disk then fails as an OSError that names the file
    torch.save({"format": "fashionlab-checkpoint-1", "recipe": recipe_hash(recipe), **state}, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


__all__ = ["read_checkpoint", "recipe_hash", "save_checkpoint"]
