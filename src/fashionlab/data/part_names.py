"""Which part of a data set a name stands for: of a folder, of a file, of an array, or in a list's column.

The one vocabulary of the parts; what only some kinds of names say is a table of its own beside it.
"""

from __future__ import annotations

import re

from fashionlab.data.source import Part

_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test")}
ARRAY_WORDS: dict[str, Part] = {**_WORDS, "tr": "train", "te": "test"}  # x_tr, y_te
IDX_WORDS: dict[str, Part] = {**_WORDS, "t10k": "test"}  # MNIST's ten thousand
EVALUATION = frozenset(("eval", "evaluation"))  # the test part where there is another one for validation
_FILLING = r"(?:data|dataset|folder|image|images|img|imgs|photo|photos|picture|pictures|set|split)"
_NAME = re.compile(rf"\d*(?:{_FILLING})*({'|'.join(sorted(_WORDS, key=len, reverse=True))})(?:{_FILLING})*\d*")
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # words in snake_case, kebab-case and camelCase


def part_called(name: str) -> Part | None:
    """The part that a whole name stands for, in any case: Train, training_set, "validation data", test images."""
    match = _NAME.fullmatch(letters_of(name))
    return _WORDS[match[1]] if match else None


def letters_of(name: str) -> str:
    """Letters and digits alone, in lower case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def part_in(name: str) -> Part | None:
    """The part that a file's name speaks of (fashion-mnist_train, MnistTest2); None where it is none, or several."""
    parts: set[Part] = {part for piece in _PIECE.findall(name) if (part := part_called(piece))}
    if not parts:  # joined with other words: mnisttrain, trainlabels
        longer: dict[str, Part] = {"train": "train", "test": "test"}
        parts = {part for word, part in longer.items() if word in name.lower()}
    return next(iter(parts)) if len(parts) == 1 else None
