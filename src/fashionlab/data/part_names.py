"""Which part of a data set a name stands for: of a file, or in a list's column."""

from __future__ import annotations

import re

from fashionlab.data.source import Part

_WORDS: dict[str, Part] = {
    "train": "train", "training": "train", "trn": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val", "evaluation": "val",
    "test": "test", "testing": "test", "tst": "test",
}
_ENDINGS = ("set", "data", "split")
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # words in snake_case, kebab-case and camelCase


def part_called(word: str) -> Part | None:
    """The part that a whole word stands for, in any case: "train", "Training", "test_set", "validation data"."""
    word = re.sub(r"[^a-z]", "", word.lower())
    for ending in _ENDINGS:
        word = word if word in _WORDS else word.removesuffix(ending)
    return _WORDS.get(word)


def part_in(name: str) -> Part | None:
    """The part that a file's name speaks of (fashion-mnist_train, MnistTest2); None where it is none, or several."""
    parts: set[Part] = {part for piece in _PIECE.findall(name) if (part := part_called(piece))}
    if not parts:  # joined with other words: mnisttrain, trainlabels
        longer: dict[str, Part] = {"train": "train", "test": "test"}
        parts = {part for word, part in longer.items() if word in name.lower()}
    return next(iter(parts)) if len(parts) == 1 else None
