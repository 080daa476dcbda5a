"""The `start` key of a recipe: weights of a finished run in place of random ones; `models.pruning` makes them fit."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from fashionlab.recipes.settings import Settings


class StartSettings(Settings):
    """Fine-tuning, or where this recipe's network has fewer channels, structured pruning with fine-tuning.

    run: the folder of a finished run of the same model on the same data; its path alone may stand in place of the
    mapping. Pictures are prepared as for that run where `data` leaves it open.
    """

    run: str

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, values: Any) -> Any:
        return {"run": values} if isinstance(values, str) else values
