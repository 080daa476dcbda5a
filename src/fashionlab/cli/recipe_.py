"""`fashionlab recipe`: look at recipes, copy one to start from, check one before training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fashionlab.common.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Show, copy and check recipes.")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A built-in recipe or a YAML file.")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print as one JSON object.")] = False,
) -> None:
    """Print a recipe with every value written out."""
    from fashionlab import recipes
    from fashionlab.cli.output import print_json

    recipe = recipes.load(name, set_ or [])
    if json:
        print_json(recipe.model_dump(mode="json"))
    else:
        print("\n".join(f"# {line}" for line in recipes.header(name).splitlines()))
        print(recipes.to_yaml(recipe), end="")


@app.command()
def copy(
    name: Annotated[str, typer.Argument(help="A built-in recipe.")],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Copy a recipe's file, comments included, as the start of your own."""
    from fashionlab import recipes
    from fashionlab.common.files import write_text

    if file.exists() and not overwrite:
        raise UsageError(f"{file} exists already; choose another name or add --overwrite")
    write_text(file, recipes.find(name).read_text(encoding="utf-8"))
    print(f"{file} written; train it with `fashionlab train {file if '/' in str(file) else f'./{file}'}`")


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="A recipe file or a built-in recipe.")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key.")] = None,
) -> None:
    """Check that a recipe is valid without training it.

    Its data are not looked at: whether they can be read, and the numbers that follow them, `fashionlab train` says.
    """
    from fashionlab import recipes

    recipe = recipes.load(file, set_ or [])
    print(f"{file}: valid ({recipe.model.name}, {recipe.epochs} epochs, {recipe.optimizer.name})")
