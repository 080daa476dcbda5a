"""Weights on disk: safetensors, or a checkpoint read without executing anything in it."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fashionlab.errors import DataError
from fashionlab.files import replacing


def save_weights(state: dict[str, Tensor], path: Path) -> None:
    """Write a state dict as safetensors, atomically."""
    with replacing(path) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, temporary)


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill `model` from a safetensors file or from the "model" entry of a checkpoint (`.pt`).

    Raises DataError when the file is missing, truncated, no such file at all, or of another model.
    """
    state = read_checkpoint(path)["model"] if path.suffix == ".pt" else _read_safetensors(path)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise DataError(f"{path}: weights of another model ({str(error).splitlines()[1].strip()})") from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: no readable safetensors file ({error})") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A dict of tensors and plain values written by training. Code in the file is never executed.

    Raises DataError when the file is missing, truncated, or not a fashionlab checkpoint.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of odd pickles; they are refused below
            values = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(f"{path}: refused, it holds more than tensors and plain values, or is no checkpoint") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: no readable checkpoint ({str(error).splitlines()[0]})") from error
    if not isinstance(values, dict) or values.get("format") != "fashionlab-checkpoint-1":
        raise DataError(f"{path}: not a fashionlab checkpoint")
    return values
