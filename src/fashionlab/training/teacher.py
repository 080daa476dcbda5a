"""Distillation: what a finished run thinks of the training pictures, and the loss of a network that learns from it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.nn import functional

from fashionlab.data import ResidentPictures
from fashionlab.errors import DataError
from fashionlab.evaluation.predict import predict_logits
from fashionlab.evaluation.results import load_results
from fashionlab.evaluation.run import load_model
from fashionlab.evaluation.run_pictures import load_split
from fashionlab.recipes.teacher import TeacherSettings
from fashionlab.records import Split
from fashionlab.run_folder import ModelSpec
from fashionlab.runtime import Runtime


class Teacher:
    """soft: float32 [N, K], softened probabilities of the N training pictures in their order. seconds: to make them."""

    def __init__(self, settings: TeacherSettings, logits: Tensor, seconds: float) -> None:
        self.settings, self.seconds = settings, seconds
        self.soft = functional.softmax(logits / settings.temperature, dim=1)

    def loss(self, logits: Tensor, positions: Tensor, label_loss: Tensor) -> Tensor:
        """The mean loss of float [B, K] for the pictures at `positions` (int64 [B]), whose labels give `label_loss`.

        The square of the temperature keeps the gradient's size, as Hinton et al. do; the divergence differs from the
        cross-entropy by a constant and is 0 for a network that agrees with its teacher.
        """
        temperature, weight = self.settings.temperature, self.settings.weight
        divergence = functional.kl_div(functional.log_softmax(logits / temperature, dim=1), self.soft[positions],
                                       reduction="batchmean")
        return (1 - weight) * label_loss + weight * temperature**2 * divergence


def load_teacher(settings: TeacherSettings, train: ResidentPictures, split: Split, spec: ModelSpec,
                 place: Runtime) -> Teacher:
    """Ask the run in `settings` about `train`, the pictures of `split` in the form of `spec`.

    Raises DataError for a run that has not finished, knows other classes or another form of pictures, or was trained
    on pictures that this training is validated on.
    """
    results = load_results(Path(settings.run))
    _ = results.metrics  # says what is missing
    for what in ("classes", "channels", "image_size"):
        mine, theirs = getattr(spec, what), getattr(results.spec, what)
        if mine != theirs:
            raise DataError(f"teacher {settings.run}: its {what} are {theirs}, this training's {mine}")
    if np.isin(split.validation, load_split(results.folder).train).any():
        raise DataError(f"teacher {settings.run}: it was trained on pictures that validate this training; use the same "
                        "data.validation and data.split_seed for both")
    began = time.perf_counter()
    model, teacher_spec = load_model(results.folder, place.device)
    logits, _ = predict_logits(model, train, teacher_spec, place)
    return Teacher(settings, logits.to(place.device), time.perf_counter() - began)
