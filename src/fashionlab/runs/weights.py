"""Weights on disk: safetensors, or those in a checkpoint."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fashionlab.common.errors import DataError
from fashionlab.common.files import replacing
from fashionlab.runs.checkpoint import read_checkpoint


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
