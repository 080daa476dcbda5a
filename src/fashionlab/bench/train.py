"""Pictures a second of a whole training step: a recipe as we train it beside the same recipe as a user writes it first.

Same network, batch size, optimizer, loss and augmentation. The plain way: PIL pictures through torchvision's
transforms one at a time, a DataLoader without workers, float32 in the default layout, torch's optimizer as it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

from fashionlab import models, recipes
from fashionlab.augment import Augmentation
from fashionlab.bench.data import PlainDataset, random_pictures
from fashionlab.bench.timing import side_by_side, summary
from fashionlab.common import environment, runtime
from fashionlab.common.errors import UsageError
from fashionlab.common.records import PictureSet
from fashionlab.data.resident import ResidentPictures
from fashionlab.optimizers.adam import Adam
from fashionlab.optimizers.sgd import Sgd
from fashionlab.recipes import Recipe
from fashionlab.runs.folder import ModelSpec
from fashionlab.training.distributed import World
from fashionlab.training.trainer import Trainer

_NORMALISATION = {"dataset": (0.28604, 0.35302), "half": (0.5, 0.5), "none": (0.0, 1.0)}
# torchvision's counterpart of an operation of ours, from its settings.
_TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "pad_and_crop": lambda ours: transforms.RandomCrop(28, padding=ours.padding),
    "flip": lambda ours: transforms.RandomHorizontalFlip(ours.probability),
    "rotation": lambda ours: transforms.RandomRotation(ours.degrees),
    "affine": lambda ours: transforms.RandomAffine(ours.degrees, ours.translate, ours.scale, _both(ours.shear)),
}


class PlainTraining:
    """The training loop of a tutorial. Calling it goes over the pictures once and returns how many there were."""

    def __init__(self, recipe: Recipe, pictures: PictureSet) -> None:
        mean, deviation = _statistics(recipe)
        transform = transforms.Compose([*(_transform(operation) for operation in recipe.augment), transforms.ToTensor(),
                                        transforms.Normalize((mean,), (deviation,))])
        self.judged = transforms.Compose([transforms.ToTensor(), transforms.Normalize((mean,), (deviation,))])
        self.loader = DataLoader(PlainDataset(pictures.images, pictures.labels, transform),
                                 batch_size=recipe.batch_size, shuffle=True)
        self.model = as_the_text_has_it(_model(recipe, pictures))
        self.optimizer = _plain_optimizer(recipe, self.model)
        self.loss = nn.CrossEntropyLoss(label_smoothing=recipe.loss.label_smoothing)

    def __call__(self) -> int:
        self.model.train()
        seen = correct = 0
        total = 0.0
        for images, labels in self.loader:
            self.optimizer.zero_grad()
            logits = self.model(images)
            loss = self.loss(logits, labels)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(labels)
            correct += int((logits.argmax(1) == labels).sum())
            seen += len(labels)
        return seen

    @torch.no_grad()
    def accuracy(self, pictures: PictureSet) -> float:
        """The share of `pictures` that the network gets right."""
        self.model.eval()
        loader = DataLoader(PlainDataset(pictures.images, pictures.labels, self.judged), batch_size=500)
        return sum(int((self.model(images).argmax(1) == labels).sum()) for images, labels in loader) / len(pictures)


class OurTraining:
    """The same steps as `training.trainer` takes them."""

    def __init__(self, recipe: Recipe, pictures: PictureSet, chosen: runtime.Runtime) -> None:
        mean, deviation = _statistics(recipe)
        spec = ModelSpec(recipe.model.name, recipe.model.arguments, pictures.classes, 1, 28, (mean,), (deviation,), 1)
        train, none = (ResidentPictures.from_set(pictures, np.arange(n), chosen.device) for n in (len(pictures), 0))
        model = _model(recipe, pictures).to(memory_format=chosen.memory_format)
        self.trainer = Trainer(recipe, model, train, none, spec, chosen, World())
        self.epoch = 0

    def __call__(self) -> int:
        trainer = self.trainer
        trainer.wrapped.train()
        seen = 0
        for indices, images, labels in trainer.train.batches(trainer.recipe.batch_size, seed=0, epoch=self.epoch):
            inputs, targets = trainer.prepare(indices, images, labels)
            trainer.update(inputs, indices, labels, targets)
            trainer.position.step += 1
            seen += len(labels)
        self.epoch += 1
        return seen


def measure(name: str = "ablation-main", rounds: int = 5, steps: int = 20) -> dict[str, Any]:
    """Both sides' pictures a second in training the recipe `name`, and `ratio`, the median over the rounds of `steps`
    steps each, on the CPU. The pictures are random: what a step takes does not depend on them.

    Raises UsageError for a recipe with something that torchvision has no counterpart for.
    """
    recipe = recipes.load(name)
    chosen = runtime.choose("cpu", recipe.precision)
    pictures = random_pictures(steps * recipe.batch_size)
    plain, ours = PlainTraining(recipe, pictures), OurTraining(recipe, pictures, chosen)
    rates = side_by_side({"plain": plain, "fashionlab": ours}, rounds)
    ratio = summary([our_rate / rate for our_rate, rate in zip(rates["fashionlab"], rates["plain"], strict=True)])
    return {
        "what": f"pictures a second in training, {name}",
        "unit": "pictures a second; median, lowest and highest of the rounds",
        "recipe": name, "sides": {side: summary(values) for side, values in rates.items()},
        "ratio": ratio["median"], "ratio_lowest": ratio["lowest"], "ratio_highest": ratio["highest"],
        "rounds": rounds, "steps": steps, "batch_size": recipe.batch_size,
        "threads": chosen.threads, "precision": chosen.precision,
        "machine": environment.machine(), "versions": environment.versions(), "commit": environment.commit(),
    }


def as_the_text_has_it(model: nn.Module) -> nn.Module:
    """A network of `models.convolutional` with ReLU before pooling, and not in place; any other as it is."""
    if not isinstance(model, nn.Sequential):
        return model
    layers = [nn.ReLU() if isinstance(layer, nn.ReLU) else layer for layer in model]
    for position, (layer, following) in enumerate(pairwise(layers)):
        if isinstance(layer, nn.MaxPool2d) and isinstance(following, nn.ReLU):
            layers[position], layers[position + 1] = following, layer
    return nn.Sequential(*layers)


def _both(degrees: tuple[float, float]) -> list[float]:
    """torchvision's ranges of shear from our largest angles along x and y."""
    return [degree for largest in degrees for degree in (-largest, largest)]


def _statistics(recipe: Recipe) -> tuple[float, float]:
    how = recipe.data.normalise
    if not isinstance(how, str):
        raise UsageError("data.normalise: bench train knows dataset, half and none")
    return _NORMALISATION[how]


def _transform(operation: Augmentation) -> Any:
    if operation.name not in _TRANSFORMS:
        raise UsageError(f"augment: torchvision's counterpart of {operation.name!r} is not known; bench train knows "
                         f"{', '.join(_TRANSFORMS)}")
    return _TRANSFORMS[operation.name](operation)


def _model(recipe: Recipe, pictures: PictureSet) -> nn.Module:
    torch.manual_seed(0)
    return models.build(recipe.model.name, classes=len(pictures.classes), channels=1, image_size=28,
                        **recipe.model.arguments)


def _plain_optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    settings = recipe.optimizer
    if type(settings) is Sgd:
        return torch.optim.SGD(model.parameters(), settings.lr, settings.momentum, nesterov=settings.nesterov)
    if type(settings) is Adam:
        return torch.optim.Adam(model.parameters(), settings.lr, settings.betas, settings.eps, settings.weight_decay)
    raise UsageError(f"optimizer {settings.name!r}: bench train knows sgd and adam")
