"""Weights on disk: safetensors, or those in a checkpoint."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from fashionlab.common.errors import DataError
from fashionlab.common.files import replacing
from fashionlab.common.tensor_files import read_safetensors
from fashionlab.runs.checkpoint import read_checkpoint


def save_weights(state: dict[str, Tensor], path: Path) -> None:
    """Write a state dict as safetensors, atomically."""
    with replacing(path) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, temporary)


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill `model` from a safetensors file or from the "model" entry of a checkpoint (`.pt`).

    Raises DataError when the file is missing, truncated, no such file at all, or of another model.
    """
    state = read_checkpoint(path)["model"] if path.suffix == ".pt" else read_safetensors(path)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise DataError(f"{path}: weights of another model ({str(error).splitlines()[1].strip()})") from error
