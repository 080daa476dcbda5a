"""How well a run tells pictures of what it knows from others: every score on every outlier set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from torch import nn

from fashionlab.common import runtime
from fashionlab.common.errors import UsageError
from fashionlab.common.files import write_json
from fashionlab.common.progress import note
from fashionlab.common.records import Interval, PictureSet, Split
from fashionlab.common.runtime import Runtime
from fashionlab.data import ResidentPictures, load_training
from fashionlab.evaluation.outlier_sets import OUTLIER_SETS
from fashionlab.evaluation.outliers import SCORES, Answers, Detector, Fitted, threshold
from fashionlab.evaluation.proportions import auroc, share
from fashionlab.runs.features import features
from fashionlab.runs.folder import ModelSpec, RunFolder, open_run
from fashionlab.runs.held_out import open_other_test_split, open_test_split
from fashionlab.runs.metrics import Metrics, OutlierFigures, Outliers
from fashionlab.runs.model import load_model
from fashionlab.runs.pictures import training_pictures
from fashionlab.runs.predict import predict_logits

FITTED = 10_000  # training pictures at most: the neighbours among them are kept in the run folder
OUTLIERS = 1000  # pictures of each set
_SEED = 0
_WHO = "evaluate --outliers"  # what the run's record calls the readings

Purpose = Literal["choice", "test"]


class Asked(Protocol):
    """A network in any form that can be asked about the pictures at `rows` (all if None)."""

    def features(self, pictures: PictureSet, rows: np.ndarray) -> np.ndarray: ...

    def answers(self, pictures: PictureSet, rows: np.ndarray | None = None) -> Answers: ...


@dataclass(frozen=True)
class Network:
    """A trained network, ready to be asked."""

    model: nn.Module
    spec: ModelSpec
    device_runtime: Runtime

    def features(self, pictures: PictureSet, rows: np.ndarray) -> np.ndarray:
        resident = ResidentPictures.from_set(pictures, rows, self.device_runtime.device)
        return features(self.model, resident, self.spec, self.device_runtime).numpy()

    def answers(self, pictures: PictureSet, rows: np.ndarray | None = None) -> Answers:
        rows = np.arange(len(pictures)) if rows is None else rows
        resident = ResidentPictures.from_set(pictures, rows, self.device_runtime.device)
        logits, _ = predict_logits(self.model, resident, self.spec, self.device_runtime)
        return Answers(logits.numpy(), self.features(pictures, rows))


def outlier_run(path: Path, given: Sequence[str] = (), *, data_dir: Path | None = None,
                device: str = "auto") -> dict[str, Any]:
    """Fit the outlier scores of a run, choose the best, judge all on the test split; write outliers.json,
    outlier_detector.npz (the best one) and the summary "outliers" in metrics.json.

    given: other data sets (names or paths) that count as outliers; their training parts have a part in choosing, their
    test parts are judged. Progress on stderr. Returns what outliers.json holds:

    fitted, validation, n: training, validation and test pictures used. choice: the mean AUROC of each score over the
    sets on validation pictures; best: the highest; threshold: its 95th percentile on validation pictures; accepted:
    the share of test pictures it lets pass. sets: for each its n, accepted (as above), and for each score auroc and
    fpr95: the share of outliers let pass at the threshold that lets 95 % of the test pictures pass. Shares and AUROC
    are Intervals as dicts (Wilson, Newcombe; 95 %; for fpr95 the threshold is taken as given).

    Raises UsageError for a run without validation pictures, and what `evaluate_run` raises.
    """
    run = open_run(path)
    device_runtime = runtime.choose(device, run.read_json(run.environment)["precision"])
    network = Network(*load_model(run, device_runtime.device), device_runtime)
    pictures, split = training_pictures(run, data_dir)
    if not len(split.validation):
        raise UsageError(f"{path} was trained without a validation split, on which outlier scores are chosen; "
                         "train with data.validation above 0")
    note("outliers: fitting on training pictures and choosing on validation pictures")
    choice = choose(network, pictures, split, given)
    detector = choice.detector
    note("outliers: judging the test split")
    record = {"fitted": min(len(split.train), FITTED), "validation": len(split.validation), "choice": choice.areas,
              "best": detector.score, "threshold": detector.threshold,
              **_judge(network, run, data_dir, given, choice.fitted, detector)}
    detector.save(path / "outlier_detector.npz")
    write_json(path / "outliers.json", record)
    _summarise(run, record)
    return record


@dataclass(frozen=True)
class Choice:
    """fitted: what each score learned of training pictures. areas: its mean AUROC over the outlier sets made from
    validation pictures. detector: the score with the highest, and its threshold."""

    fitted: dict[str, Fitted]
    areas: dict[str, float]
    detector: Detector


def choose(network: Asked, pictures: PictureSet, split: Split, given: Sequence[str] = (),
           scores: Collection[str] = tuple(SCORES)) -> Choice:
    """Fit `scores` on training pictures and choose among them on validation pictures, of which there must be some."""
    rows = _some(split.train, FITTED, "fit")
    seen = network.features(pictures, rows)
    fitted = {name: SCORES[name].fit(seen, pictures.labels[rows]) for name in scores}
    known = _outlier_scores(network.answers(pictures, split.validation), fitted)
    aurocs: dict[str, list[float]] = {name: [] for name in scores}

    def other_training_pictures(dataset: str) -> PictureSet:
        return load_training(dataset, preparation=pictures.preparation)

    for outliers in _outliers(pictures, split.validation, given, other_training_pictures, "choice").values():
        for name, values in _outlier_scores(network.answers(outliers), fitted).items():
            aurocs[name].append(auroc(known[name], values).estimate)
    areas = {name: float(np.mean(values)) for name, values in aurocs.items()}
    best = max(areas, key=lambda name: areas[name])
    return Choice(fitted, areas, Detector(best, threshold(known[best]), fitted[best]))


def _outlier_scores(answers: Answers, fitted: dict[str, Fitted]) -> dict[str, np.ndarray]:
    return {name: SCORES[name].outlier_score(answers, learned) for name, learned in fitted.items()}


def _some(rows: np.ndarray, n: int, *names: str) -> np.ndarray:
    """At most `n` of `rows`, in rising order, drawn by a generator of that name."""
    return np.sort(_draw(*names).permutation(rows)[:n])


def _draw(*names: str) -> np.random.Generator:
    return np.random.default_rng(runtime.derive_seed(_SEED, "outliers", *names))


def _outliers(pictures: PictureSet, rows: np.ndarray, given: Sequence[str], load: Callable[[str], PictureSet],
              purpose: Purpose) -> dict[str, PictureSet]:
    """Every outlier set by its name: made from the pictures at `rows`, or the part of a given data set that `load`
    gives, in the form of `pictures`."""
    own = np.array(pictures.images[_some(rows, OUTLIERS, purpose)])
    sets = {name: _unlabelled(make(own, OUTLIERS, _draw(purpose, name)), name) for name, make in OUTLIER_SETS.items()}
    for dataset in given:
        others = load(dataset)
        chosen = _some(np.arange(len(others)), OUTLIERS, purpose, dataset)
        sets[_name(dataset, sets)] = _unlabelled(np.array(others.images[chosen]), others.source)
    return sets


def _unlabelled(images: np.ndarray, source: str) -> PictureSet:
    return PictureSet(images, np.zeros(len(images), dtype=np.int64), ("outlier",), source)


def _name(dataset: str, taken: Collection[str]) -> str:
    """What a given set is called: the last part of its path, or all of it where that is in use."""
    short = Path(dataset).name
    return dataset if short in taken or not short else short


def _judge(network: Asked, run: RunFolder, data_dir: Path | None, given: Sequence[str], fitted: dict[str, Fitted],
           detector: Detector) -> dict[str, Any]:
    """n, accepted and sets, as `outlier_run` describes them."""
    test = open_test_split(run, data_dir, who=_WHO, why="judging outlier scores, chosen on validation pictures before")

    def other_test_pictures(dataset: str) -> PictureSet:
        return open_other_test_split(run, dataset, who=_WHO, why=f"judging outlier scores: test part of {dataset}")

    known = _outlier_scores(network.answers(test), fitted)
    passing = {score: threshold(values) for score, values in known.items()}
    sets: dict[str, Any] = {}
    for name, outliers in _outliers(test, np.arange(len(test)), given, other_test_pictures, "test").items():
        scored = _outlier_scores(network.answers(outliers), fitted)
        scores = {score: {"auroc": asdict(auroc(known[score], values)),
                          "fpr95": asdict(_accepted(values, passing[score]))} for score, values in scored.items()}
        sets[name] = {"n": len(outliers), "source": outliers.source, "scores": scores,
                      "accepted": asdict(_accepted(scored[detector.score], detector.threshold))}
    return {"n": len(test), "accepted": asdict(_accepted(known[detector.score], detector.threshold)), "sets": sets}


def _accepted(values: np.ndarray, limit: float) -> Interval:
    return share(int((values <= limit).sum()), len(values))


def _summarise(run: RunFolder, record: dict[str, Any]) -> None:
    estimates = {name: {score: OutlierFigures(auroc=one["auroc"]["estimate"], fpr95=one["fpr95"]["estimate"])
                        for score, one in row["scores"].items()} for name, row in record["sets"].items()}
    run.update_metrics(Metrics(outliers=Outliers(
        n=record["n"], best=record["best"], threshold=record["threshold"], accepted=record["accepted"]["estimate"],
        sets=estimates)))
