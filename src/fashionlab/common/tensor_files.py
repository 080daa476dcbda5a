"""Files of tensors, read without executing anything that may be in them."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from fashionlab.common.errors import DataError


def read_pickled(path: Path) -> Any:
    """The tensors and plain values that ``torch.save`` wrote to `path`, on the CPU.

    Raises DataError naming `path`: missing, damaged, or a pickle that holds more (it may hold code, which is never
    executed).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an unusual pickle protocol; what matters is whether it can be read
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(f"{path}: refused, it is damaged or holds more than tensors and plain values, such as code"
                        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors file by name, on the CPU. Raises DataError naming `path`: missing or damaged."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(f"{path}: cannot be read, truncated or damaged? ({reason})")
