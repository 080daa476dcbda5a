"""Finding, reading and overriding recipe files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fashionlab.common.arguments import as_text
from fashionlab.common.errors import UsageError, unknown
from fashionlab.recipes.schema import Recipe, validate

FOLDER = Path(__file__).parent


def _files() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.rglob("*.yaml"))}


def names() -> list[str]:
    """The built-in recipes."""
    return sorted(_files())


def find(name: str) -> Path:
    """The file of a built-in recipe, or of a path to a YAML file. Raises UsageError."""
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"{name}: no such recipe file")
        return path
    files = _files()
    if name not in files:
        raise unknown("recipe", name, files)
    return files[name]


def header(name: str) -> str:
    """The comment a recipe file opens with, without the leading signs."""
    lines = find(name).read_text(encoding="utf-8").splitlines()
    comment = lines[: next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))]
    return "\n".join(line.lstrip("# ") for line in comment)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping from a file. Raises UsageError with the line of a mistake."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not readable as text ({error})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{where}: no valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path}: expected a mapping of keys to values, found {type(values).__name__}")
    return values


Overrides = Mapping[str, Any] | Sequence[str]


def load(source: str | os.PathLike[str] | Recipe, overrides: Overrides = ()) -> Recipe:
    """The recipe of that name or at that path, or `source` itself, with `overrides`: {"optimizer.lr": 0.05} or
    ["optimizer.lr=0.05"]. Raises UsageError."""
    if isinstance(source, Recipe):
        name, values = "recipe", source.model_dump(mode="json")
    else:
        name = as_text(source, "recipe")
        values = read_yaml(find(name))
    changes = as_mapping(overrides)
    for key, value in changes.items():
        override(values, key, value)
    return validate(values, described(name, changes))


def described(name: str, changes: Mapping[str, Any]) -> str:
    """A recipe with overrides, as messages call it."""
    words = " ".join(f"--set {as_word(key, value)}" for key, value in changes.items())
    return f"{name} with {words}" if words else name


def as_mapping(overrides: Overrides) -> dict[str, Any]:
    """Overrides by dotted key, in their order. Raises UsageError for words that are not KEY=VALUE."""
    if isinstance(overrides, Mapping):
        for key in overrides:
            if not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise UsageError(f"overrides: the key {key!r} is no word such as \"optimizer.lr\"")
        return {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in overrides.items()}
    if isinstance(overrides, str) or not isinstance(overrides, Iterable):
        raise UsageError(f"overrides {overrides!r}: expected {{\"epochs\": 2}}, or a list of such words as epochs=2")
    changes: dict[str, Any] = {}
    for item in overrides:
        if not isinstance(item, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"overrides: expected words such as epochs=2, not {item!r}")
        key, sign, text = item.partition("=")
        if not sign or not key:
            raise UsageError(f"--set {item}: expected key=value, for example --set optimizer.lr=0.05")
        try:
            changes[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {item}: the value is no valid YAML") from error
    return changes


def as_word(key: str, value: Any) -> str:
    """KEY=VALUE, as `as_mapping` reads it."""
    plain = isinstance(value, str) and _reads_as_itself(value)
    return f"{key}={value if plain else json.dumps(value, default=str)}"


def _reads_as_itself(text: str) -> bool:
    try:
        return yaml.safe_load(text) == text
    except yaml.YAMLError:
        return False


def override(values: dict[str, Any], key: str, value: Any) -> None:
    """Set the dotted `key` in nested `values`, in place; a number steps into a list ("augment.0.pixels")."""
    *path, last = key.split(".")
    node: Any = values
    try:
        for part in path:
            if isinstance(node, list):
                node = node[int(part)]
            else:
                if node.get(part) is None:
                    node[part] = {}
                node = node[part]
        if isinstance(node, list):
            node[int(last)] = value
        else:
            node[last] = value
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise UsageError(f"--set {key}: there is no such place in the recipe") from error


def to_yaml(recipe: Recipe) -> str:
    """The recipe with every value written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)
