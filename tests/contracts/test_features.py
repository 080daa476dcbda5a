"""The penultimate features of every registered network. A new network is tested with nothing changed here."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fashionlab.common import runtime
from fashionlab.common.records import PictureSet
from fashionlab.data import ResidentPictures
from fashionlab.models import MODELS, build
from fashionlab.runs.features import features
from fashionlab.runs.folder import ModelSpec


@pytest.mark.parametrize("name", MODELS.names())
def test_features_are_what_the_last_layer_weighs_up(name: str) -> None:
    torch.manual_seed(0)
    model = build(name, classes=7, channels=1, image_size=28)
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), dtype=np.uint8)
    pictures = ResidentPictures.from_set(
        PictureSet(images, np.zeros(5, np.int64), tuple("abcdefg"), "test"), np.arange(5), "cpu")
    spec = ModelSpec(name, {}, tuple("abcdefg"), 1, 28, (0.3,), (0.4,), 2)
    place = runtime.choose("cpu", "float32")
    found = features(model, pictures, spec, place)
    assert found.dtype == torch.float32 and found.shape[0] == 5
    assert not model.training
    # The layer with as many outputs as there are classes, whatever comes after it, gives the logits.
    head = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)
            and module.weight.shape[0] == 7][-1]
    answers: list[torch.Tensor] = []
    handle = head.register_forward_hook(lambda _, __, answer: answers.append(answer))
    with torch.no_grad():
        model((torch.from_numpy(images).float() / 255 - 0.3) / 0.4)
        weighed = found @ head.weight.flatten(1).T + (0 if head.bias is None else head.bias)
    handle.remove()
    torch.testing.assert_close(weighed, answers[0].flatten(1), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(features(model, pictures, spec, place, torch.tensor([3, 1])), found[[3, 1]],
                               rtol=1e-3, atol=1e-4)
    assert not any(module._forward_pre_hooks for module in model.modules() if module is not model), "hooks are removed"
