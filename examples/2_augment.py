"""Augment a batch, every picture with its own draw, and draw the same again from an equal generator."""

import torch

from fashionlab.augment import Draw, build
from fashionlab.common.runtime import generator

pipeline = build([
    {"name": "flip", "probability": 0.5},
    {"name": "rotation", "degrees": 10},
    {"name": "pad_and_crop", "padding": 2},  # one resampling with the rotation
    {"name": "mixup", "alpha": 0.4},
])
images, labels = torch.rand(8, 1, 28, 28), torch.arange(8)
first, targets = pipeline(images, labels, Draw(generator(0, "augment", 1)), num_classes=10)
again, _ = pipeline(images, labels, Draw(generator(0, "augment", 1)), num_classes=10)
print(f"{tuple(first.shape)}, equal draws give equal pictures: {torch.equal(first, again)}")
print(f"targets of the first picture: {targets[0].numpy().round(2)}")
