"""What people name to be answered: every picture that is there, what is none told, what cannot be read named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from fashionlab.common.records import LeftOut
from fashionlab.deploy.inputs import PictureFile, Unreadable, find
from garments import photo
from picture_files import saved
from shared_data import shared_case
from toys import Result

Cli = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one that cannot be read and one of a form that is not; what is no picture; a generated folder."""
    folder = tmp_path / "[2024] photos"
    picture = Image.fromarray(photo("shirt", 60))
    for name, form in (("a.png", "PNG"), ("b.bmp", "BMP"), ("@eaDir/a.png", "PNG"), ("sub/__MACOSX/c.png", "PNG")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(saved(picture, form))
    (folder / "c.jpg").write_bytes(saved(picture, "JPEG")[:300])
    (folder / "d.NEF").write_bytes(saved(picture, "TIFF"))
    (folder / "README").write_text("hello")
    (folder / "labels.csv").write_text("file,label\n")
    return folder


def _names(found: list) -> list[str]:
    return [Path(one.name if isinstance(one, PictureFile) else one.file).name for one in found]


def test_a_folder_s_pictures_in_order_and_what_is_left_out(folder: Path) -> None:
    left_out: list[LeftOut] = []
    found = find([str(folder)], left_out)
    assert _names(found) == ["a.png", "b.bmp", "c.jpg", "d.NEF"]
    assert isinstance(found[3], Unreadable) and "a raw photo" in found[3].reason
    assert {Path(one.file).name: one.reason for one in left_out} == {
        "@eaDir": "hidden, or made by a program", "__MACOSX": "hidden, or made by a program", "README": "no picture",
        "labels.csv": "no picture"}


def test_predict_names_what_it_cannot_read_and_exits_3(cli: Cli, toy_run: Path, folder: Path) -> None:
    done = cli("predict", toy_run, folder, "--json")
    answer = json.loads(done.out)
    assert done.code == 3
    assert [Path(one["file"]).name for one in answer["predictions"]] == ["a.png", "b.bmp"]
    assert [Path(one["file"]).name for one in answer["unreadable"]] == ["c.jpg", "d.NEF"]
    assert "2 of 4 could not be read" in done.err and "c.jpg: unreadable picture" in done.err
    assert "d.NEF: a raw photo" in done.err and "left out: " in done.err and "and 1 more" in done.err


def test_what_is_no_picture_does_not_change_the_exit_status(cli: Cli, toy_run: Path, folder: Path) -> None:
    (folder / "c.jpg").unlink()
    (folder / "d.NEF").unlink()
    done = cli("predict", toy_run, folder, "--json")
    assert done.code == 0 and len(json.loads(done.out)["predictions"]) == 2
    assert done.err.startswith("left out: ") and "README (no picture)" in done.err and len(done.err.splitlines()) == 1


@pytest.mark.parametrize("absolute", [True, False])
def test_brackets_of_a_folder_that_is_there_are_no_pattern(absolute: bool, folder: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    start = str(folder) if absolute else folder.name
    assert [one.name for one in find([f"{start}/*.png", f"{start}/[ab].*"]) if isinstance(one, PictureFile)] == [
        f"{start}/a.png", f"{start}/a.png", f"{start}/b.bmp"]
    assert find([f"{start}/x.png"]) == [Unreadable(f"{start}/x.png", "no such file or folder")]
    assert find([f"{start}/x*.png"]) == [Unreadable(f"{start}/x*.png", "no file matches the pattern")]
    assert find(["[1999] photos/a.png"]) == [Unreadable("[1999] photos/a.png", "no file matches the pattern")]


def test_patterns_pass_over_generated_folders(folder: Path) -> None:
    left_out: list[LeftOut] = []
    assert _names(find([f"{folder}/**/*.png"], left_out)) == ["a.png"]
    assert [Path(one.file).parent.name for one in left_out] == ["@eaDir", "__MACOSX"]
    assert find([f"{folder}/sub/**/*.png"]) == [Unreadable(f"{folder}/sub/**/*.png", "no file matches the pattern")]
    assert _names(find([f"{folder}/@eaDir/*.png"])) == ["a.png"], "named by the person"


def test_a_picture_that_failed_for_a_real_user_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shared_case("brackets_pattern"))
    assert find(["[2024] photos/*.png"]) == [PictureFile("[2024] photos/a.png", Path("[2024] photos/a.png"))]


def test_a_folder_that_failed_for_a_real_user_is_answered_and_its_heic_named(cli: Cli, toy_run: Path) -> None:
    done = cli("predict", toy_run, shared_case("predict_heic"), "--json")
    answer = json.loads(done.out)
    assert done.code == 3 and "README (no picture)" in done.err
    assert [Path(one["file"]).name for one in answer["predictions"]] == ["09_bmp.bmp", "10_tif.tif", "b.png"]
    assert [Path(one["file"]).name for one in answer["unreadable"]] == ["IMG_0001.HEIC"]
    assert "HEIC" in answer["unreadable"][0]["reason"]


def test_monitor_tells_what_is_no_picture(cli: Cli, folder: Path) -> None:
    done = cli("monitor", folder)
    assert "left out: " in done.err and "README (no picture)" in done.err
