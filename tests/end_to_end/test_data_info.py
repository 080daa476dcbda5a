"""What `data info` says of a folder in which everything lies that people have beside their pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toys import Result

Cli = Callable[..., Result]
CLASSES = ("boots", "coats", "hats")
OTHERS = {"bmp": "BMP", "tif": "TIFF", "gif": "GIF", "jfif": "JPEG", "ppm": "PPM"}


def _pictures(path: Path, per_class: int = 12) -> Path:
    for label, name in enumerate(CLASSES):
        for number in range(per_class):
            pixels = np.random.default_rng(100 * label + number).integers(0, 256, (40, 48, 3), dtype=np.uint8)
            (path / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path / name / f"{name}{number:03}.png")
    return path


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """36 pictures, five of other forms, copies in folders that programs make, and a HEIC file that is none."""
    odd = _pictures(tmp_path / "odd")
    for folder in (odd / "hats" / ".ipynb_checkpoints", odd / "@eaDir", odd / "coats" / "__MACOSX", odd / ".git"):
        folder.mkdir()
        shutil.copy(odd / "hats" / "hats000.png", folder / "copy.png")
    for number, (suffix, form) in enumerate(OTHERS.items()):
        with Image.open(odd / "coats" / "coats000.png") as picture:
            picture.rotate(10 * (number + 1)).save(odd / "coats" / f"other{number}.{suffix}", form)
    (odd / "boots" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)
    (odd / "README.txt").write_text("my pictures")
    (odd / "hats" / "broken.png").symlink_to("nowhere.png")
    return odd


def test_every_picture_counts_once_and_all_else_is_told(odd: Path, cli: Cli) -> None:
    result = cli("data", "info", odd, "--json")
    assert result.code == 0, result
    facts = json.loads(result.out)
    assert facts["classes"] == list(CLASSES)
    splits = facts["splits"]
    assert sum(split["pictures"] for split in splits.values()) == 36 + len(OTHERS)
    assert {name: sum(split["per_class"][name] for split in splits.values()) for name in CLASSES} == {
        "boots": 12, "coats": 12 + len(OTHERS), "hats": 12}
    left_out = {one["file"]: one["reason"] for one in facts["left_out"]}
    hidden = {"hats/.ipynb_checkpoints", "@eaDir", "coats/__MACOSX", ".git"}
    assert left_out.keys() == {*hidden, "boots/IMG_1.HEIC", "README.txt", "hats/broken.png"}
    assert len({left_out[one] for one in hidden}) == 1
    assert "HEIC" in left_out["boots/IMG_1.HEIC"] and "link" in left_out["hats/broken.png"]
    assert not any("twice" in note or "among the training" in note for note in facts["notes"])


def test_what_is_shown_is_the_same(odd: Path, cli: Cli) -> None:
    facts = json.loads(cli("data", "info", odd, "--json").out)
    shown = cli("data", "info", odd)
    assert shown.code == 0
    missing = [one["file"] for one in facts["left_out"] if one["file"] not in shown.out]
    assert len(missing) == 1 and shown.out.count(" and 1 more\n") == 1, "of four of one reason"
    for split in facts["splits"].values():
        assert split["sha256"] in shown.out
    prepared = facts["preparation"]
    assert f"prepared as {prepared['name']}, {prepared['size']} x {prepared['size']}: {prepared['reason']}" in shown.out


@pytest.mark.parametrize("parts", [("",), ("train", "test"), ("training_set", "test_set"), ("Training", "Testing"),
                                   ("train", "valid", "test")], ids="/".join)
def test_usual_layouts(parts: tuple[str, ...], tmp_path: Path, cli: Cli) -> None:
    for part in parts:
        _pictures(tmp_path / "set" / part)
    facts = json.loads(cli("data", "info", tmp_path / "set", "--json").out)
    pictures = {name: split["pictures"] for name, split in facts["splits"].items()}
    expected = {1: {"train": 30, "test": 6}, 2: {"train": 36, "test": 36}, 3: {"train": 36, "val": 36, "test": 36}}
    assert pictures == expected[len(parts)] and facts["classes"] == list(CLASSES)
    assert not facts["left_out"] and facts["preparation"]["name"] == "letterbox"
