"""The measured figures of docs/export.md, edge.md, predict.md, serving.md and drift.md, for benchmarks/readme.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from writing import ROOT, cores, read, table, where


def export() -> str:
    """The bundled model's graphs beside PyTorch, and those of half of its channels."""
    return (_forms("export-medium", "The bundled model") + "\n"
            + _forms("export-medium-pruned50", "Half of its channels"))


def _forms(name: str, what: str) -> str:
    found = read(name)
    rows = [(form, f"{row['bytes'] / 1e6:.2f}", f"{row['test_accuracy']:.2%}", f"{row['equal_answers']:.1%}",
             f"{row['largest_difference']:.2g}",
             *("{median:.2f} ({p99:.2f})".format(**row["latency_ms"][size]) for size in ("1", "32", "256")),
             f"{row['images_per_second']:,.0f}") for form, row in found["rows"].items()]
    header = ("form", "MB", "test accuracy", "equal answers", "largest difference of logits",
              "1 picture, ms: median (p99)", "32 pictures", "256 pictures", "pictures/s")
    said = [f"{_capital(found[key]['why'])}." for key in ("int8", "pruning") if found.get(key)]
    return (table(header, rows) + f"{what}, {found['views']} views in a graph. {' '.join(said)} {where(found)}; "
            f"`results/{name}.json`.\n")


def web() -> str:
    """The page in the browser beside Python."""
    if not (ROOT / "results" / "web.json").is_file():
        return "Not measured yet: `python benchmarks/web.py MODEL FOLDER`.\n"
    found = read("web")
    times, equal, apart = found["milliseconds"], found["equal"], found["difference"]
    rows = [(name, *(f"{times[f'{side}_{step}'][key]:.0f}" for step in ("prepare", "answer")
                     for key in ("median", "p95")))
            for name, side in (("the page", "page"), ("Python, one thread", "python"))]
    return (table(("milliseconds a picture", "preparing, median", "95th percentile", "answering, median",
                   "95th percentile"), rows)
            + f"{found['pictures']:,} photographs, the graph {found['graph']} of `{found['model']}`, "
            f"{found['browser']}: {equal['answer']:.1%} have Python's answer, {equal['set']:.1%} its prediction set, "
            f"{equal['outlier']:.1%} its warning; probabilities differ by {apart['median']:.2g} in the median, "
            f"{apart['largest']:.2g} at most. The folder has {found['bytes'] / 1e6:.1f} MB and is ready after "
            f"{found['opening_milliseconds'] / 1e3:.1f} s. {where(found)}; `results/web.json`.\n")


def quantize() -> str:
    """What int8 costs, in which layers, and with which of them kept."""
    if not (ROOT / "results" / "quantize.json").is_file():
        return "Not measured yet: `python benchmarks/quantize.py RUN`.\n"
    found = read("quantize")
    rows = [(name, f"{row['bytes'] / 1e6:.2f}", f"{row['validation_accuracy']:.2%}", f"{row['test_accuracy']:.2%}",
             f"{row['milliseconds']:.1f}") for name, row in found["rows"].items()]
    kinds = [(kind, one["layers"], f"{one['mean']:.2g}", f"{one['largest']:.2g}")
             for kind, one in sorted(found["kinds"].items(), key=lambda item: -item[1]["mean"])]
    kept = ", ".join(f"`{name}`" for name in found["kept"])
    kept = f"Kept: {kept}. " if kept else "No layer has to be kept. "
    return (table(("form", "MB", "validation accuracy", "test accuracy", "ms a picture, one thread"), rows)
            + table(("one layer rounded alone", "layers", "error of logits, mean", "largest"), kinds)
            + f"`{found['model']}`, {found['image_size']} x {found['image_size']}, one view; the error is the mean "
            "squared difference of logits as a share of their variance. "
            f"{kept}{where(found)}; `results/quantize.json`.\n")


def predict() -> str:
    """Simulated photos, and how fast folders are answered."""
    photo, speed = read("photo"), read("predict")
    kinds = [(kind.removeprefix("background "), *(_share(one[key]) for key in ("plain", "photos", "whole")),
              _points(one["points"])) for kind, one in {"all": photo, **photo["by"]}.items()]
    rows = [(name, f"{one['pictures']:,}", *(f"{one[key]['median']:,.0f}" for key in ("command", "decoding_alone")))
            for name, one in speed["folders"].items()]
    header = ("photos", "as they are", "as photos", "the whole photo inverted and shrunk", "points lost or won")
    return (table(header, kinds)
            + f"`{photo['command']}`: {photo['n']:,} pictures, 95 % intervals; `results/photo.json`.\n\n"
            + table(("a folder of", "pictures", "pictures/s, start included", "pictures/s of decoding alone"), rows)
            + f"One picture takes {speed['one_picture']['median']:.2f} s from the command to the answer "
            f"({speed['one_picture']['lowest']:.2f} to {speed['one_picture']['highest']:.2f}). {where(speed)}; "
            "`results/predict.json`.\n")


