"""The measured figures of docs/photographs.md, for benchmarks/readme.py."""

from __future__ import annotations

from typing import Any

from writing import ROOT, read, table, where


def _share(summary: dict[str, Any]) -> str:
    ends = summary["interval"]
    return f"{summary['mean']:.1%}" + (" [{:.1%}, {:.1%}]".format(*ends) if ends else "")


def photographs() -> str:
    """The recipe beside the plain ways, and its cross-validation by sender."""
    return _side_by_side() + _senders()


def _side_by_side() -> str:
    if not (ROOT / "results" / "photographs.json").is_file():
        return "Not measured yet: `python benchmarks/photographs.py FOLDER`.\n"
    found = read("photographs")
    rows = [(way, _share(one["validation_accuracy"]), _share(one["test_accuracy"]), f"{one['seconds']['mean']:,.0f} s",
             one["seconds"]["n"]) for way, one in found["summary"].items() if one["seconds"]]
    return (table(("way", "validation, mean [95 % interval]", "test", "time, from the files on", "seeds"), rows)
            + f"{found['data']}. {where(found)}; `results/photographs.json`.\n")


def _senders() -> str:
    if not (ROOT / "results" / "senders.json").is_file():
        return "\nNot measured yet: `python benchmarks/senders.py FOLDER`.\n"
    found = read("senders")
    lowest, highest = (choose(one["accuracy"] for one in found["folds"]) for choose in (min, max))
    return (f"\nCross-validation by sender in {len(found['folds'])} folds, each of the {found['pictures']:,} "
            f"photographs judged by a network that has seen none of its sender's ({found['senders']} senders): "
            f"{found['accuracy']:.1%} (95 % over other senders: {found['interval'][0]:.1%} to "
            f"{found['interval'][1]:.1%}; folds {lowest:.1%} to {highest:.1%}). {where(found)}; "
            "`results/senders.json`.\n")


BLOCKS = {"photographs": photographs}
