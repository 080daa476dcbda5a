"""`fashionlab data ...`: fetch a data set, describe it, show it, convert it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fashionlab.common.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Fetch, describe, show and convert data sets.")

Dataset = Annotated[str, typer.Argument(help="A name (`fashionlab list datasets`) or a path: a folder with one folder "
                                             "of pictures a class, IDX files, CSV tables, an .npz file and others "
                                             "(`fashionlab list formats`).")]
DataDir = Annotated[Path | None, typer.Option(help="The folder of a named data set; else FASHIONLAB_DATA, the cache, "
                                                   "the system, a download.")]
Skip = Annotated[bool, typer.Option("--skip-unreadable", help="List broken pictures on stderr and go on without them.")]
Group = Annotated[str | None, typer.Option(help="What belongs together: a column of the list, or a pattern of the file "
                                                "name.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing target.")]


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A named data set.")] = "fashion-mnist",
    data_dir: Annotated[Path | None, typer.Option(help="Where to put it; else FASHIONLAB_DATA, the cache.")] = None,
) -> None:
    """Make sure that a data set is on this machine, whole and verified; print its folder."""
    from fashionlab import datasets

    print(datasets.fetch(name, data_dir))


@app.command()
def info(dataset: Dataset = "fashion-mnist", data_dir: DataDir = None, group: Group = None,
         json: Json = False) -> None:
    """Pictures per class and split, what was taken for what, what is left out and why, how pictures are prepared."""
    from fashionlab import datasets
    from fashionlab.cli.output import print_json, print_table
    from fashionlab.common.naming import on_one_line
    from fashionlab.common.records import LeftOut
    from fashionlab.data.summary import left_out_lines

    facts = datasets.info(dataset, data_dir=data_dir, group=group)
    if json:
        print_json(facts)
        return
    splits = facts["splits"]
    channels, height, width = facts["shape"]
    print(f"source     {facts['source']}")
    sides = " (height x width)" if height != width else ""
    print(f"pictures   {height} x {width}{sides}, {channels} channel{'s' if channels > 1 else ''} of 8 bits")
    print(f"mean       {' '.join(f'{value:.5f}' for value in facts['mean'])}   (training pictures, scale 0 to 1)")
    print(f"deviation  {' '.join(f'{value:.5f}' for value in facts['std'])}")
    for name, split in splits.items():
        print(f"{name:<9}  sha256 {split['sha256']}")
    print()
    rows = [[label, name, *(f"{split['per_class'][name]:,}" for split in splits.values())]
            for label, name in enumerate(facts["classes"])]
    total = ["", "all", *(f"{split['pictures']:,}" for split in splits.values())]
    print_table(["label", "class", *splits], [*rows, total], right=["label", *splits])
    left_out = left_out_lines([LeftOut(**one) for one in facts["left_out"]])
    # The first and the last line say these.
    notes = [one for one in facts["notes"] if one not in facts["source"] and not one.startswith("prepared as")]
    if lines := [*notes, *left_out]:
        print("\n" + "\n".join(map(on_one_line, lines)))
    prepared = facts["preparation"]
    print(f"\nto train, pictures are prepared as {prepared['name']}, {prepared['size']} x {prepared['size']}: "
          f"{prepared['reason']}")


@app.command()
def show(
    dataset: Dataset = "fashion-mnist",
    out: Annotated[Path, typer.Option(help="The PNG file to write.")] = Path("contact-sheet.png"),
    examples: Annotated[int, typer.Option(help="Pictures a class.")] = 10,
    data_dir: DataDir = None,
    skip_unreadable: Skip = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Draw a contact sheet of the training pictures: for each class its name, its mean picture and examples."""
    from fashionlab import datasets
    from fashionlab.cli.output import print_json
    from fashionlab.data.contact_sheet import save_contact_sheet

    if out.suffix.lower() != ".png":
        raise UsageError(f"--out {out}: expected a name that ends in .png")
    if out.exists() and not overwrite:
        raise UsageError(f"{out}: exists; choose another name or add --overwrite")
    pictures = datasets.load(dataset, data_dir=data_dir, skip_unreadable=skip_unreadable)
    save_contact_sheet(pictures, out, examples)
    if json:
        print_json({"dataset": dataset, "file": str(out), "classes": list(pictures.classes), "examples": examples})
    else:
        print(out)


@app.command()
def convert(
    source: Annotated[str, typer.Argument(help="A name or a path, as for `data info`.")],
    target: Annotated[Path, typer.Argument(help="The folder or the file to make.")],
    to: Annotated[str, typer.Option(help="A format: idx, csv, npz, folder and others (`fashionlab list formats`).")],
    data_dir: DataDir = None,
    skip_unreadable: Skip = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a data set in another format, without loss: order, labels, pixels and class names stay."""
    from fashionlab import datasets

    print(datasets.convert(source, target, to, data_dir=data_dir, skip_unreadable=skip_unreadable,
                           overwrite=overwrite))
