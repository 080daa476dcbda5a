"""Precision, recall and F1, of each class and averaged; the confusion matrix.

Averages are scikit-learn's default: over the classes that have pictures or were answered. A class of neither kind has
no score at all; counted as 0 it would make the average depend on how many names the data set has. Balanced accuracy is
scikit-learn's too: over the classes that have pictures alone, so it is macro recall unless one without was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fashionlab.common.naming import some_of
from fashionlab.common.records import SPLITS, Predictions, SplitName
from fashionlab.evaluation.metrics.record import Combine, Form, Metric, scattered

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SCORES = ("precision", "recall", "f1")
# Where the largest class has this many times the pictures of the smallest, balanced accuracy is shown beside accuracy.
_UNEVEN = 1.5


def uneven(counts: Iterable[int]) -> bool:
    """Whether classes of so many pictures differ so much in size that accuracy speaks of the large ones above all.

    Classes without pictures are left out, as balanced accuracy leaves them out.
    """
    present = [count for count in counts if count]
    return bool(present) and max(present) > _UNEVEN * min(present)


def per_class(predictions: Predictions) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support of every class, in label order; 0 where there is nothing to share out."""
    precision, recall, f1, support = _precision_recall_f1(predictions, range(len(predictions.classes)), None)
    return [
        {"class": name, "precision": float(precision[i]), "recall": float(recall[i]), "f1": float(f1[i]),
         "support": int(support[i])}
        for i, name in enumerate(predictions.classes)
    ]


def confusion(predictions: Predictions) -> list[list[int]]:
    """Counts [true class][predicted class]."""
    n = len(predictions.classes)
    return np.bincount(predictions.labels * n + predictions.predicted, minlength=n * n).reshape(n, n).tolist()


def present_labels(predictions: Predictions) -> list[int]:
    """The classes that have pictures or were answered, ascending."""
    return np.union1d(predictions.labels, predictions.predicted).tolist()


def remarks(predictions: Predictions) -> list[str]:
    """What to know of the averages over classes: the classes that they leave out. Empty where they leave out none."""
    absent = sorted(set(range(len(predictions.classes))) - set(present_labels(predictions)))
    if not absent:
        return []
    names = some_of([f"“{predictions.classes[label]}”" for label in absent])
    some, them = ("class", "it") if len(absent) == 1 else ("classes", "them")
    split = cast(SplitName, predictions.split)
    return [f"No picture of the {SPLITS[split]} split is of the {some} {names}, and none was called so: the macro "
            f"averages leave {them} out."]


def classification_report(predictions: Predictions) -> str:
    """The table that scikit-learn prints, with 4 digits: the classes that have pictures or were answered, accuracy,
    macro and weighted averages."""
    from sklearn.metrics import classification_report as report

    labels = present_labels(predictions)
    return str(report(
        predictions.labels, predictions.predicted, labels=labels,
        target_names=[predictions.classes[label] for label in labels], digits=4,
        zero_division=0))  # pyright: ignore[reportArgumentType]


def _precision_recall_f1(predictions: Predictions, labels: Any, average: Any) -> Any:
    from sklearn.metrics import precision_recall_fscore_support

    return precision_recall_fscore_support(
        predictions.labels, predictions.predicted, labels=list(labels), average=average,
        zero_division=0)  # pyright: ignore[reportArgumentType]


def _averaged(score: str, average: str) -> Callable[[Predictions], float]:
    def function(predictions: Predictions) -> float:
        return _precision_recall_f1(predictions, present_labels(predictions), average)[_SCORES.index(score)]

    return function


def balanced_accuracy(predictions: Predictions) -> float:
    """The mean recall of the classes that have pictures."""
    return float(_precision_recall_f1(predictions, np.unique(predictions.labels), "macro")[_SCORES.index("recall")])


def _class_counts(predictions: Predictions) -> csr_array:
    """K columns for right answers of each class, K for its pictures, K for the answers that name it."""
    classes, labels, predicted = len(predictions.classes), predictions.labels, predictions.predicted
    where = np.stack([labels, classes + labels, 2 * classes + predicted], axis=1)
    values = np.stack([predicted == labels, np.ones(len(labels)), np.ones(len(labels))], axis=1)
    return scattered(where, values, 3 * classes)


def _macro_form(score: str, *, answered: bool = True) -> Form:
    """By the rule of the score itself: the mean of each resample is over the classes that have pictures or, with
    `answered`, answers in that resample."""

    def combine(means: np.ndarray) -> np.ndarray:
        right, pictures, answers = np.split(means, 3)
        among = {"precision": answers, "recall": pictures, "f1": (pictures + answers) / 2}[score]
        of_class = np.divide(right, among, out=np.zeros_like(right), where=among > 0)
        averaged = pictures + answers if answered else pictures
        return of_class.sum(axis=0) / (averaged > 0).sum(axis=0)

    def form(predictions: Predictions) -> tuple[csr_array, Combine, bool]:
        return _class_counts(predictions), combine, False

    return form


def _metric(average: str, score: str, **shown: Any) -> Metric:
    title = f"{average} {'F1' if score == 'f1' else score}"
    return Metric(f"{average}_{score}", title, "scikit-learn, precision_recall_fscore_support",
                  _averaged(score, average), **shown)


METRICS = (
    Metric("balanced_accuracy", "balanced accuracy", "scikit-learn, balanced_accuracy_score", balanced_accuracy,
           is_share=True, form=_macro_form("recall", answered=False), headlines={"test": "balanced_accuracy"},
           tables={"summary": "Balanced accuracy"}),
    _metric("macro", "f1", form=_macro_form("f1"), headlines={"test": "macro_f1"},
            tables={"summary": "Macro F1", "comparison": "Macro F1"}),
    _metric("macro", "precision", form=_macro_form("precision"), tables={"summary": "Macro precision"}),
    _metric("macro", "recall", form=_macro_form("recall"), tables={"summary": "Macro recall"}),
    _metric("micro", "f1"), _metric("micro", "precision"), _metric("micro", "recall"),
    _metric("weighted", "f1"), _metric("weighted", "precision"), _metric("weighted", "recall"),
)
