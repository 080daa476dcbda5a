"""The statistics behind every claim: intervals, tests over seeds, tests over pictures, verdicts.

numpy, scipy and statsmodels alone. Two units of evidence, never mixed: *seeds* (does the method help?: one value a
seed, paired by seed) and *pictures* (do these trained models differ?: right or wrong on the same test pictures). No
function warns or returns NaN; what cannot be computed raises DataError or UsageError.
"""

from fashionlab.studies.statistics.intervals import (
    mean_interval,
    paired_bootstrap,
    paired_difference,
)
from fashionlab.studies.statistics.pictures import CochransQ, McNemar, cochrans_q, mcnemar_exact
from fashionlab.studies.statistics.seeds import TESTS, holm, paired_equivalence, paired_permutation, paired_t_test
from fashionlab.studies.statistics.verdicts import Verdict, judge

__all__ = [
    "TESTS", "CochransQ", "McNemar", "Verdict", "cochrans_q", "holm", "judge", "mcnemar_exact", "mean_interval",
    "paired_bootstrap", "paired_difference", "paired_equivalence", "paired_permutation", "paired_t_test",
]