def serving() -> str:
    """Load, faults and abuse."""
    found = read("serving")
    most = [(name, f"{one['a_second']:,.0f}", *_latency(one)) for name, one in _loads(found["throughput"])]
    due = [(f"PNG, {name}", f"{one['a_second']:,.0f}", *_latency(one)) for name, one in _loads(found["latency"])]
    abuse = [(name.removeprefix("others_").replace("_", " "), _answers(one), *_latency(one))
             for name, one in found["abuse"].items() if name.startswith("others")]
    crowds = [(name.removeprefix("a_").replace("_", " "), _answers(one)) for name, one in found["abuse"].items()
              if name.startswith("a_crowd")]
    soak, stop = found["soak"], found["stop"]
    memory = soak["mebibytes"]
    return (
        table(("one picture a request", "answers/s", "median, ms", "p99, ms"), [
            *((f"{name}, as fast as it goes", *row) for name, *row in most), *due])
        + f"{soak['minutes']:g} minutes at {soak['rate']:,.0f} a second: {memory[0]:.0f} MiB after one minute, "
        f"{memory[-1]:.0f} at the end, {memory[-1] - memory[len(memory) // 2]:+.1f} over the last five. SIGTERM under "
        f"full load, {stop['rounds']} times: {stop['answered']:,} answers, {stop['lost']} requests lost.\n\n"
        + table(("50 requests a second of others", "their answers", "median, ms", "p99, ms"), abuse)
        + table(("10,000 requests at once", "their answers"), crowds)
        + f"`python benchmarks/serving.py`, with the load generator on the same {cores(found)}; "
        "`results/serving.json`.\n")


def drift() -> str:
    """False alarms in quiet weeks, delays after changes."""
    measured = read("drift")
    weeks = measured["weeks"]
    alarms = {split: sum(result["alarms"].values()) for split, result in weeks.items()}
    near = [value for result in weeks.values() for value in result["largest_over_limit"].values()]
    rows = [(f"{row['kind']}: {row['strength']}", _delay(row["median"]), _delay(row["p95"]),
             f"{row['within_500']['estimate']:.0%}",
             ", ".join(sorted(row["raised_by"], key=lambda name: -row["raised_by"][name])))
            for row in measured["delays"]]
    return (
        f"- **False alarms**: {alarms['test']} in {weeks['test']['weeks']} weeks of {measured['pictures_a_week']:,} "
        f"pictures each, every window looked at; {alarms['validation']} in {weeks['validation']['weeks']} more, drawn "
        f"from the validation pictures. The largest values are {min(near):.2f} to {max(near):.2f} of the limits.\n"
        f"- **Delays**, in pictures after the change, over {measured['delays'][0]['trials']} trials each:\n\n"
        + table(("change", "median", "95 % of trials", "within 500", "raised by"), rows)
        + f"`{measured['command']}`; `results/drift.json`.\n")


def _loads(found: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    names = {"png": "PNG of 28 x 28", "photo": "JPEG photo", "pixels": "28 x 28 numbers in JSON"}
    return ((names.get(key, key), one) for key, one in found.items() if isinstance(one, dict))


def _latency(one: dict[str, Any]) -> tuple[str, str]:
    return f"{one['milliseconds']['median']:.1f}", f"{one['milliseconds']['p99']:.1f}"


def _answers(one: dict[str, Any]) -> str:
    said = [f"{n:,} x {status}" for status, n in one["answers"].items()]
    return ", ".join([*said, *([f"{one['lost']:,} lost"] if one["lost"] else [])])


def _delay(pictures: float) -> str:
    return "1,000 or more" if pictures >= 1000 else f"{pictures:.0f}"


def _share(interval: dict[str, float]) -> str:
    return f"{interval['estimate']:.2%}"


def _points(interval: dict[str, float]) -> str:
    return "{estimate:+.2f} [{low:+.2f}, {high:+.2f}]".format(**interval)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


BLOCKS = {"export": export, "web": web, "quantize": quantize, "predict": predict, "serving": serving, "drift": drift}
