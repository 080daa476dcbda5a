"""A study's declaration: the question, the arms and how they will be judged, all checked before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from fashionlab.common.errors import UsageError, did_you_mean
from fashionlab.common.settings import Settings, explain
from fashionlab.recipes import Recipe, find, fit
from fashionlab.recipes.library import read_yaml
from fashionlab.studies.metrics import StudyMetric, find_metric

BASELINE = "baseline"
_ARM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Baseline(Settings):
    """What the arms are held against: a recipe (name or path) with overrides, as for `train --set`."""

    recipe: str
    set: dict[str, Any] = Field(default_factory=dict)


class Arm(Settings):
    """What is different: overrides on top of the baseline's. Where `recipe` names another recipe, the baseline's
    overrides (epochs, pictures) hold for that one too: arms differ in what they declare and in nothing else."""

    recipe: str | None = None
    set: dict[str, Any] = Field(default_factory=dict)


class Claim(Settings):
    """What others say of the study's arms. sources: the files where they say it; verdicts: what each arm that they
    speak of has to get if they are right. Arms that are not named are the study's own question."""

    claim: str = Field(min_length=1)
    sources: list[str] = Field(min_length=1)
    verdicts: dict[str, Literal["better", "worse", "equivalent"]] = Field(default_factory=dict)


class Declaration(Settings):
    """The keys of a study's YAML file. smallest_difference: in the metric's unit, points (0.01) for shares."""

    question: str = Field(min_length=1)
    baseline: Baseline
    arms: dict[str, Arm]
    seeds: int | list[int]
    metric: str
    smallest_difference: float = Field(ge=0)
    test: Literal["paired", "permutation"]
    expected: Claim | None = None

    @field_validator("arms", mode="before")
    @classmethod
    def _check_names(cls, arms: Any) -> Any:
        if not isinstance(arms, dict) or not arms:
            raise ValueError("expected at least one arm: a name, and under it what it changes (`set`, `recipe`)")
        for name in arms:
            if not isinstance(name, str):
                raise ValueError(f"an arm's name is {name!r} to YAML; put it in quotes")
            if not _ARM_NAME.fullmatch(name) or name == BASELINE:
                raise ValueError(f"{name!r} cannot be an arm's name: letters, digits, '-', '_' and '.', not "
                                 f"{BASELINE!r}; it becomes a folder's name")
        return arms

    @field_validator("arms")
    @classmethod
    def _refuse_names_equal_in_lower_case(cls, arms: dict[str, Arm]) -> dict[str, Arm]:
        if len({name.lower() for name in arms}) < len(arms):
            raise ValueError("two names differ in capital letters only, which some file systems take for the same")
        return arms

    @field_validator("seeds", mode="before")
    @classmethod
    def _check_seeds(cls, seeds: Any) -> int | list[int]:
        listed = seeds if isinstance(seeds, list) else [0]
        whole = all(type(seed) is int and seed >= 0 for seed in listed) and len(set(listed)) == len(listed) > 0
        if not whole or not (isinstance(seeds, list) or (type(seeds) is int and seeds > 0)):
            raise ValueError("expected a count from 1, or a list of different seeds from 0")
        return seeds

    @model_validator(mode="after")
    def _check_expected_arms(self) -> Self:
        for arm in self.expected.verdicts if self.expected else ():
            if arm not in self.arms:
                raise ValueError(f"expected.verdicts: there is no arm {arm!r}; {did_you_mean(arm, self.arms)}")
        return self

    @property
    def seed_list(self) -> tuple[int, ...]:
        return tuple(self.seeds) if isinstance(self.seeds, list) else tuple(range(self.seeds))


@dataclass(frozen=True)
class Study:
    """A checked study. recipes: by arm, the baseline first; `text` is the declaring file, word for word."""

    name: str
    text: str
    declared: Declaration
    metric: StudyMetric
    recipes: dict[str, Recipe]
    seeds: tuple[int, ...]

    @property
    def runs(self) -> list[tuple[str, int]]:
        """(arm, seed) in the order of training: every arm with the first seed, then with the next, so that a study
        that is stopped early has pairs to compare."""
        return [(arm, seed) for seed in self.seeds for arm in self.recipes]


def run_name(arm: str, seed: int) -> str:
    return f"{arm}-s{seed}"


def check(values: dict[str, Any], text: str, name: str, source: str, seeds: int | None = None,
          data_dir: Path | None = None) -> Study:
    """The study declared by `values`; `source` is named in the UsageError that any mistake ends in.

    seeds: that many instead of the declared ones. data_dir: where the data set is, if not where it says.
    """
    try:
        declared = Declaration.model_validate(values)
        return Study(name, text, declared, find_metric(declared.metric), _recipes(declared, data_dir),
                     _seeds(declared, seeds))
    except ValidationError as error:
        raise UsageError(f"{source}: {explain(error)}") from error
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error


def _seeds(declared: Declaration, count: int | None) -> tuple[int, ...]:
    if count is None:
        return declared.seed_list
    if isinstance(declared.seeds, int):
        return tuple(range(count))
    if count > len(declared.seeds):
        raise UsageError(f"--seeds {count}: the file lists {len(declared.seeds)} seeds")
    return declared.seed_list[:count]


def _recipes(declared: Declaration, data_dir: Path | None) -> dict[str, Recipe]:
    base = declared.baseline
    recipes = {BASELINE: _resolve(BASELINE, base.recipe, [base.set], data_dir)}
    for name, arm in declared.arms.items():
        recipes[name] = _resolve(f"arms.{name}", arm.recipe or base.recipe, [base.set, arm.set], data_dir)
    for name, recipe in recipes.items():
        _check_comparable(name, recipe, recipes[BASELINE], find_metric(declared.metric))
    return recipes


def _resolve(where: str, recipe: str, layers: Sequence[dict[str, Any]], data_dir: Path | None) -> Recipe:
    try:
        changes = {key: value for layer in layers for key, value in layer.items()}
        if "seed" in changes:
            raise UsageError("set.seed: the seeds are the study's own; see its key `seeds`")
        return fit(read_yaml(find(recipe)), changes, recipe, data_dir).recipe
    except UsageError as error:
        raise UsageError(f"{where}: {str(error).replace('--set ', 'set.')}") from error


def _check_comparable(name: str, recipe: Recipe, baseline: Recipe, metric: StudyMetric) -> None:
    """Arms are judged on the same pictures, or not at all."""
    if metric.split == "val" and not recipe.data.validation:
        raise UsageError(f"{name}: holds no pictures out (data.validation is 0), so there is no {metric.name}")
    if recipe is baseline:
        return
    keys = {"test": ["dataset"], "val": ["dataset", "validation", "split_seed"]}.get(metric.split or "", [])
    for key in keys:
        if getattr(recipe.data, key) != getattr(baseline.data, key):
            raise UsageError(f"arms.{name}: its data.{key} is {getattr(recipe.data, key)!r} and the baseline's "
                             f"{getattr(baseline.data, key)!r}; {metric.name} would be of other pictures")
    if recipe.model_copy(update={"description": baseline.description}) == baseline:
        raise UsageError(f"arms.{name}: is the same as the baseline; give it something to differ in under `set`")
