"""What every part of a recipe shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fashionlab.common.settings import Settings

__all__ = ["BelowOne", "Fraction", "Metric", "Settings"]

Fraction = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Metric = Literal["val_loss", "val_accuracy"]
