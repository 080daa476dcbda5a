"""`fashionlab compare`: finished runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fashionlab.studies.comparison import Comparison


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="The folders of two or more runs.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page. [default: compare-<names>.html beside the "
                                             "first run; with --json none]")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Compare finished runs on the same test pictures.

    Scores and costs side by side, tests of every difference, and an HTML page with charts and the pictures on which
    the runs disagree. Runs on different data or splits are refused.
    """
    import fashionlab as fl

    comparison = fl.compare(runs, data_dir=data_dir)
    page = comparison.page(out) if out is not None or not json else None
    if json:
        from fashionlab.cli.output import print_json

        print_json({**comparison.as_dict(), "page": str(page) if page else None})
    else:
        _print(comparison.result)
        print(f"page  {page}")


def _print(comparison: Comparison) -> None:
    from fashionlab.cli.output import print_table
    from fashionlab.report import compare_facts as facts

    def show(title: str, table: facts.Table) -> None:
        print(title)
        print_table(table.headings, table.plain, right=table.numbers)
        print()

    print(f"{facts.lead(comparison)}\n")
    show(f"Scores on the test split, n = {comparison.n:,}", facts.scores(comparison))
    show("Cost", facts.costs(comparison))
    show("Accuracy by class", facts.classes(comparison, "accuracy"))
    show("Pairs, on the same pictures (paired bootstrap interval, McNemar's exact test)", facts.pairs(comparison))
    if comparison.cochran:
        print(f"Cochran's Q of all {len(comparison.candidates)} runs: {comparison.cochran.statistic:.2f}, "
              f"p {facts.p_value(comparison.cochran.p)}\n")
    show("Recipes over their seeds", facts.groups(comparison))
    if comparison.seed_pairs:
        show("Pairs of recipes, by seed (paired t interval, paired permutation test)", facts.seed_pairs(comparison))
    for remark in comparison.remarks:
        print(f"note  {remark}")
    print(f"{len(comparison.answers.disagreed):,} pictures are answered differently")
