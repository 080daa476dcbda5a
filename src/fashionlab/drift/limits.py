"""From where on a difference from the reference is an alarm.

Pictures are monitored one after the other, so that a window is looked at again after each. `BUDGET` false alarms are
allowed in `PICTURES`, shared evenly among all figures and all windows (Bonferroni: windows overlap, so that there are
fewer in truth). Nothing is tuned on data; benchmarks/drift.py checks what the limits do.
"""

from __future__ import annotations

import math
from statistics import NormalDist

PICTURES = 6_048_000  # a week at ten a second
BUDGET = 0.1  # false alarms expected in them, by all figures together
DOUBT = 0.01  # that the reference is a worse likeness of its source than is allowed for, by any figure


def ks_limit(window: int, reference: int, figures: int) -> float:
    """Of the Kolmogorov-Smirnov distance of `window` pictures from `reference` others, for one of `figures` figures.

    Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), once for the window and once for the reference, by
    the triangle inequality. It holds for any distribution and any size.
    """
    return (math.sqrt(math.log(2 / _chance(figures)) / (2 * window))
            + math.sqrt(math.log(2 * figures / DOUBT) / (2 * reference)))


def psi_limit(window: int, reference: int, figures: int, bins: int) -> float:
    """Of the stability index of `window` pictures against `reference` others in `bins` bins, for one of `figures`.

    The index over 1/window + 1/reference follows chi-squared with bins - 1 degrees of freedom (Yurdakul 2018), whose
    quantile is Wilson and Hilferty's (1931). So far out that is above the true one, by 4 % for ten bins and by a
    quarter for two. The index is near chi-squared where bins expect a handful of pictures or more.
    """
    degrees = max(bins - 1, 1)
    spread = 2 / (9 * degrees)
    normal = -NormalDist().inv_cdf(_chance(figures))
    return degrees * (1 - spread + normal * math.sqrt(spread)) ** 3 * (1 / window + 1 / reference)


def _chance(figures: int) -> float:
    """Of a false alarm by one figure in one window."""
    return BUDGET / (PICTURES * figures)
