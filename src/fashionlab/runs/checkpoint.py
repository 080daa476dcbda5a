"""The resumable checkpoint: tensors and plain values, written whole or not at all, read without executing anything."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch

from fashionlab.common.errors import DataError
from fashionlab.common.files import replacing
from fashionlab.common.tensor_files import read_pickled
from fashionlab.recipes import Recipe

FORMAT = "fashionlab-checkpoint-1"


def recipe_hash(recipe: Recipe) -> str:
    """Equal for equal recipes, and for one from before a key was added that it leaves empty."""
    values = recipe.model_dump(mode="json", exclude_none=True)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def save_checkpoint(path: Path, recipe: Recipe, state: dict[str, Any]) -> None:
    """Write `state` (a trainer's `state_dict`) with the hash of the recipe it belongs to."""
    buffer = io.BytesIO()  # in memory first: a full disk then fails as an OSError that names the file
    torch.save({"format": FORMAT, "recipe": recipe_hash(recipe), **state}, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A dict of tensors and plain values written by training. Code in the file is never executed.

    Raises DataError when the file is missing, truncated, or not a fashionlab checkpoint.
    """
    values = read_pickled(path)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise DataError(f"{path}: not a fashionlab checkpoint")
    return values
