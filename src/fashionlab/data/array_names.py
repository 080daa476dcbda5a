"""Which of several named arrays are pictures and labels of which part, by the names that are usual.

Names: x_train and y_train (Keras), train_images and train_labels (MedMNIST), X and y (scikit-learn), data and targets
(torchvision), images and labels; in any case and order, with or without separators.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fashionlab.common.errors import DataError
from fashionlab.data.part_names import ARRAY_WORDS
from fashionlab.data.source import PARTS, Part

Kind = Literal["pictures", "labels"]
_KIND_WORDS: dict[Kind, str] = {
    "pictures": "x|images?|imgs?|pictures?|photos?|data|pixels", "labels": "y|labels?|targets?"}
_ANY_PART = f"(?P<part>{'|'.join(ARRAY_WORDS)})"
_ANY_KIND = "|".join(f"(?P<{kind}>{words})" for kind, words in _KIND_WORDS.items())
_ORDERS = tuple(re.compile(order) for order in (
    f"({_ANY_KIND})", f"({_ANY_KIND})({_ANY_PART})", f"({_ANY_PART})({_ANY_KIND})"))
_CLASSES = re.compile("classes|categories|(class|classes|label|labels|target|targets|category)names?")
AXES = "axes"
_UNNAMED = re.compile(r"arr_\d+")  # as numpy.savez calls arrays that were given without a name
_ADVICE = "np.savez(file, x_train=..., y_train=...)"


@dataclass(frozen=True)
class ArrayNames:
    """pictures, labels: the arrays' names by part. classes: that of the class names. axes: that of the order of the
    pictures' axes. unused: all others. notes: what was taken for what, where the names are not x_train and so on."""

    pictures: Mapping[Part, str]
    labels: Mapping[Part, str]
    classes: str | None = None
    axes: str | None = None
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def usual_name(kind: Kind, part: Part) -> str:
    """Such as x_train."""
    return f"{'x' if kind == 'pictures' else 'y'}_{part}"


def understand(names: Sequence[str], where: str) -> ArrayNames:
    """The meaning of `names`; `where` is what messages call the file or folder.

    Names without a part, such as X and y, are training pictures. Raises DataError where two names have one meaning.
    """
    unnamed = [name for name in names if _UNNAMED.fullmatch(name)]
    if unnamed and len(unnamed) == len(names):
        return _in_order(sorted(unnamed), where)
    meaning: dict[Kind, dict[Part, str]] = {"pictures": {}, "labels": {}}
    classes: str | None = None
    unused = []
    for name in names:
        key = re.sub(r"[\s_.-]", "", name).lower()
        if _CLASSES.fullmatch(key):
            _check_single(classes, name, "class names", where)
            classes = name
        elif match := next((match for order in _ORDERS if (match := order.fullmatch(key))), None):
            words = match.groupdict()
            kind: Kind = "pictures" if words["pictures"] else "labels"
            part: Part = ARRAY_WORDS[words["part"]] if words.get("part") else "train"
            _check_single(meaning[kind].get(part), name, f"{kind} of the {PARTS[part]} part", where)
            meaning[kind][part] = name
        elif name != AXES:
            unused.append(name)
    axes = AXES if AXES in names else None
    return ArrayNames(meaning["pictures"], meaning["labels"], classes, axes, tuple(unused), _notes(meaning))


def _check_single(other: str | None, name: str, what: str, where: str) -> None:
    if other is not None:
        raise DataError(f"{where}: {other!r} and {name!r} may both be the {what}; rename or remove one of them")


def _in_order(unnamed: Sequence[str], where: str) -> ArrayNames:
    """Pictures, then labels, as everybody gives them; of more arrays nothing says which is which."""
    if len(unnamed) > 2:
        raise DataError(f"{where}: its arrays are called {unnamed[0]} to {unnamed[-1]}, which does not say what they "
                        f"are; give them names: {_ADVICE}")
    pictures, *labels = unnamed
    note = f"{pictures} is taken for the pictures" + (f", {labels[0]} for their labels" if labels else "")
    return ArrayNames({"train": pictures}, {"train": labels[0]} if labels else {}, notes=(note,))


def _notes(meaning: Mapping[Kind, Mapping[Part, str]]) -> tuple[str, ...]:
    parts: dict[Part, list[str]] = {
        part: [names[part] for names in meaning.values() if part in names] for part in PARTS}
    usual = {usual_name(kind, part) for kind in meaning for part in PARTS}
    if all(name in usual for names in parts.values() for name in names):
        return ()
    taken = "; ".join(f"{' and '.join(names)}: {PARTS[part]}" for part, names in parts.items() if names)
    return (f"arrays taken for pictures and labels: {taken}",)
