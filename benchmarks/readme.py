"""Write the measured figures into README.md, pages of docs/ and the recipes' headers, from results/.

    python benchmarks/readme.py            rewrites what stands between <!-- results:NAME --> and <!-- end -->, and
                                           draws the figures

A test fails when a file is stale.
"""

from __future__ import annotations

import re
from typing import Any

import deployment_pages
import photograph_pages
from recipe import own
from writing import ROOT, cores, read, table, where

from fashionlab import recipes
from fashionlab.report import style
from fashionlab.report.benchmark_figures import Point, accuracy_against_time, growth
from fashionlab.reproduction.board import board, shown_verdict, tried_in_small

BLOCK = re.compile(r"(<!-- results:(?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MEASURED = re.compile(r"^# (?:Measured|Not measured yet)\b.*$", re.MULTILINE)  # a recipe's line about itself
PAGES = ("README.md", *(f"docs/{name}.md" for name in (
    "drift", "edge", "export", "own-pictures", "performance", "photographs", "predict", "reference-systems",
    "results", "serving", "transfer")))
FIGURES = ROOT / "docs" / "figures"
LOWEST = 82.5  # percent; what is below stands at the lower edge of the figure


def quick_output() -> str:
    """What the first seed's command printed."""
    return f"```\n{read('quick')['seeds'][0]['output'].rstrip()}\n```\n"


def own_recipes(measured: bool = True) -> list[str]:
    """The recipes that are no reference systems: those with figures, from the fastest, or those without."""
    done = [name for name in own() if (ROOT / "results" / f"{name}.json").is_file()]
    if not measured:
        return [name for name in own() if name not in done]
    return sorted(done, key=lambda name: read(name)["summary"]["train_seconds"]["mean"])


def _still_to_measure() -> str:
    """Which recipes have no figures or too few of them, those that need a GPU apart."""
    groups: dict[str, list[str]] = {}
    few = [name for name in own_recipes() if len(read(name)["seeds"]) < 5]
    for name in [*own_recipes(measured=False), *few]:
        gpu = recipes.find(name).parent.name == "gpu"
        why = "without a GPU (`benchmarks/on_a_gpu.sh`)" if gpu else "over five seeds yet"
        groups.setdefault(why, []).append(f"`{name}`")
    return "".join(f"Not measured {why}: {', '.join(names)}.\n" for why, names in groups.items()) + "\n" * bool(groups)


def records() -> str:
    """README: a row for each of our recipes, and where more is said of them."""
    return (_records_table() + "Training time is from pictures in memory to final weights, without validation. "
            "Machines, commands and what is not measured: [docs/results.md](docs/results.md).\n")


def _records_table() -> str:
    rows: list[tuple[object, ...]] = []
    for name in own_recipes():
        result = read(name)
        summary, first = result["summary"], result["seeds"][0]
        accuracy = summary["test_accuracy"]
        ends, session = accuracy["interval"], summary["session_seconds"]
        interval = "[{:.2%}, {:.2%}]".format(*ends) if ends else "(one seed: no interval)"
        rows.append((f"`{name}`", f"{accuracy['mean']:.2%} {interval}", f"{summary['train_seconds']['mean']:,.0f} s",
                     f"{session['mean']:,.0f} s" if session else "-", f"{first['threads']}, {first['precision']}",
                     f"{first['parameters']:,}", accuracy["n"]))
    return table(("recipe", "test accuracy, mean [95 % interval]", "training time, mean", "with validation",
                  "cores, format", "parameters", "seeds"), rows)


def records_in_full() -> str:
    """docs/results.md: the same rows, and all that has to be known of them."""
    commands: dict[str, list[str]] = {}  # by where they were run
    for name in own_recipes():
        result = read(name)
        machine = f"{cores(result)} ({result['seeds'][0]['precision']}), PyTorch {result['versions']['torch']}"
        commands.setdefault(machine, []).append(f"`{result['command']}`")
    measured = "".join(f"- on {machine}: {', '.join(ones)}\n" for machine, ones in commands.items())
    return (f"{_records_table()}Training time is from pictures in memory to final weights, without validation. "
            f"Measured with\n\n{measured}\n{_still_to_measure()}{ensembles()}{reach()}{chart('')}")


def chart(folder: str = "docs/") -> str:
    """The accuracy-against-time figure, from a page beside `folder`."""
    return f"![{_points_in_words()}]({folder}figures/accuracy-against-time.svg)\n"


def ensembles() -> str:
    """A sentence for each recipe whose seeds were put together."""
    said = []
    for name in own_recipes():
        if not (ROOT / "results" / f"ensemble-{name}.json").is_file():
            continue
        found = read(f"ensemble-{name}")
        one, all_of_them = found["singles"], found["ensemble"]
        said.append(f"The mean probability of the {found['members']} seeds of `{name}` (`fashionlab ensemble`) has "
                    "{:.2%} [{:.2%}, {:.2%}] and a negative log-likelihood of {:.3f}; a single one {:.2%} and {:.3f}."
                    .format(all_of_them["test_accuracy"], *all_of_them["test_interval"], all_of_them["nll"],
                            one["test_accuracy"]["mean"], one["nll"]["mean"]))
    return "\n".join(said) + "\n\n" if said else ""


def reach() -> str:
    """A sentence on the time to the plain baseline's accuracy."""
    if not (ROOT / "results" / "reach.json").is_file():
        return ""
    found = read("reach")
    (ours, ours_time), (plain, plain_time) = (
        (side["recipe"], "not reached" if side["seconds"] is None else f"{side['seconds']:.0f} s")
        for side in (found["sides"]["fashionlab"], found["sides"]["plain"]))
    ratio = "" if found["ratio"] is None else f", {found['ratio']:.1f} times as long"
    return (f"Time to {found['target']:.1%} on validation (`fashionlab bench train`, side by side): "
            f"`{ours}` {ours_time}, `{plain}` in the loop of a tutorial {plain_time}{ratio}.\n\n")


def points() -> list[Point]:
    """Everything whose test accuracy was measured on all the data, and its mean training time."""
    found = []
    for name in own_recipes():
        summary = read(name)["summary"]
        found.append(_point(name, "ours", summary["test_accuracy"], summary["train_seconds"]["mean"]))
    rates = read("bench_train")["systems"]  # both ways side by side, which no training of a whole run was
    for row in board(ROOT / "results" / "reproduce"):
        name, one = row["id"], row["measured"]
        if not one or one["metric"] != "test_accuracy" or one["changes"]:
            continue
        if name not in rates and one["fastest_threads"] < one["machine"]["cores"]:
            continue
        if name not in rates:
            found.append(_point(name, "reference", one, one["fastest_seconds"]))
            continue
        recipe = recipes.load(name)
        seen = recipe.epochs * 60_000 * (1 - recipe.data.validation)
        for kind, side in (("reference", "fashionlab"), ("plain", "plain")):
            found.append(_point(name, kind, one, seen / rates[name]["sides"][side]["median"]))
    return found


def _point(name: str, kind: Any, accuracy: dict[str, Any], seconds: float) -> Point:
    interval = accuracy["interval"]
    return Point(name, kind, 100 * accuracy["mean"], (100 * interval[0], 100 * interval[1]) if interval else None,
                 seconds, accuracy["n"])


def _points_in_words() -> str:
    return "Test accuracy against training time: " + "; ".join(
        f"{one.name}{', plain' * (one.kind == 'plain')} {one.accuracy:.2f} % in {one.seconds:,.0f} s"
        for one in points()) + "."


def draw() -> None:
    """The figures of README and docs/performance.md."""
    def having(key: str, value: object) -> str:
        return ", ".join(name for name in own_recipes() if read(name)["seeds"][0][key] == value)

    note = (f"mean and 95 % interval over the seeds, two cores ({having('threads', 1)}: one); below the axis: lower\n"
            f"{having('precision', 'bfloat16')}: bfloat16 on cores with AMX; others: float32 on slower cores without\n"
            "reference systems: convolutional ones at the rates of bench_train.json, others their fastest seed")
    style.save(accuracy_against_time(points(), LOWEST, note), FIGURES / "accuracy-against-time.svg", "svg")
    if (ROOT / "results" / "growth.json").is_file():
        style.save(growth(read("growth")), FIGURES / "growth.svg", "svg")


def growth_tables() -> str:
    """docs/performance.md: what stands in results/growth.json."""
    if not (ROOT / "results" / "growth.json").is_file():
        return "Not measured yet: `python benchmarks/growth.py`.\n"
    found = read("growth")
    threads = [(row["threads"], *(f"{peak[key]:.0f}" for key in ("matrices", "convolution")), _rate(row))
               for row, peak in zip(found["threads"], found["peak"], strict=True)]
    widths = [(", ".join(map(str, row["widths"])), f"{row['macs'] / 1e6:.1f}", _rate(row), f"{row['gflops']:.0f}",
               f"{row['share_of_peak']:.0%}") for row in found["widths"]]
    pictures = [(f"{row['pictures']:,}", f"{row['seconds']:.1f}", _rate(row)) for row in found["pictures"]]
    batches = [(f"{row['batch']:,}", _rate(row), f"{row['peak_mib']:,.0f}") for row in found["batches"]]
    return (
        table(("threads", "product of matrices, GFLOP/s", "3x3 convolution, GFLOP/s", "training, pictures/s"), threads)
        + table(("widths", "million multiply-accumulates", "pictures/s", "GFLOP/s", "share of the peak"), widths)
        + table(("pictures", "seconds an epoch", "pictures/s"), pictures)
        + table(("batch", "pictures/s", "memory of the process, MiB"), batches)
        + f"The fastest of {found['rounds']} rounds. {where(found)} ({found['precision']}), commit "
        f"{(found['commit'] or 'unknown')[:7]}; `results/growth.json`.\n\n"
        + "![Seconds against pictures, milliseconds a picture against arithmetic, pictures a second against threads, "
        "memory against batch size.](figures/growth.svg)\n")


def _rate(row: dict[str, Any]) -> str:
    return f"{row['pictures_per_second']:,.0f}"


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
            f"`results/bench_train.json`).\n{_parity()}")


