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


def recipe_hash(values: dict[str, Any]) -> str:
    """Of a recipe's plain values, as its YAML file has them; a key that is left empty counts as one that is absent."""
    return hashlib.sha256(json.dumps(_without_empty(values), sort_keys=True).encode()).hexdigest()


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty(child) for key, child in value.items() if child is not None}
    return [_without_empty(child) for child in value] if isinstance(value, list) else value


def belongs_to(state: dict[str, Any], written: dict[str, Any], recipe: Recipe) -> bool:
    """Whether the checkpoint `state` belongs to a run whose recipe.yaml holds the values `written`, in full `recipe`.

    The hash is that of all values. Earlier releases wrote and hashed augmentations and model arguments without their
    defaults: their checkpoints are known by the file's own values.
    """
    return state["recipe"] in (recipe_hash(recipe.model_dump(mode="json")), recipe_hash(written))


def save_checkpoint(path: Path, recipe: Recipe, state: dict[str, Any]) -> None:
    """Write `state` (a trainer's `state_dict`) with the hash of the recipe it belongs to."""
    buffer = io.BytesIO()  # in memory first: a full disk then fails as an OSError that names the file
    torch.save({"format": FORMAT, "recipe": recipe_hash(recipe.model_dump(mode="json")), **state}, buffer)
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
