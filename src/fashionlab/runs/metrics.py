"""metrics.json as a typed record: what training says of itself, and what evaluation found.

The file is flat: a key of it is an attribute here, and unknown keys are kept. Nothing is made up: what the file lacks,
an older run's for example, is no attribute at all, and asking for it raises `NotRecordedError`; `"val" in metrics` asks
first. To add a figure: a field here, and `RunFolder.update_metrics` where it is measured.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from fashionlab.common.errors import DataError
from fashionlab.common.records import Interval

HistoryRow = dict[str, float | None]


class NotRecordedError(DataError, AttributeError):
    """A record does not hold what it was asked for."""


class _Absent:
    """The default of a field that a file may lack; never seen outside."""


_ABSENT: Final[Any] = _Absent


class Record(BaseModel):
    """A part of metrics.json: typed where its fields are declared, any other key an attribute as the file has it."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)
    _source: str = PrivateAttr("metrics.json")

    @classmethod
    def read(cls, values: Mapping[str, Any], source: str) -> Self:
        """`values` as JSON gives them. Raises DataError, naming `source` and the key, for a value of another type."""
        try:
            return cls.model_validate_json(json.dumps(values), context=source)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(f"{source}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error

    def model_post_init(self, context: Any) -> None:
        self._source = context or self._source
        for name in [name for name, value in self.__dict__.items() if value is _ABSENT]:
            del vars(self)[name]

    def __contains__(self, key: str) -> bool:
        return key in self.model_fields_set

    if not TYPE_CHECKING:  # a type checker is to find misspelt names

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                return super().__getattr__(name)
            extra = self.__pydantic_extra__ or {}
            if name not in extra:
                raise NotRecordedError(self._missing(name))
            return extra[name]

    def _missing(self, name: str) -> str:
        return f"{self._source}: holds no {name!r}"

    def as_json(self, without: Collection[str] = ()) -> dict[str, Any]:
        """What the file holds of it, plain values for JSON, but for the keys `without`."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=set(without))


class ClassScores(Record):
    """Scores of one class. `class_` is "class" in the file."""

    class_: str = Field(_ABSENT, alias="class")
    precision: float = _ABSENT
    recall: float = _ABSENT
    f1: float = _ABSENT
    support: int = _ABSENT


class Scores(Record):
    """Scores on one split: every registered metric by its name (`evaluation.metrics`), of which the well-known are
    declared. intervals: over pictures. remarks: sentences to know of the scores. confusion: counts by true class and
    predicted class."""

    split: str = _ABSENT
    n: int = _ABSENT
    accuracy: float = _ABSENT
    balanced_accuracy: float = _ABSENT
    top2_accuracy: float = _ABSENT
    top3_accuracy: float = _ABSENT
    macro_precision: float = _ABSENT
    macro_recall: float = _ABSENT
    macro_f1: float = _ABSENT
    nll: float = _ABSENT
    brier: float = _ABSENT
    ece: float = _ABSENT
    per_class: list[ClassScores] = _ABSENT
    confusion: list[list[int]] = _ABSENT
    intervals: dict[str, Interval] = Field(default_factory=dict)
    remarks: list[str] = Field(default_factory=list)

    if TYPE_CHECKING:  # any other registered metric

        def __getattr__(self, name: str) -> float: ...


class Learned(Record):
    """What was learned on `fitted_n` pictures of `fitted_on` and scored on `n` of `split`."""

    fitted_on: str = _ABSENT
    fitted_n: int = _ABSENT
    split: str = _ABSENT
    n: int = _ABSENT


class Calibration(Learned):
    """Scores of the probabilities before ("none") and after each method, learned on `fitted_n` pictures of `fitted_on`:
    methods by name, and of each its figures by name."""

    temperature: float = _ABSENT
    methods: dict[str, dict[str, Interval]] = _ABSENT


class WorstClass(Record):
    """The class that prediction sets hold least often, and how often. `class_` is "class" in the file."""

    class_: str = Field(_ABSENT, alias="class")
    coverage: float = _ABSENT
    n: int = _ABSENT


class PredictionSets(Record):
    """What one method and promise of coverage gave (`evaluation.conformal.assess`)."""

    method: str = _ABSENT
    promised: float = _ABSENT
    threshold: float = _ABSENT
    coverage: Interval = _ABSENT
    mean_size: float = _ABSENT
    singletons: float = _ABSENT
    empty: float = _ABSENT
    worst_class: WorstClass = _ABSENT


class Conformal(Learned):
    """Prediction sets, their thresholds learned on `fitted_n` pictures of `fitted_on`."""

    sets: list[PredictionSets] = _ABSENT


class Robustness(Record):
    """Accuracy under corruption, by severity for each corruption; robustness.json has it with intervals."""

    n: int = _ABSENT
    views: int = _ABSENT
    clean_accuracy: float = _ABSENT
    mean_corruption_accuracy: float = _ABSENT
    corruptions: dict[str, list[float]] = _ABSENT


class OutlierFigures(Record):
    """How well a score tells a set of outliers."""

    auroc: float = _ABSENT
    fpr95: float = _ABSENT


class Outliers(Record):
    """Outlier scores: sets by name, and of each the figures by score; outliers.json has them with intervals."""

    n: int = _ABSENT
    best: str = _ABSENT
    threshold: float = _ABSENT
    accepted: float = _ABSENT
    sets: dict[str, dict[str, OutlierFigures]] = _ABSENT


class Latency(Record):
    """Milliseconds of a call."""

    median: float = _ABSENT
    p99: float = _ABSENT
    repetitions: int = _ABSENT


class PredictionCost(Record):
    """Time and memory of prediction; latency and speed by batch size as text. peak_bytes: of tensors, not weights."""

    views: int = _ABSENT
    latency_ms: dict[str, Latency] = _ABSENT
    images_per_second: dict[str, float] = _ABSENT
    peak_bytes: int = _ABSENT


class Cost(Record):
    """What the network costs (`evaluation.cost.cost`)."""

    parameters: int = _ABSENT
    macs: int = _ABSENT
    weight_bytes: int = _ABSENT
    train_seconds: float = _ABSENT
    train_images_per_second: float = _ABSENT
    prediction: PredictionCost = _ABSENT
    machine: str = _ABSENT
    device: str = _ABSENT
    threads: int = _ABSENT
    precision: str = _ABSENT


class Metrics(Record):
    """metrics.json.

    Of training: run (the folder) to history; train_seconds are of steps and averaging, without validation,
    session_seconds of the last session with everything; data_share is the part of training spent waiting for data.
    Of evaluation: val and test, each split's scores; the headlines val_accuracy to intervals, which repeat them at the
    top; the rest where it was measured. calibration, conformal: None where there are no validation predictions to learn
    on. test_split_read: the readings of the test split when it was last judged (`runs.readings` has all of them).
    """

    run: str = _ABSENT
    recipe: str = _ABSENT
    model: str = _ABSENT
    seed: int = _ABSENT
    epochs: int = _ABSENT
    steps: int = _ABSENT
    parameters: int = _ABSENT
    train_seconds: float = _ABSENT
    session_seconds: float = _ABSENT
    images_per_second: float = _ABSENT
    data_share: float = _ABSENT
    best_epoch: int | None = None
    weights: str = _ABSENT
    weights_chosen_by: str = _ABSENT
    stopped: str = _ABSENT
    history: list[dict[str, int | float | None]] = _ABSENT

    val: Scores = _ABSENT
    test: Scores = _ABSENT
    val_accuracy: float | None = None
    test_accuracy: float | None = None
    balanced_accuracy: float | None = None
    top3_accuracy: float | None = None
    macro_f1: float | None = None
    nll: float | None = None
    brier: float | None = None
    ece: float | None = None
    per_class: list[ClassScores] = _ABSENT
    intervals: dict[str, Interval] = Field(default_factory=dict)
    calibration: Calibration | None = None
    conformal: Conformal | None = None
    robustness: Robustness | None = None
    outliers: Outliers | None = None
    cost: Cost | None = None
    test_split_read: list[Any] = Field(default_factory=list)

    def _missing(self, name: str) -> str:
        """Scores that are missing can be had."""
        if name not in ("val", "test"):
            return super()._missing(name)
        folder = Path(self._source).parent
        return (f"{folder}: this run was never evaluated on the {'test' if name == 'test' else 'validation'} split; "
                f"run `fashionlab evaluate {folder}{' --split val' if name == 'val' else ''}` first")
