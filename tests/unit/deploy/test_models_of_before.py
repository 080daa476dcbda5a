"""Runs and artifacts of before preparation was a part of the model answer as they did.

asked_before.json is what the code of before (commit e474b83) made and said of `drawn_photos`: hashes of the pixels by
photo, size and channels, and the bundled model's answers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fashionlab as fl
from drawn_photos import drawn_photos
from fashionlab.data.held_out import load_test
from fashionlab.deploy.artifact import load, locate
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.preparation import Preparations, prepare, prepare_arrays
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.pictures import form

BEFORE: dict[str, Any] = json.loads(Path(__file__).with_name("asked_before.json").read_text())


def _hash(picture: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest()[:16]


def _without_preparation(run: Path) -> Path:
    """The run as one of before: its description says nothing of how pictures are prepared."""
    path = run / "model.json"
    description = json.loads(path.read_text())
    assert description.pop("preparation")
    path.write_text(json.dumps(description))
    return run


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 40])
def test_photos_are_seen_as_before(size: int, channels: int) -> None:
    """But for one: a picture in Fashion-MNIST's own form and size is only enlarged, no garment is looked for in it."""
    asked = Preparations.of_model(None, size, channels).asked
    for name, content in drawn_photos().items():
        if (name, size, channels) == ("in the form.png", 40, 1):
            continue
        assert _hash(prepare(content, name, asked)) == BEFORE["pixels"][f"{name}, {size}, {channels}"], name


def test_the_bundled_model_answers_as_before(tmp_path: Path) -> None:
    assert load(locate("default")).description.preparation is None
    model = fl.load("default")
    assert isinstance(model, fl.Classifier)
    for name, content in drawn_photos().items():
        (tmp_path / name).write_bytes(content)
        [answer] = model.predict(tmp_path / name)
        label, probability, outlier, score, classes = BEFORE["answers"][name]
        assert (answer.label, answer.outlier, list(answer.set)) == (label, outlier, classes), name
        np.testing.assert_allclose([answer.probability, answer.outlier_score], [probability, score], rtol=2e-3)


def test_a_service_of_the_bundled_model_sees_photos_as_before() -> None:
    from fashionlab.serve import intake
    from fashionlab.serve.limits import Limits

    classifier = ArtifactClassifier(load(locate("default")))
    for name, content in drawn_photos().items():
        sent = intake.read(content, "image/png", classifier, Limits())
        [picture] = intake.decode(sent, intake.look(sent, Limits())[1], classifier)
        assert _hash(picture) == BEFORE["pixels"][f"{name}, 28, 1"], name


def test_a_run_of_before_is_evaluated_and_asked_as_before(toy_run: Path, tmp_path: Path) -> None:
    path = _without_preparation(Path(shutil.copytree(toy_run, tmp_path / "run")))
    before = fl.load(path)
    assert isinstance(before, fl.Run)
    logits = before.predictions("test").logits
    before.evaluate("test")
    np.testing.assert_array_equal(before.predictions("test").logits, logits)
    for name, content in drawn_photos().items():
        (tmp_path / name).write_bytes(content)
        [answer] = before.predict(tmp_path / name)
        assert _hash(answer.picture) == BEFORE["pixels"][f"{name}, 28, 1"], name


def test_data_of_a_run_of_before_are_whole_on_black(toy_run: Path, tmp_path: Path) -> None:
    """Pictures of the network's size as they are, others centred on black: reckoned here pixel by pixel."""
    folder = tmp_path / "photos"
    wide = np.random.default_rng(0).integers(1, 256, (14, 28), dtype=np.uint8)  # fits without being resampled
    own = np.full((28, 28), 200, dtype=np.uint8)
    for part in ("train", "test"):
        for label, picture in (("a", wide), ("b", own)):
            (folder / part / label).mkdir(parents=True)
            Image.fromarray(picture).save(folder / part / label / "1.png")
    path = _without_preparation(Path(shutil.copytree(toy_run, tmp_path / "run")))
    pictures = load_test(**{**form(RunFolder(path), None), "dataset": str(folder)})
    expected = np.zeros((28, 28), dtype=np.uint8)
    expected[7:21] = wide
    np.testing.assert_array_equal(pictures.images[:, 0], [expected, own])
    sets = Preparations.of_model(None, 28, 1).sets
    np.testing.assert_array_equal(prepare_arrays(wide[None, None], sets)[0, 0], expected)
