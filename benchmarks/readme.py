"""Write the measured figures into README.md and the recipes' headers, from results/.

    python benchmarks/readme.py            rewrites what stands between <!-- results:NAME --> and <!-- end -->

A test fails when a file is stale.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from fashionlab import recipes
from fashionlab.reproduction.board import board
from fashionlab.reproduction.systems import systems

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- results:(?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOT_MEASURED = "Not measured yet: results/ has no file for it."
MEASURED = re.compile(rf"{re.escape(NOT_MEASURED)}|Measured: results/reproduce/[\w-]+\.json\.")


def read(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))


def quick_output() -> str:
    """What the first seed's command printed."""
    return f"```\n{read('quick')['seeds'][0]['output'].rstrip()}\n```\n"


def quick_table() -> str:
    """One line of figures for the recipe `quick`."""
    result = read("quick")
    summary, machine = result["summary"], result["machine"]
    accuracy, seconds = summary["test_accuracy"], summary["train_seconds"]
    interval = "[{:.2%}, {:.2%}]".format(*accuracy["interval"]) if accuracy["interval"] else "(one seed: no interval)"
    return (
        "| recipe | test accuracy, mean [95 % interval] | training time, mean | with validation, mean | seeds |\n"
        "|---|---|---|---|---|\n"
        f"| `quick` | {accuracy['mean']:.2%} {interval} | {seconds['mean']:.0f} s | "
        f"{summary['session_seconds']['mean']:.0f} s | {accuracy['n']} |\n\n"
        f"Measured with `{result['command']}` on {machine['cores']} cores of an {machine['processor']} "
        f"({result['seeds'][0]['precision']}), PyTorch {result['versions']['torch']}; training time is from pictures "
        "in memory to final weights, without validation. Every figure is in `results/quick.json`.\n")


def data_line() -> str:
    """The data pipeline's ratio."""
    result = read("bench_data")
    return (f"Batched augmentation: {result['ratio']} times the pictures a second of the per-picture pipeline "
            f"({result['ratio_lowest']} to {result['ratio_highest']} over {result['rounds']} rounds side by side; "
            "`results/bench_data.json`).\n")


def training_speed() -> str:
    """Each convolutional system's training beside the plain way."""
    measured = read("bench_train")["systems"]
    ratios = ", ".join(f"`{name}` {one['ratio']}" for name, one in measured.items())
    one = next(iter(measured.values()))
    return ("Pictures a second in training, as a multiple of torchvision, PIL and a plain loop with the same network: "
            f"{ratios} (medians of {one['rounds']} rounds side by side, {one['precision']}; "
            "`results/bench_train.json`).\n")


def scoreboard() -> str:
    """A row a reference system."""
    rows = board(ROOT / "results" / "reproduce")
    table = ["| system | claimed | measured, mean [95 % interval] | n | fastest, threads | verdict |",
             "|---|---|---|---|---|---|"]
    for row in rows:
        claim, found = row["claimed"]["claim"], row["measured"]
        if found is None:
            table.append(f"| `{row['id']}` | {claim} | | | | not yet measured |")
            continue
        ends = " [{:.2%}, {:.2%}]".format(*found["interval"]) if found["interval"] else ""
        split = ", validation" if found["metric"] == "val_accuracy" else ""
        short = f" (shortened: {', '.join(found['changes'])})" if found["changes"] else ""
        table.append(f"| `{row['id']}` | {claim} | {found['mean']:.2%}{ends}{split} | {found['n']} | "
                     f"{found['fastest_seconds']:,.0f} s, {found['fastest_threads']} | {row['verdict']}{short} |")
    machines = sorted({f"{found['machine']['cores']} cores of an {found['machine']['processor']} ({found['device']})"
                       for row in rows if (found := row["measured"])})
    told = (f"\nTest accuracy over n seeds on {'; '.join(machines)}; the time is the training of the fastest seed, "
            "with its number of threads. "
            "\"Reproduced\" means that one run of ours could have given the claimed figure; \"contradicted\", that "
            "what the text describes gives something else. `fashionlab reproduce` prints the board with the reasons; "
            "every figure is in `results/reproduce/`.\n")
    return "\n".join(table) + "\n" + told


BLOCKS = {"quick-output": quick_output, "quick-table": quick_table, "bench-data": data_line,
          "bench-train": training_speed, "scoreboard": scoreboard}


def render(text: str) -> str:
    """`text` with every block made anew."""
    return BLOCK.sub(lambda match: match[1] + BLOCKS[match["name"]]() + match[3], text)


def header(name: str, text: str) -> str:
    """The text of a reference system's recipe with the right word on where its figures are."""
    measured = (ROOT / "results" / "reproduce" / f"{name}.json").is_file()
    return MEASURED.sub(f"Measured: results/reproduce/{name}.json." if measured else NOT_MEASURED, text, count=1)


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(render(readme.read_text(encoding="utf-8")), encoding="utf-8")
    for system in systems():
        path = recipes.find(system.id)
        path.write_text(header(system.id, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
