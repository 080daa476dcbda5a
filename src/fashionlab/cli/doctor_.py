"""`fashionlab doctor`: is everything here that training needs?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print as one JSON object.")] = False,
) -> int:
    """Check this machine for training.

    Versions, processor, threads, GPU, data, cache, and what to do about each problem. Exit status 1 if there is one.
    """
    from dataclasses import asdict

    from fashionlab.cli.output import print_json
    from fashionlab.doctor import examine

    checks = examine(data_dir)
    problems = [check for check in checks if not check.ok]
    if json:
        print_json({"checks": [asdict(check) for check in checks], "problems": len(problems)})
    else:
        for check in checks:
            print(f"{'ok ' if check.ok else 'BAD'}  {check.name:<15} {check.found}")
            if check.advice:
                print(f"     {'':<15} -> {check.advice}")
        print(f"{len(problems)} problem(s) found" if problems else "no problems found")
    return 1 if problems else 0
