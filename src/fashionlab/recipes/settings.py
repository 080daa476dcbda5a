"""What every part of a recipe shares."""

from __future__ import annotations

from typing import Literal

from fashionlab.common.settings import BelowOne, Fraction, Settings

__all__ = ["BelowOne", "Fraction", "Metric", "Settings"]

Metric = Literal["val_loss", "val_accuracy"]
