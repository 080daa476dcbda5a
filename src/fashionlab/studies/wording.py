"""Results of a study in words and rounded numbers, the same in the terminal and on the page."""

from __future__ import annotations

from typing import Any

_WORDS = {"better": "better", "worse": "worse", "equivalent": "no difference that matters", "undecided": "undecided"}


def digits(results: dict[str, Any]) -> int:
    """Decimals to show: a hundredth of what matters is precise enough, and two at least for points."""
    scaled = results["smallest_difference"] * results["scale"]
    if results["unit"] == "points" or not scaled:
        return 2 if results["scale"] != 1 else 4
    return next((places for places in range(6) if scaled * 10**places >= 10), 6)


def number(results: dict[str, Any], value: float, unit: str = "", *, sign: bool = False) -> str:
    """`value` (on the scale of metrics.json) scaled and rounded, with `unit` behind it."""
    rounded = round(value * results["scale"], digits(results)) or 0.0  # no "−0.00"
    text = f"{rounded:{'+' if sign and rounded else ''}.{digits(results)}f}".replace("-", "−")
    return f"{text} {unit}".rstrip()


def value_unit(results: dict[str, Any]) -> str:
    """The unit of a value; that of a difference is results["unit"]: shares differ by points."""
    return "%" if results["unit"] == "points" else results["unit"]


def interval(results: dict[str, Any], estimate: float | None, ends: list[float] | None, *, sign: bool = False) -> str:
    """The estimate with its interval in brackets, without the unit; "-" where nothing is known."""
    if estimate is None:
        return "-"
    text = number(results, estimate, sign=sign)
    if ends is None:
        return text
    low, high = (number(results, end, sign=sign) for end in ends)
    return f"{text} [{low}, {high}]"


def difference(results: dict[str, Any], arm: dict[str, Any]) -> str:
    """The arm's difference from the baseline with its interval, without the unit."""
    return interval(results, arm["difference"], arm["difference_interval"], sign=True)


def smallest(results: dict[str, Any]) -> str:
    """The smallest difference that was declared to matter, with its unit."""
    return number(results, results["smallest_difference"], results["unit"])


def probability(p: float | None) -> str:
    """A p value with two digits that count."""
    return "-" if p is None else "< 0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def word(arm: dict[str, Any]) -> str:
    """The verdict as it is said to people."""
    return _WORDS[arm["verdict"]]


def verdict(results: dict[str, Any], arm: dict[str, Any]) -> str:
    """The verdict in a sentence, with what would decide an undecided arm."""
    text = word(arm)
    if arm["difference_interval"]:
        text += f", {difference(results, arm)} {results['unit']}".rstrip()
    text += f": {arm['reason']}"
    if arm["more_seeds"]:
        total = len(results["seeds"]) + arm["more_seeds"]
        text += (f"; if mean and spread stay as they are, about {arm['more_seeds']} more seed"
                 f"{'s' * (arm['more_seeds'] > 1)} ({total} in all) would decide it")
    elif arm["verdict"] == "undecided" and arm["pairs"] > 1 and not arm["failures"] and not arm["open"]:
        text += "; no affordable number of seeds would decide it"
    return text
