"""Make the pictures that the service's page offers to try, src/fashionlab/serve/static/samples.

    python benchmarks/samples.py

One training picture of Fashion-MNIST for each class (MIT licence, Zalando SE), chosen by eye as a plain example, and
photos simulated from others. No test picture: those are only scored.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from fashionlab.data import load_training
from fashionlab.preparation.garment.simulate import simulate

SAMPLES = Path(__file__).parents[1] / "src" / "fashionlab" / "serve" / "static" / "samples"
PICTURES = {"t-shirt": 17, "trouser": 16, "pullover": 5, "dress": 31, "coat": 28, "sandal": 9, "shirt": 32,
            "sneaker": 6, "bag": 35, "ankle-boot": 15}  # rows of the training set
PHOTOS = {"photo-dress": (49, "white"), "photo-bag": (99, "coloured"), "photo-boot": (88, "gradient")}


def main() -> None:
    SAMPLES.mkdir(parents=True, exist_ok=True)
    images = load_training().images
    for name, row in PICTURES.items():
        Image.fromarray(images[row, 0]).save(SAMPLES / f"{name}.png", optimize=True)
    for name, (row, background) in PHOTOS.items():
        (SAMPLES / f"{name}.jpg").write_bytes(simulate(images[row, 0], seed=0, index=row, background=background).jpeg)


if __name__ == "__main__":
    main()
