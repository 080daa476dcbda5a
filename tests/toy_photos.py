"""A named data set of picture files in small, in two editions."""

from __future__ import annotations

import shutil
import socket
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fashionlab.data.git_ids import blob_id, tree_id
from fashionlab.data.picture_dataset import Edition, PictureDataset

NAME = "toy-photos"
CLASSES = ("hat", "sock", "t-shirt")
COUNTS = {"train": 8, "validation": 2, "test": 3}  # a class


def write(folder: Path, size: int) -> Path:
    """A set whose pictures' longer sides are `size`; their colours tell class and number."""
    for part, count in COUNTS.items():
        for label, name in enumerate(CLASSES):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                colour = (80 * label + 40, 10 * number, 20 * len(part))
                Image.new("RGB", (size, size - 8), colour).save(folder / part / name / f"{part}-{number}.png")
    return folder


def write_labels(folder: Path) -> None:
    """Pictures of one number are of one sender."""
    rows = [f"{path.relative_to(folder).as_posix()},{path.parent.name},{path.parent.parent.name},s{path.stem[-1]}"
            for path in sorted(folder.glob("*/*/*.png"))]
    (folder / "labels.csv").write_text("\n".join(["file,label,part,sender", *rows]) + "\n")


def ids(folder: Path) -> dict[str, str]:
    """git's, of what an edition consists of."""
    trees, labels = {part: tree_id(folder / part) for part in COUNTS}, folder / "labels.csv"
    return {**trees, labels.name: blob_id(labels)} if labels.exists() else trees


@dataclass(frozen=True)
class Toy:
    """originals, reduced: folders with the two editions. entry: what the catalog says of them."""

    originals: Path
    reduced: Path
    entry: PictureDataset


def packed(folder: Path, archive: Path, top: str = "toy-1234/") -> Path:
    """The archive as GitHub makes it: one folder, with files about the set beside the parts."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr(f"{top}README.md", "toy")
        for path in sorted(folder.rglob("*")):
            stream.write(path, top + path.relative_to(folder).as_posix())
    return archive


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def toy_photos(folder: Path) -> Toy:
    """The two editions below `folder`, and an entry whose address answers nothing."""
    originals, reduced = write(folder / "originals", 96), write(folder / "reduced", 72)
    write_labels(reduced)
    entry = PictureDataset(NAME, "toy photographs", CLASSES, f"{closed_port()}toy.zip",
                           (Edition("originals (verified)", ids(originals)), Edition("the copy", ids(reduced))),
                           {"sender": "senders are not known there"}, ("a toy",))
    return Toy(originals, reduced, entry)


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def other_picture(folder: Path) -> None:
    Image.new("RGB", (9, 9)).save(folder / "validation" / "hat" / "validation-0.png")


def one_more(folder: Path) -> None:
    shutil.copyfile(folder / "test" / "hat" / "test-0.png", folder / "test" / "hat" / "test-9.png")


def one_less(folder: Path) -> None:
    (folder / "train" / "sock" / "train-0.png").unlink()
