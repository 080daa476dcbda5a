"""Train and evaluate a recipe. Usage: python examples/4_train.py FOLDER [KEY=VALUE]..."""

import sys
from pathlib import Path

import fashionlab as fl

folder = Path(sys.argv[1])
run = fl.train("three-cnn", overrides=["data.validation=0.1", *sys.argv[2:]], runs=folder.parent, name=folder.name,
               quiet=True, callbacks=[lambda epoch: print(f"epoch {epoch.epoch}: loss {epoch.train_loss:.3f}, "
                                                          f"validation accuracy {epoch.val_accuracy:.2%}")])
print(f"{run.metrics.parameters:,} parameters trained in {run.metrics.train_seconds:.1f} s into {run.path}")
print(f"test accuracy {run.metrics.test.accuracy:.2%}")
