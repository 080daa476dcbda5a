"""The data sets that have names. An entry says which files a set has, what its classes are and where it comes from."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from fashionlab.common.registry import Registry
from fashionlab.data.source import Part


@dataclass(frozen=True)
class NamedDataset:
    """A data set in IDX files.

    title: what it is, with its source. files: pictures' and labels' file of each part, without .gz. hashes: SHA-256 of
    the decompressed files; an empty mapping means that the files are not verified. addresses: where the files (with
    .gz) can be fetched, tried in order. debian: the Debian package that holds them. transposed: pictures are stored
    column by column (EMNIST). first_label: the number of the first class in the labels' file.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    files: Mapping[Part, tuple[str, str]]
    hashes: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    debian: str | None = None
    transposed: bool = False
    first_label: int = 0

    @property
    def file_names(self) -> list[str]:
        """All four files, without .gz."""
        return [name for pair in self.files.values() for name in pair]


DATASETS: Registry[NamedDataset] = Registry("data set", "fashionlab.data")


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


_add(NamedDataset(
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

_add(NamedDataset(
    name="mnist",
    title="MNIST (LeCun, Cortes, Burges 1998): 28x28 grey handwritten digits, 60,000 + 10,000",
    classes=tuple(string.digits),
    files=_MNIST_FILES,
))

_add(NamedDataset(
    name="kmnist",
    title="Kuzushiji-MNIST (Clanuwat et al. 2018): 28x28 grey cursive Japanese letters, 60,000 + 10,000",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    files=_MNIST_FILES,
))

_add(NamedDataset(
    name="emnist-balanced",
    title="EMNIST Balanced (Cohen et al. 2017): 28x28 grey digits and letters, 47 classes, 112,800 + 18,800",
    classes=tuple(string.digits + string.ascii_uppercase + "abdefghnqrt"),  # look-alikes share the capital's class
    files=_emnist_files("balanced"),
    transposed=True,
))

_add(NamedDataset(
    name="emnist-letters",
    title="EMNIST Letters (Cohen et al. 2017): 28x28 grey letters, upper and lower case in one class, 124,800 + 20,800",
    classes=tuple(string.ascii_uppercase),
    files=_emnist_files("letters"),
    transposed=True,
    first_label=1,
))

_add(NamedDataset(
    name="emnist-digits",
    title="EMNIST Digits (Cohen et al. 2017): 28x28 grey digits, 240,000 + 40,000",
    classes=tuple(string.digits),
    files=_emnist_files("digits"),
    transposed=True,
))
