"""Pictures a second that reach the network: our batched pipeline beside the plain one, picture by picture.

Both do the same: crop after padding by 4, flip, rotation by up to 10 degrees, scale to [0, 1], normalise, batch.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from fashionlab import augment
from fashionlab.bench.timing import side_by_side, summary
from fashionlab.common import environment, runtime
from fashionlab.common.records import PictureSet
from fashionlab.data.resident import ResidentPictures

BATCH_SIZE = 500
MEAN, DEVIATION = 0.28604, 0.35302
OPERATIONS: list[dict[str, Any]] = [
    {"name": "pad_and_crop", "padding": 4},
    {"name": "flip"},
    {"name": "rotation", "degrees": 10},
]


class PlainDataset(Dataset):
    """What a user writes first: a PIL picture at a time through torchvision's transforms."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, transform: Callable[[Image.Image], Any]) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture: Any = self.transform(Image.fromarray(self.images[index, 0]))
        return picture, int(self.labels[index])


def plain_loader(pictures: PictureSet, workers: int) -> DataLoader:
    """The DataLoader of the plain way. Its workers stay alive between epochs: starting them is not counted."""
    transform = transforms.Compose([
        transforms.RandomCrop(pictures.images.shape[-1], padding=4),
        transforms.RandomHorizontalFlip(),
        transforms.RandomRotation(10),
        transforms.ToTensor(),
        transforms.Normalize((MEAN,), (DEVIATION,)),
    ])
    dataset = PlainDataset(pictures.images, pictures.labels, transform)
    return DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True, num_workers=workers, persistent_workers=workers > 0)


def plain_epoch(loader: DataLoader) -> int:
    """Deal out every picture once; returns how many there were."""
    return sum(len(labels) for _, labels in loader)


class BatchedEpochs:
    """Our way, as the trainer does it: bytes that stay on the device, augmented and normalised a batch at a time."""

    def __init__(self, pictures: PictureSet) -> None:
        self.pictures = ResidentPictures.from_set(pictures, np.arange(len(pictures)), "cpu")
        self.classes = len(pictures.classes)
        self.pipeline = augment.build(OPERATIONS)
        self.epoch = 0

    def __call__(self) -> int:
        count = 0
        for step, (indices, images, labels) in enumerate(
                self.pictures.batches(BATCH_SIZE, seed=0, epoch=self.epoch)):
            draw = augment.Draw(runtime.generator(0, "augment", self.epoch, step), self.epoch, indices)
            images, labels = self.pipeline(images.float() / 255, labels, draw, self.classes)
            images = (images - MEAN) / DEVIATION
            count += len(labels)
        self.epoch += 1
        return count


def measure(rounds: int = 5, plain_pictures: int = 1000, our_pictures: int = 10000) -> dict[str, Any]:
    """Both sides' pictures a second and `ratio`: ours to the faster of the plain ways, median over the rounds.

    The plain way runs without and with a worker process a core. The pictures are random bytes of Fashion-MNIST's shape:
    no operation here takes longer for one picture than for another.
    """
    threads = runtime.choose("cpu").threads
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    loaders = {f"plain, {workers} workers": plain_loader(random_pictures(plain_pictures), workers)
               for workers in (0, cores)}
    ours = BatchedEpochs(random_pictures(our_pictures))
    sides = {name: (lambda loader=loader: plain_epoch(loader)) for name, loader in loaders.items()}
    rates = side_by_side({**sides, "fashionlab": ours}, rounds)
    fastest = max(loaders, key=lambda name: statistics.median(rates[name]))
    ratios = [our_rate / plain_rate for our_rate, plain_rate in zip(rates["fashionlab"], rates[fastest], strict=True)]
    ratio = summary(ratios)
    return {
        "what": "pictures a second: " + ", ".join(operation["name"] for operation in OPERATIONS) + ", normalise",
        "unit": "pictures a second; median, lowest and highest of the rounds",
        "sides": {name: summary(values) for name, values in rates.items()},
        "compared_with": fastest,
        "ratio": ratio["median"],
        "ratio_lowest": ratio["lowest"],
        "ratio_highest": ratio["highest"],
        "rounds": rounds,
        "batch_size": BATCH_SIZE,
        "threads": threads,
        "machine": environment.machine(),
        "versions": environment.versions(),
        "commit": environment.commit(),
    }


def random_pictures(n: int) -> PictureSet:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (n, 1, 28, 28), dtype=np.uint8)
    return PictureSet(images, draw.integers(0, 10, n), tuple("0123456789"), "random pictures")
