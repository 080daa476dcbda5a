"""Write the measured figures into README.md and the recipes' headers, from results/.

    python benchmarks/readme.py            rewrites what stands between <!-- results:NAME --> and <!-- end -->

A test fails when a file is stale.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- results:(?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


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


BLOCKS = {"quick-output": quick_output, "quick-table": quick_table, "bench-data": data_line}


def render(text: str) -> str:
    """`text` with every block made anew."""
    return BLOCK.sub(lambda match: match[1] + BLOCKS[match["name"]]() + match[3], text)


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(render(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
