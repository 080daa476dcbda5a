"""The `teacher` key of a recipe: learning from what a finished run thinks; `training.teacher` does it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PositiveFloat, model_validator

from fashionlab.recipes.settings import Settings


class TeacherSettings(Settings):
    """Knowledge distillation (Hinton et al. 2015, arXiv:1503.02531): the loss is (1 - weight) times the cross-entropy
    with the labels and weight times that with the teacher's probabilities, both softened by `temperature`.

    run: the folder of a finished run, an ensemble for example; its path alone may stand in place of the mapping. It
    judges every training picture once, as it is, before the first step.
    """

    run: str
    weight: Annotated[float, Field(gt=0, le=1)] = 0.9
    temperature: PositiveFloat = 4.0

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, values: Any) -> Any:
        return {"run": values} if isinstance(values, str) else values
