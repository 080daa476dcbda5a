"""Evaluate a run on its validation split and find the pair of classes it confuses most. Usage: ... FOLDER"""

import sys
from pathlib import Path

import numpy as np

from fashionlab.common.records import Predictions
from fashionlab.evaluation.run import evaluate_run

scores = evaluate_run(Path(sys.argv[1]), "val").val
print(f"accuracy {scores.accuracy:.2%}, NLL {scores.nll:.3f}, ECE {scores.ece:.3f}, n = {scores.n}")

predictions = Predictions.load(Path(sys.argv[1]) / "predictions" / "val.npz")
confusion = np.array(scores.confusion)
np.fill_diagonal(confusion, 0)
true, predicted = np.unravel_index(confusion.argmax(), confusion.shape)
print(f"{confusion.max()} times {predictions.classes[true]} was taken for {predictions.classes[predicted]}")
