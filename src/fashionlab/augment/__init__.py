"""Augmentation: changes to whole batches on their device, every picture with its own draw.

Takes float32 pictures [B, C, H, W] in [0, 1], int64 labels [B] and a Draw (an explicit generator, the epoch, the
pictures' indices); gives new pictures and targets: the labels, or float32 [B, K] where an operation mixes pictures.

    pipeline = build([{"name": "pad_and_crop", "padding": 2}, {"name": "flip", "alternating": True}])
    images, targets = pipeline(images, labels, Draw(generator, epoch, indices), num_classes=10)

Every operation is a small class registered in AUGMENTATIONS with its description, source and an example.
"""

from fashionlab.augment.base import AUGMENTATIONS, Augmentation, Draw
from fashionlab.augment.pipeline import AugmentationSettings, Pipeline, build, parse
from fashionlab.augment.preview import preview

__all__ = ["AUGMENTATIONS", "Augmentation", "AugmentationSettings", "Draw", "Pipeline", "build", "parse", "preview"]
