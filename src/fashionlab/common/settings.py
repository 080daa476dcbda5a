"""The base of everything a recipe can say: frozen, unknown keys refused with the nearest valid one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fashionlab.common.errors import did_you_mean

Fraction = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]


class Settings(BaseModel):
    """A part of a recipe. Subclasses declare fields with types and ranges."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key in values:
                if key not in cls.model_fields:
                    raise ValueError(f"unknown key {key!r}; {did_you_mean(str(key), cls.model_fields)}")
        return values


def explain(error: ValidationError) -> str:
    """The first problem of a failed validation in one line: the key's path, what is wrong, the value given."""
    first = error.errors(include_url=False)[0]
    # Validators put function names into the path; only the recipe's own keys help a person.
    path = ".".join(str(part) for part in first["loc"] if not str(part).startswith("function-"))
    message = first["msg"].removeprefix("Value error, ")
    given = first.get("input")
    shown = "" if isinstance(given, dict | list) or message.startswith("unknown key") else f" (given: {given!r})"
    return f"{path + ': ' if path else ''}{message[0].lower() + message[1:]}{shown}"
