"""The monitor command on pictures that have drifted and others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.opening import open_classifier
from fashionlab.deploy.reference import statistics
from toys import idx_bytes, toy_pictures


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    """300 pictures like those of training, and the same with the last 200 inverted."""
    images, _ = toy_pictures(300, seed=7)
    paths = tmp_path / "plain-images-idx3-ubyte", tmp_path / "inverted-images-idx3-ubyte"
    paths[0].write_bytes(idx_bytes(images))
    paths[1].write_bytes(idx_bytes(np.concatenate([images[:100], 255 - images[100:]])))
    return paths


def test_figures_are_those_of_the_answers(toy_artifact: Path):
    classifier = open_classifier(toy_artifact, 1)
    assert isinstance(classifier, ArtifactClassifier)
    images = toy_pictures(20, seed=3)[0][:, None]
    answers, figures = classifier.observe(images)
    np.testing.assert_array_equal(answers.probabilities, classifier.answer(images).probabilities)
    _, features = classifier.session.ask(images)
    for name, values in statistics(images, answers, classifier.artifact.distance(features)).items():
        np.testing.assert_array_equal(figures[name], values)
    assert len(classifier.observe(images[:0])[1]["ink"]) == 0


def test_no_drift(cli, toy_artifact: Path, sets):
    done = cli("monitor", sets[0], "--model", toy_artifact)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split() == ["figure", "statistic", "largest", "limit"]
    assert done.out.splitlines()[-1] == "no drift in 300 pictures, 300 at a time"


def test_drift_and_since_when(cli, toy_artifact: Path, sets):
    done = cli("monitor", sets[1], "--model", toy_artifact)
    assert done.code == 0, done.err
    assert f"brightness drifted from the first on; noticed at {sets[1]} [299]" in done.out
    done = cli("monitor", *sets, "--model", toy_artifact)
    since = re.search(r"brightness drifted since one of the pictures (\d+) to (\d+); noticed at .* \[(\d+)\]", done.out)
    assert since and int(since[2]) == int(since[1]) + 499 == int(since[3]) + 301
    assert 400 < int(since[2]) < 600
    done = cli("monitor", *sets, "--model", toy_artifact, "--json")
    result = json.loads(done.out)
    assert result["drift"] and result["pictures"] == 600 and result["window"] == 500 and result["unreadable"] == []
    brightness = next(figure for figure in result["figures"] if figure["name"] == "brightness")
    assert brightness["alarm"] and brightness["statistic"] == "ks" and brightness["largest"] > brightness["limit"]
    assert brightness["picture"] == f"{sets[1]} [{brightness['raised'] - 300}]"


def test_a_folder_with_a_broken_picture(cli, toy_artifact: Path, tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    images, _ = toy_pictures(60, seed=5)
    for number, picture in enumerate(255 - images):
        Image.fromarray(picture).save(folder / f"{number:03}.png")
    (folder / "broken.png").write_bytes(b"none")
    done = cli("monitor", folder, "--model", toy_artifact)
    assert done.code == 3 and "broken.png: unreadable" in done.err
    assert done.out.splitlines()[0].startswith("figure")


@pytest.mark.parametrize(("words", "code", "message"), [
    (["none"], 3, "none: no such file or folder"),
    (["few-images-idx3-ubyte"], 3, "40 readable pictures do not tell drift from chance; it takes 50"),
])
def test_one_clear_message(cli, toy_artifact: Path, tmp_path: Path, words: list[str], code: int, message: str):
    (tmp_path / "few-images-idx3-ubyte").write_bytes(idx_bytes(toy_pictures(40, seed=1)[0]))
    done = cli("monitor", *words, "--model", toy_artifact)
    assert (done.code, done.out) == (code, "") and done.err.startswith(f"fashionlab: {message}")


def test_a_run_has_no_reference(cli, toy_run: Path, tmp_path: Path):
    done = cli("monitor", tmp_path, "--model", toy_run)
    assert done.code == 2 and f"fashionlab export {toy_run}" in done.err