def _parity() -> str:
    """Whether the layout that training uses costs accuracy."""
    if not (ROOT / "results" / "layout.json").is_file():
        return ""
    found = read("layout")
    verdict = found["together"]
    ends = verdict["difference"]
    said = {"equivalent": "no difference that matters", "undecided": "neither a difference nor its absence is shown"}
    return (f"\nAccuracy in our memory layout less that in the default one: {ends['estimate']:+.2f} points "
            f"[{ends['low']:+.2f}, {ends['high']:+.2f}] over {verdict['n']} pairs of runs of "
            f"{len(found['systems'])} systems in float32 ({said.get(verdict['word'], verdict['word'])}; "
            "`results/layout.json`).\n")


def transfer() -> str:
    """docs/transfer.md: accuracy and time by arm and side."""
    found = read("transfer")
    cells = {(row["arm"], row["side"]): f"{row['val_accuracy']['mean']:.2%}, {row['train_seconds']['mean']:,.0f} s"
             for row in found["summary"]}
    arms = {"head": "pretrained, the last layer alone", "fine-tuned": "pretrained, fine-tuned",
            "from-nothing": "random weights"}
    rows = [(f"{side} x {side}", *(cells.get((arm, side), "not measured") for arm in arms))
            for side in sorted({side for _, side in cells})]
    seeds = {row["seed"] for row in found["seeds"]}
    return (table(("side", *arms.values()), rows)
            + f"Accuracy on the validation split and training time, {len(seeds)} seed{'s'[: len(seeds) > 1]}. "
            f"{where(found)}; `results/transfer.json`.\n")


