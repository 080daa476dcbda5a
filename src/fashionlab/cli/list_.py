"""`fashionlab list`: what there is, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from fashionlab.common.errors import unknown


def command(
    what: Annotated[str, typer.Argument(help="models, recipes, augmentations, optimizers, studies, datasets or "
                                             "formats.")],
    json: Annotated[bool, typer.Option("--json", help="Print as one JSON object.")] = False,
) -> None:
    """List the models, recipes, augmentations, optimizers, studies, data sets or data formats there are."""
    from fashionlab.cli.output import print_json, print_table

    if what not in _LISTS:
        raise unknown("list", what, _LISTS)
    rows, shown = _LISTS[what]()
    if json:
        print_json({what: rows})
    else:
        numbers = [key for key in shown if all(isinstance(row[key], int) for row in rows)]
        cells = [[f"{row[key]:,}" if key in numbers else row[key] for key in shown] for row in rows]
        print_table(shown, cells, right=numbers)


_Rows = tuple[list[dict[str, Any]], list[str]]  # one mapping an entry, and the keys that the table shows


def _models() -> _Rows:
    from fashionlab.models import MODELS, argument_names

    rows = []
    for name in MODELS:
        card = MODELS[name].card
        rows.append({
            "name": name, "parameters": card.parameters, "macs": card.macs, "description": card.description,
            "source": card.source, "input": list(card.input), "smallest": card.smallest, "weakness": card.weakness,
            "arguments": argument_names(name),
        })
    return rows, ["name", "parameters", "macs", "description"]


def _recipes() -> _Rows:
    from fashionlab import recipes

    rows = []
    for name in recipes.names():
        recipe = recipes.load(name)
        rows.append({
            "name": name, "model": recipe.model.name, "epochs": recipe.epochs, "description": recipe.description,
        })
    return rows, ["name", "model", "epochs", "description"]


def _augmentations() -> _Rows:
    from fashionlab.augment import AUGMENTATIONS

    rows = []
    for name in AUGMENTATIONS:
        entry = AUGMENTATIONS[name]
        rows.append({
            "name": name, "kind": entry.kind, "description": entry.description, "source": entry.source,
            "fields": list(entry.model_fields),
        })
    return rows, ["name", "kind", "description"]


def _optimizers() -> _Rows:
    from fashionlab.optimizers import OPTIMIZERS

    rows = []
    for name in OPTIMIZERS:
        entry = OPTIMIZERS[name]
        rows.append({
            "name": name, "description": entry.description, "source": entry.source, "fields": list(entry.model_fields),
        })
    return rows, ["name", "description", "source"]


def _studies() -> _Rows:
    from fashionlab.studies import catalog

    rows = []
    for name in catalog.names():
        study = catalog.load(name)
        rows.append({
            "name": name, "runs": len(study.runs), "metric": study.metric.name, "arms": list(study.declared.arms),
            "question": study.declared.question,
        })
    return rows, ["name", "runs", "metric", "question"]


def _datasets() -> _Rows:
    from fashionlab.data import DATASETS

    rows = []
    for name in DATASETS:
        entry = DATASETS[name]
        rows.append({"name": name, "classes": len(entry.classes), "description": entry.title})
    return rows, ["name", "classes", "description"]


def _formats() -> _Rows:
    from fashionlab.data.formats import FORMATS

    rows = []
    for name in FORMATS:
        entry = FORMATS[name]
        rows.append({"name": name, "description": entry.looks_like, "written": "yes" if entry.write else "no"})
    return rows, ["name", "description", "written"]


_LISTS: dict[str, Callable[[], _Rows]] = {
    "models": _models, "recipes": _recipes, "augmentations": _augmentations, "optimizers": _optimizers,
    "studies": _studies, "datasets": _datasets, "formats": _formats,
}
