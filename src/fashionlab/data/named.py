"""What every data set with a name is: an entry of `catalog` of one of the kinds `IdxDataset` and `PictureDataset`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from fashionlab.common.registry import Registry
from fashionlab.data.routes import Route
from fashionlab.data.source import Source


@dataclass(frozen=True)
class NamedDataset(ABC):
    """A data set that has a name. title: what it is, with its source. classes: in label order.

    Its items are the files or folders that it consists of, directly in one folder.
    """

    name: str
    title: str
    classes: tuple[str, ...]

    @property
    @abstractmethod
    def advice(self) -> str:
        """What a person can do who has the set from elsewhere, in a sentence."""

    @abstractmethod
    def routes(self) -> list[tuple[str, Route]]:
        """The ways to get it, in the order in which they are tried, each with its name."""

    @abstractmethod
    def folder_in(self, folder: Path) -> Path:
        """Where the set is put in a folder that a person names."""

    @abstractmethod
    def lacks(self, folder: Path) -> str:
        """Which items `folder` has none of by name, in words; empty where all are there."""

    @abstractmethod
    def verified(self, folder: Path) -> list[Path]:
        """The items in `folder`. Raises DataError where one is missing or is not what it should be."""

    @abstractmethod
    def check_target(self, target: Path) -> None:
        """Raise DataError where `install` would have to replace in `target` what may be a person's own."""

    @abstractmethod
    def install(self, items: list[Path], target: Path) -> None:
        """Move verified items into the folder `target`, which is on the same disk. Raises OSError."""

    @abstractmethod
    def source(self, folder: Path) -> Source | None:
        """The set in `folder`; None where it is not there. Raises DataError for one that is there, but unusable."""


DATASETS: Registry[NamedDataset] = Registry("data set", "fashionlab.data")
