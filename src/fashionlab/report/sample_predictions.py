"""sample_predictions.txt: twenty test pictures, the network's answer to each, and what it is usually taken for."""

from __future__ import annotations

import numpy as np

from fashionlab.common.files import write_text
from fashionlab.common.records import Predictions
from fashionlab.evaluation.mistakes import confidence, runner_up
from fashionlab.report.style import percent
from fashionlab.runs.results import RunResults

SAMPLES, WRONG = 20, 6
SEED = 0


def choose(predictions: Predictions, n: int = SAMPLES, wrong: int = WRONG) -> list[int]:
    """Rows of `n` pictures, `wrong` of them judged wrong as far as there are so many, in rising order.

    Drawn with a fixed seed from the right and the wrong answers apart. Fewer if there are fewer pictures.
    """
    # Raw generator output, whose stream numpy promises for ever; its shuffles may change between versions.
    keys = np.random.PCG64(SEED).random_raw(len(predictions.labels))
    order = np.argsort(keys, kind="stable")
    is_wrong = (predictions.predicted != predictions.labels)[order]
    bad, good = order[is_wrong], order[~is_wrong]
    wrong = max(min(wrong, len(bad)), n - len(good))
    return sorted([*bad[:wrong].tolist(), *good[: n - min(wrong, len(bad))].tolist()])


def analysis(results: RunResults) -> str:
    """The text. Raises DataError for a run without a test evaluation."""
    from fashionlab.evaluation.metrics import confusion

    predictions = results.test
    matrix = np.array(confusion(predictions))
    second, sure = runner_up(predictions), confidence(predictions)
    chosen = choose(predictions)
    missed = int((predictions.predicted != predictions.labels)[chosen].sum())
    all_missed = int((predictions.predicted != predictions.labels).sum())
    lines = [f"Sample predictions of run {results.name}", "",
             f"{len(chosen)} of the {len(predictions.labels):,} pictures of the test split, drawn with seed {SEED} "
             f"from the right and the wrong answers apart:",
             f"{missed} wrong ones here, {all_missed:,} of {len(predictions.labels):,} in the whole split "
             f"(accuracy {percent(1 - all_missed / len(predictions.labels), 2)}). "
             "Picture numbers count the test split from 0.", ""]
    for row in chosen:
        lines += _of_picture(predictions, matrix, row, int(second[row]), float(sure[row]))
    return "\n".join(lines)


def _of_picture(predictions: Predictions, matrix: np.ndarray, row: int, second: int, sure: float) -> list[str]:
    names, probabilities = predictions.classes, predictions.probabilities[row]
    true, predicted = int(predictions.labels[row]), int(predictions.predicted[row])
    verdict = "right" if true == predicted else "WRONG"
    return [f"picture {int(predictions.indices[row])}: {verdict}",
            f"  true       {names[true]} (given {percent(float(probabilities[true]))})",
            f"  predicted  {names[predicted]} ({percent(sure)})",
            f"  runner-up  {names[second]} ({percent(float(probabilities[second]))})",
            f"  {_confusions(names, matrix, true)}", ""]


def _confusions(names: tuple[str, ...], matrix: np.ndarray, true: int) -> str:
    """Which class `true` is taken for most often, from the confusion matrix int [K, K]; the lower label wins a tie."""
    others = matrix[true].copy()
    others[true] = 0
    total, most = int(matrix[true].sum()), int(others.argmax())
    if not others[most]:
        return f"{names[true]} is never taken for another class ({total:,} test pictures)."
    return (f"{names[true]} is taken for another class in {int(others.sum()):,} of {total:,} test pictures, most often "
            f"for {names[most]}: {int(others[most]):,} ({percent(others[most] / total)}).")


def write_sample_predictions(results: RunResults) -> str:
    """Write sample_predictions.txt into the run's folder; returns the text."""
    text = analysis(results)
    write_text(results.folder.path / "sample_predictions.txt", text)
    return text
