"""The data sets that have names. An entry says what a set consists of, what its classes are and where it comes from."""

from __future__ import annotations

import string

from fashionlab.data.idx_dataset import IdxDataset
from fashionlab.data.named import DATASETS, NamedDataset
from fashionlab.data.picture_dataset import Edition, PictureDataset
from fashionlab.data.source import Part


def _add(dataset: NamedDataset) -> None:
    DATASETS.add(dataset.name, dataset)


_MNIST_FILES: dict[Part, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def _emnist_files(name: str) -> dict[Part, tuple[str, str]]:
    return {
        "train": (f"emnist-{name}-train-images-idx3-ubyte", f"emnist-{name}-train-labels-idx1-ubyte"),
        "test": (f"emnist-{name}-test-images-idx3-ubyte", f"emnist-{name}-test-labels-idx1-ubyte"),
    }


_add(IdxDataset(
    name="fashion-mnist",
    title="Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 28x28 grey pictures of clothing, 60,000 + 10,000",
    classes=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    files=_MNIST_FILES,
    hashes={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    addresses=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    debian="dataset-fashion-mnist",
))

_add(IdxDataset(
    name="mnist",
    title="MNIST (LeCun, Cortes, Burges 1998): 28x28 grey handwritten digits, 60,000 + 10,000",
    classes=tuple(string.digits),
    files=_MNIST_FILES,
))

_add(IdxDataset(
    name="kmnist",
    title="Kuzushiji-MNIST (Clanuwat et al. 2018): 28x28 grey cursive Japanese letters, 60,000 + 10,000",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    files=_MNIST_FILES,
))

_add(IdxDataset(
    name="emnist-balanced",
    title="EMNIST Balanced (Cohen et al. 2017): 28x28 grey digits and letters, 47 classes, 112,800 + 18,800",
    classes=tuple(string.digits + string.ascii_uppercase + "abdefghnqrt"),  # look-alikes share the capital's class
    files=_emnist_files("balanced"),
    transposed=True,
))

_add(IdxDataset(
    name="emnist-letters",
    title="EMNIST Letters (Cohen et al. 2017): 28x28 grey letters, upper and lower case in one class, 124,800 + 20,800",
    classes=tuple(string.ascii_uppercase),
    files=_emnist_files("letters"),
    transposed=True,
    first_label=1,
))

_add(IdxDataset(
    name="emnist-digits",
    title="EMNIST Digits (Cohen et al. 2017): 28x28 grey digits, 240,000 + 40,000",
    classes=tuple(string.digits),
    files=_emnist_files("digits"),
    transposed=True,
))

_add(PictureDataset(
    name="clothing-photos",
    title="Small clothing data set (Grigorev 2020, CC0 1.0): colour photographs of clothing, 3,068 + 341 + 372",
    classes=("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt"),
    # github.com/alexeygrigorev/clothing-dataset-small
    address="https://codeload.github.com/alexeygrigorev/clothing-dataset-small/zip/"
            "11961516512414bf9f6c150a832cfd21b54a6b54",
    editions=(
        Edition("originals (verified)", {
            "train": "cc90b85bb4b32560a4316e6f6031b73a17860e97",
            "validation": "d64391f0dd7a926616fd01c77a65d4b9d3fc78d9",
            "test": "4244b1e77de7016ecac9b89f87c993381f0a448d",
        }),
        # The shorter side at most 224 pixels, JPEG quality 80.
        Edition("the copy reduced to 224 px", {
            "train": "997979dd896d314a7edcdcfc12e69a1b9c0e5f3e",
            "validation": "40358b0c8ef320df3a04e6d33242dfd6055b5d75",
            "test": "85453c4f1275a42780afed210966854797d2efe3",
            "labels.csv": "9fb5ef207bbe1cad70fa774bb970f8c0d7d05d36",
        }),
    ),
    columns={"sender": "senders are not known there: a labels.csv (columns file and sender), which the published "
                       "archive lacks, tells them"},
    notes=("113 of the 307 senders of its training and validation pictures are in both parts, none of them in the test "
           "part: accuracy on the validation part promises too much",),
))


def is_like_fashion_mnist(dataset: str) -> bool:
    """Whether it is the name of a set in Fashion-MNIST's form, for which the numbers of recipes are made and of which
    all is known; else it holds pictures as people bring them, even where it has a name."""
    return dataset in DATASETS and isinstance(DATASETS[dataset], IdxDataset)
