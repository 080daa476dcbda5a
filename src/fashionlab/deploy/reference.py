"""What pictures and answers look like when all is well: the reference that drift is measured against. Numpy alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fashionlab.deploy.rules import Answers

INK = 26  # a pixel above a tenth of full brightness is not the black background
BINS = 10


def statistics(pictures: np.ndarray, answers: Answers, distance: np.ndarray) -> dict[str, np.ndarray]:
    """The monitored figures, float32 [N] each, of pictures uint8 [N, C, H, W] and their answers.

    brightness: mean, 0 to 1. ink: the share of pixels above a tenth of full brightness. distance: of the features from
    the nearest class (float [N]). confidence: the highest probability.
    """
    flat = pictures.reshape(len(pictures), math.prod(pictures.shape[1:]))  # of none as well
    figures = {"brightness": flat.mean(axis=1) / 255, "ink": (flat >= INK).mean(axis=1), "distance": distance,
               "confidence": answers.probabilities.max(axis=1)}
    return {name: values.astype(np.float32) for name, values in figures.items()}


@dataclass(frozen=True)
class Reference:
    """Of the validation pictures: `values`, every figure of `statistics` in rising order (float32 [N]), and `classes`,
    how often each class is answered (float64 [K], adds up to 1)."""

    values: dict[str, np.ndarray]
    classes: np.ndarray

    @staticmethod
    def of(figures: dict[str, np.ndarray], answers: Answers) -> Reference:
        counts = np.bincount(answers.probabilities.argmax(axis=1), minlength=answers.probabilities.shape[1])
        return Reference({name: np.sort(values) for name, values in figures.items()}, counts / counts.sum())

    def histogram(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Edges [B + 1] from minus to plus infinity and shares [B] of a figure, in at most 10 bins of equal shares as
        the population stability index takes them; fewer where many pictures have the same value.

        A value belongs to the bin whose lower edge it reaches: ``np.searchsorted(edges, values, side="right") - 1``.
        """
        values = self.values[name]
        inner = np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="higher"))
        edges = np.concatenate([[-np.inf], inner[inner > values[0]], [np.inf]])
        which = np.searchsorted(edges, values, side="right") - 1
        return edges, np.bincount(which, minlength=len(edges) - 1) / len(values)