def scoreboard() -> str:
    """docs/reference-systems.md: a row a reference system, without figures where it was only tried in small."""
    rows, lines = board(ROOT / "results" / "reproduce"), []
    for row in rows:
        start, found = (f"`{row['id']}`", row["claimed"]["claim"]), row["measured"]
        if found is None or tried_in_small(row):
            lines.append((*start, "", "", "", shown_verdict(row)))
            continue
        ends = " [{:.2%}, {:.2%}]".format(*found["interval"]) if found["interval"] else ""
        split = ", validation" if found["metric"] == "val_accuracy" else ""
        lines.append((*start, f"{found['mean']:.2%}{ends}{split}", found["n"],
                      f"{found['fastest_seconds']:,.0f} s, {found['fastest_threads']}", shown_verdict(row)))
    machines = sorted({f"{found['machine']['cores']} cores of an {found['machine']['processor']} ({found['device']})"
                       for row in rows if (found := row["measured"])})
    small = ", ".join(f"`{row['id']}` ({', '.join(row['measured']['changes'])})" for row in rows if tried_in_small(row))
    note = (f"Test accuracy over n seeds on {'; '.join(machines)}; the time is the training of the fastest seed, "
            "with its number of threads. "
            "\"Reproduced\" means that one run of ours could have given the claimed figure; \"contradicted\", that "
            "what the text describes gives something else. `fashionlab reproduce` prints the board with the reasons; "
            "every figure is in `results/reproduce/`.\n")
    if small:
        note += f"\nTried in small, which says nothing about the claim: {small}.\n"
    header = ("system", "claimed", "measured, mean [95 % interval]", "n", "fastest, threads", "verdict")
    return table(header, lines) + note


