"""The recipe: everything that decides a training, as validated YAML.

Top-level keys are the fields of `Recipe`; `fashionlab recipe show NAME` prints one, resolved.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from fashionlab import models
from fashionlab.augment import AugmentationSettings, Pipeline
from fashionlab.common.errors import UsageError
from fashionlab.common.settings import Settings, explain
from fashionlab.optimizers import OptimizerSettings
from fashionlab.recipes.averaging import AveragingSettings
from fashionlab.recipes.schedules import Constant, ScheduleSettings
from fashionlab.recipes.selection import SelectionSettings
from fashionlab.recipes.start import StartSettings
from fashionlab.recipes.stopping import EarlyStoppingSettings
from fashionlab.recipes.teacher import TeacherSettings
from fashionlab.recipes.transfer import TransferSettings


class ModelSettings(Settings):
    """`name` of a registered model; every other key is an argument of that model (`fashionlab list models`).

    `arguments` holds all that the model takes, of the types that its builder declares, with the builder's defaults
    where nothing else was given: the defaults of a later release do not change what this recipe says.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any) -> Any:
        """Which keys are known, the model decides; it also fills in what was left out."""
        if not isinstance(values, dict) or not isinstance(values.get("name"), str):
            return values
        return models.resolve(values)


class FixedNormalisation(Settings):
    """Given mean and deviation on the 0-1 scale, one of each or one a channel."""

    mean: float | list[float]
    std: PositiveFloat | list[PositiveFloat]


class DataSettings(Settings):
    """Which pictures, how they are divided, and the form in which the network sees them."""

    dataset: str = Field(default="fashion-mnist", description="a name (`fashionlab list datasets`) or a path")
    validation: Annotated[int | float, Field(ge=0)] | Literal["given"] = Field(
        default=5000, description="pictures, or a share below 1, held out; given: the data set's own validation part")
    split_seed: int = Field(default=0, ge=0)
    limit: PositiveInt | None = Field(default=None, description="train on this many pictures only (stratified)")
    image_size: PositiveInt | None = Field(default=None, description="side in pixels; none keeps the data's own")
    channels: Literal[1, 3] | None = Field(default=None, description="1 grey, 3 colour; none keeps the data's own")
    preparation: str | None = Field(default=None, description="the way from a file to pixels; none follows the data")
    background: str | None = Field(default=None, description="colour of what stays empty; none follows the data")
    group: str | None = Field(default=None, description="what belongs together: a column, or a pattern of file names")
    normalise: Literal["dataset", "half", "none"] | FixedNormalisation = Field(
        default="dataset", description="the training set's mean and deviation; 0.5 and 0.5; nothing; or given")
    sampler: Literal["balanced"] | None = Field(
        default=None, description="balanced: an epoch has as many pictures of each class; none: every picture once")


class LossSettings(Settings):
    """Cross-entropy. `class_weights` balanced: all classes count the same, whatever their numbers of pictures."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Literal["balanced"] | None = None


class GradientSettings(Settings):
    """`clip_norm`: largest global norm. `accumulate`: the batch is computed in this many parts to save memory."""

    clip_norm: PositiveFloat | None = None
    accumulate: PositiveInt = 1


Views = Literal[1, 2, 6]


class ViewSettings(Settings):
    """How many views of a picture are averaged when it is judged: 1, 2 (its mirror image too) or 6 (shifts too)."""

    views: Views = 1


Share = Annotated[float, Field(ge=0, le=1)]


class Expected(Settings):
    """What a reference system claims of itself. Shares are fractions; `source` names the reference text's file.

    accuracy: a figure, or the lowest and highest of a range. worse_than: the system that it is said to fall behind.
    """

    source: str
    claim: str
    split: Literal["test", "val", "unstated"] = "test"
    accuracy: Share | tuple[Share, Share] | None = None
    macro_f1: Share | None = None
    loss: PositiveFloat | None = None
    train_seconds: PositiveFloat | None = None
    worse_than: str | None = None


class Recipe(Settings):
    """A training, fully described. Equal recipes on equal machines give equal weights, bit for bit."""

    description: str = ""
    model: ModelSettings
    data: DataSettings = DataSettings()
    augment: list[AugmentationSettings] = Field(default_factory=list)
    selection: SelectionSettings | None = None
    start: StartSettings | None = None
    transfer: TransferSettings | None = None
    teacher: TeacherSettings | None = None
    batch_size: PositiveInt = 64
    epochs: PositiveInt
    optimizer: OptimizerSettings
    schedule: ScheduleSettings = Constant()
    gradient: GradientSettings = GradientSettings()
    loss: LossSettings = LossSettings()
    averaging: AveragingSettings | None = None
    snapshots: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="cycles of the schedule, each of which leaves its last weights for an ensemble")
    early_stopping: EarlyStoppingSettings | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    test_time: ViewSettings = ViewSettings()
    seed: int = Field(default=0, ge=0)
    expected: Expected | None = None

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if self.gradient.accumulate > self.batch_size:
            raise ValueError(f"gradient.accumulate {self.gradient.accumulate} exceeds batch_size {self.batch_size}")
        if self.transfer:
            self.transfer.check(model=self.model.name, optimizer=self.optimizer, epochs=self.epochs,
                                augmented=bool(self.augment), views=self.test_time.views)
        if self.teacher and Pipeline(self.augment).mixes:
            raise ValueError("teacher: it judges pictures one by one, so augment must not mix them")
        self._check_balance()
        self._check_snapshots()
        plateau = self.schedule.name == "plateau"
        watched = {"early_stopping": self.early_stopping is not None, "schedule plateau": plateau}
        for key, watches in watched.items():
            if watches and self.data.validation == 0:
                raise ValueError(f"{key} needs a validation split, but data.validation is 0")
        return self

    def _check_balance(self) -> None:
        if self.data.sampler and self.loss.class_weights:
            raise ValueError("data.sampler and loss.class_weights: each alone makes classes count the same, together "
                             "the small ones would count more; leave one out")
        if self.data.sampler and self.selection:
            raise ValueError("data.sampler: not together with selection, which takes the hardest pictures whatever "
                             "their class; leave one out")

    def _check_snapshots(self) -> None:
        if self.snapshots is None:
            return
        if self.epochs % self.snapshots:
            raise ValueError(f"snapshots {self.snapshots}: the {self.epochs} epochs do not divide into as many cycles")
        if other := [key for key in ("averaging", "early_stopping", "transfer") if getattr(self, key)]:
            raise ValueError(f"snapshots: not together with {other[0]}")

    def trains_like(self, other: Recipe) -> bool:
        """Whether both give the same weights: they are equal in all but what they say of themselves."""
        silent = {"description": "", "expected": None}
        return self.model_copy(update=silent) == other.model_copy(update=silent)

    @property
    def weights(self) -> Literal["averaged", "best", "last"]:
        """Which weights the run ends with: the average where there is one, else the best epoch on the validation
        split where early stopping watches it, else the last."""
        return "averaged" if self.averaging else "best" if self.early_stopping else "last"


def validate(values: dict[str, Any], source: str) -> Recipe:
    """A Recipe from plain values; `source` is named in the UsageError that a mistake ends in."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"{source}: {explain(error)}") from error
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error
