"""Train a recipe from Python. Usage: python examples/4_train.py FOLDER [KEY=VALUE]..."""

import sys
from pathlib import Path

from fashionlab import recipes
from fashionlab.training import session

recipe = recipes.load("three-cnn", ["data.validation=0.1", *sys.argv[2:]])
run = session.start(recipe, Path(sys.argv[1]), session.Options(quiet=True, command=sys.argv))
metrics = run.read_metrics()
for row in metrics.history:
    print(f"epoch {row['epoch']}: loss {row['train_loss']:.3f}, validation accuracy {row['val_accuracy']:.2%}")
print(f"{metrics.parameters:,} parameters trained in {metrics.train_seconds:.1f} s into {run.path}")
