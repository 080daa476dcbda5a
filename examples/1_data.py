"""Read the training pictures, hold some out, look at what came out. Usage: python examples/1_data.py [DATASET]"""

import sys

import fashionlab as fl

pictures = fl.datasets.load(sys.argv[1] if len(sys.argv) > 1 else "fashion-mnist")
print(f"{len(pictures)} pictures {pictures.images.shape[1:]} of {len(pictures.classes)} classes from {pictures.source}")

# Stratified: every class in proportion. The same seed gives the same split on every machine.
split = fl.datasets.split(pictures, validation=0.1, seed=0)
mean, std = fl.datasets.normalisation(pictures, split.train)
print(f"{len(split.train)} to train on, {len(split.validation)} to validate on, split {split.sha256[:12]}")
print(f"mean {mean[0]:.4f}, deviation {std[0]:.4f}")
