"""Named data sets in IDX files: Fashion-MNIST and its relatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.data.debian import from_debian
from fashionlab.data.formats import csv, idx
from fashionlab.data.named import DATASETS, NamedDataset
from fashionlab.data.routes import Route, from_address
from fashionlab.data.source import Part, Source


@dataclass(frozen=True)
class IdxDataset(NamedDataset):
    """A data set in IDX files; two CSV tables in their place are read too, unverified.

    files: pictures' and labels' file of each part, without .gz. hashes: SHA-256 of the decompressed files; an empty
    mapping means that the files are not verified. addresses: where the files (with .gz) can be fetched, tried in order.
    debian: the Debian package that holds them. transposed: pictures are stored column by column (EMNIST). first_label:
    the number of the first class in the labels' file.
    """

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

    @property
    def advice(self) -> str:
        return f"Put {self.file_names[0]}.gz and the other three files into a folder and give it as --data-dir FOLDER."

    def routes(self) -> list[tuple[str, Route]]:
        ways = [(address, from_address(address, self.file_names)) for address in self.addresses]
        if self.debian:
            ways.append((f"Debian package {self.debian}", from_debian(self.debian, self.file_names)))
        return ways

    def folder_in(self, folder: Path) -> Path:
        return folder

    def lacks(self, folder: Path) -> str:
        missing = ", ".join(name for name in self.file_names
                            if not any((folder / one).is_file() for one in (name, f"{name}.gz")))
        return f"{missing} missing (plain or .gz)" if missing else ""

    def verified(self, folder: Path) -> list[Path]:
        files = idx.named_files(folder, self.files)
        if files is None:
            raise DataError(f"{folder}: incomplete")
        paths = [path for pair in files.values() for path in pair]
        for path in paths:
            expected = self.hashes.get(path.name.removesuffix(".gz"))
            if idx.sha256(idx.read_idx(path, (1, 3))) != expected and expected is not None:
                raise DataError(f"{path.name}: wrong sha256")
        return paths

    def check_target(self, target: Path) -> None:
        """A file that has the name of one of the set's is replaced by it."""

    def install(self, items: list[Path], target: Path) -> None:
        for path in items:
            path.chmod(0o644)
            path.replace(target / path.name)
            twin = path.name.removesuffix(".gz") if path.suffix == ".gz" else path.name + ".gz"
            (target / twin).unlink(missing_ok=True)  # an older, unverified one

    def source(self, folder: Path) -> Source | None:
        files = idx.named_files(folder, self.files)
        if files is None:
            tables = csv.find_tables(folder)
            describe = f"{self.name}, CSV tables in {folder} (hashes not verified)"
            return csv.source(describe, tables, self.classes) if tables else None
        verified = "hashes verified" if self.hashes else "hashes not verified: none are known"
        described = idx.IdxFiles(files, self.hashes, self._foreign(), self.first_label, self.transposed)
        return described.source(f"{self.name}, IDX files in {folder} ({verified})", self.classes)

    def _foreign(self) -> dict[str, str]:
        """Names by hash of other sets' files."""
        others = [other for name in DATASETS if isinstance(other := DATASETS[name], IdxDataset) and name != self.name]
        return {value: other.name for other in others for value in other.hashes.values()}
