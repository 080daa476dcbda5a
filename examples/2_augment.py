"""Augment a batch, every picture with its own draw, and draw the same again from the same seed."""

import numpy as np

import fashionlab as fl

operations = [
    {"name": "flip", "probability": 0.5},
    {"name": "rotation", "degrees": 10},
    {"name": "pad_and_crop", "padding": 2},  # one resampling with the rotation
    {"name": "mixup", "alpha": 0.4},
]
images = np.random.default_rng(0).integers(0, 256, (8, 1, 28, 28), dtype=np.uint8)
first, targets = fl.augment.preview(operations, images, np.arange(8), classes=10, seed=1)
again, _ = fl.augment.preview(operations, images, np.arange(8), classes=10, seed=1)
print(f"{first.shape}, equal seeds give equal pictures: {np.array_equal(first, again)}")
print(f"targets of the first picture: {targets[0].round(2)}")