def memory() -> str:
    """docs/own-pictures.md: what a large catalogue takes."""
    row = read("memory")
    peaks = {name: f"{phase['peak_gigabytes']:.1f} GB" for name, phase in row["phases"].items()}
    return (f"{row['pictures']:,} photographs at {row['side']} pixels, {row['decoded_gigabytes']:.1f} GB decoded: at "
            f"most {peaks['decoding']} of memory when they are decoded and a head is trained, {peaks['fine-tuning']} "
            f"when all of EfficientNet-Lite0 is fine-tuned (`results/memory.json`, `{row['command']}`).\n")


BLOCKS = {"quick-output": quick_output, "records": records, "records-in-full": records_in_full, "chart": chart,
          "memory": memory, "growth": growth_tables, "bench-data": data_line, "bench-train": training_speed,
          "scoreboard": scoreboard, "transfer": transfer, **deployment_pages.BLOCKS, **photograph_pages.BLOCKS}


def render(text: str) -> str:
    """`text` with every block made anew."""
    return BLOCK.sub(lambda match: match[1] + BLOCKS[match["name"]]() + match[3], text)


def header(name: str, text: str) -> str:
    """The text of a recipe with the right line on what was measured of it."""
    return MEASURED.sub(f"# {_measured(name)}", text, count=1)


def _measured(name: str) -> str:
    reference = ROOT / "results" / "reproduce" / f"{name}.json"
    if reference.is_file():
        one = next(row["measured"] for row in board(reference.parent) if row["id"] == name)
        if one["changes"]:
            return f"Not measured yet, tried in small alone: results/reproduce/{name}.json says on what."
        return f"Measured: {_accuracy(one['metric'], one)}: results/reproduce/{name}.json."
    if not (ROOT / "results" / f"{name}.json").is_file():
        return "Not measured yet: results/ has no file for it."
    result = read(name)
    summary, threads = result["summary"], result["seeds"][0]["threads"]
    on = result["machine"]["gpus"][0] if result["machine"]["gpus"] else f"{threads} core{'s' * (threads > 1)}"
    return (f"Measured: {_accuracy('test_accuracy', summary['test_accuracy'])}, "
            f"{summary['train_seconds']['mean']:,.0f} s on {on}, {result['seeds'][0]['precision']}: "
            f"results/{name}.json.")


def _accuracy(metric: str, found: dict[str, Any]) -> str:
    """The mean over the seeds with its interval, in words."""
    split = {"test_accuracy": "test", "val_accuracy": "validation"}[metric]
    said = f"{found['mean']:.2%} on {split}"
    if found["n"] == 1:
        return f"{said}, one seed"
    return said + ", {} seeds [{:.2%}, {:.2%}]".format(found["n"], *found["interval"])


def main() -> None:
    for page in PAGES:
        path = ROOT / page
        path.write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")
    draw()
    for name in recipes.names():
        path = recipes.find(name)
        path.write_text(header(name, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
