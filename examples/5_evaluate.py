"""Look at how a run does on its validation split, and which pair of classes it confuses most. Usage: ... FOLDER"""

import sys

import numpy as np

import fashionlab as fl

run = fl.load(sys.argv[1])
scores = run.metrics.val
print(f"accuracy {scores.accuracy:.2%}, NLL {scores.nll:.3f}, ECE {scores.ece:.3f}, n = {scores.n}")

confusion = np.array(scores.confusion)
np.fill_diagonal(confusion, 0)
true, predicted = np.unravel_index(confusion.argmax(), confusion.shape)
print(f"{confusion.max()} times {run.classes[true]} was taken for {run.classes[predicted]}")
run.plot("confusion", split="val").savefig(run.path / "confusion-validation.png")
