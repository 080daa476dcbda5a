"""The folder of a page that answers in the browser: what is in it, and what is refused before anything is written."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import fashionlab as fl
from fashionlab.common.errors import DataError, UsageError
from fashionlab.deploy import archive, browser_runtime, web
from fashionlab.deploy.artifact import load
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.opening import open_classifier
from fashionlab.deploy.session import Session

PARTS = {"ort.wasm.bundle.min.mjs": b"export {};", "ort-wasm-simd-threaded.wasm": b"\0asm" * 100}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """npm's package in small, whose sums are the known ones."""
    monkeypatch.setattr(browser_runtime, "_SUMS",
                        {name: hashlib.sha256(content).hexdigest() for name, content in PARTS.items()})
    return write_package(tmp_path / "ort.tgz", PARTS)


def write_package(path: Path, parts: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, content in parts.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def test_the_command_makes_a_page_of_an_artifact(cli: Callable, toy_artifact: Path, package: Path, tmp_path: Path
                                                 ) -> None:
    result = cli("export", toy_artifact, "--format", "web", "--runtime", package)
    assert result.code == 0, result.err
    assert "web: 0." in result.out and "python -m http.server --directory web" in result.out
    files, artifact = archive.read(tmp_path / "web"), load(toy_artifact)
    assert gzip.decompress(files["onnxruntime.wasm.gz"]) == PARTS["ort-wasm-simd-threaded.wasm"]
    about = json.loads(files["model.json"])
    assert about["classes"] == list(artifact.description.classes)
    assert about["temperature"] == artifact.description.temperature
    assert about["preparation"]["way"] == "letterbox" and "28 x 28 pixels in grey" in about["photos"]
    learned = np.frombuffer(files["outliers.bin"], "<f4")
    depth = len(artifact.learned["root"])
    np.testing.assert_array_equal(learned[: depth * depth].reshape(depth, depth), artifact.learned["root"])
    np.testing.assert_array_equal(learned[depth * depth :].reshape(-1, depth), artifact.learned["centres"])
    again = cli("export", toy_artifact, "--format", "web", "--runtime", package, "--json")
    assert json.loads(again.out)["page"] == "web", "a page may be replaced"


def test_every_file_that_the_page_names_is_there(package: Path, toy_artifact: Path, tmp_path: Path) -> None:
    web.write_page(open_classifier(toy_artifact), tmp_path / "page.zip", package)
    files = archive.read(tmp_path / "page.zip")
    scripts = b"".join(content for name, content in files.items() if name.endswith((".js", ".html")))
    for name in ("style.css", "page.css", "web.css", "icon.svg", "page.js", "model.json", "model.onnx"):
        assert f'"{name}"'.encode() in scripts and name in files
    for line in scripts.decode().splitlines():
        if line.startswith("import ") and "./" in line:
            assert line.split("./")[1].split('"')[0] in files, line
    assert b"http" not in b"".join(files[name] for name in files if name.endswith((".js", ".css", ".html"))
                                   if name != "onnxruntime.js")


def test_a_page_of_a_run_is_one_of_its_artifact(cli: Callable, toy_run: Path, toy_artifact: Path, package: Path,
                                                tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def export(run: fl.Run, target: Path | None = None, **options: object) -> fl.Classifier:
        asked.update(options)
        return fl.Classifier(toy_artifact)

    monkeypatch.setattr(fl.Run, "export", export)
    result = cli("export", toy_run, "--format", "web", "--runtime", package, "--out", tmp_path / "page", "--batch", 1)
    assert result.code == 0 and (tmp_path / "page" / "index.html").is_file()
    assert asked == {"int8": False, "prune": None, "batch": 1, "views": None}


def test_wrong_use_is_told(cli: Callable, toy_run: Path, toy_artifact: Path, package: Path, tmp_path: Path) -> None:
    for words, message in (([toy_artifact, "--format", "web", "--int8"], "is no run"),
                           ([toy_run, "--runtime", package], "goes with --format web"),
                           ([toy_artifact, "--format", "web", "--out", package], "is not overwritten"),
                           ([toy_run, "--views", "3"], "views 3: expected one of 1, 2, 6"),
                           ([toy_run, "--batch", "0"], "--batch")):
        result = cli("export", *words)
        assert result.code == 2 and message in result.err, result.err
    with pytest.raises(UsageError, match="is a run; make an artifact of it first"):
        fl.load(toy_run).classifier.web_page(tmp_path / "page")


def test_what_browsers_cannot_answer_with_is_refused(toy_artifact: Path, package: Path, tmp_path: Path) -> None:
    classifier = open_classifier(toy_artifact)
    assert isinstance(classifier, ArtifactClassifier)
    classifier.session.batch = 4
    with pytest.raises(UsageError, match=r"takes 4 pictures at a time.*--batch 1"):
        web.write_page(classifier, tmp_path / "page", package)
    classifier.session.batch = 1
    classifier.preparations = classifier.preparations._replace(
        asked=replace(classifier.preparations.asked, way="magic"))
    with pytest.raises(UsageError, match="way of preparing pictures, 'magic', is none"):
        web.write_page(classifier, tmp_path / "page", package)
    assert not (tmp_path / "page").exists()


def test_the_runtime_comes_from_a_file_a_folder_or_the_cache(
        package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_file = browser_runtime.runtime_files(package)
    (tmp_path / "unpacked" / "dist").mkdir(parents=True)
    for name, content in PARTS.items():
        (tmp_path / "unpacked" / "dist" / name).write_bytes(content)
    assert browser_runtime.runtime_files(tmp_path / "unpacked") == of_file
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(browser_runtime, "ADDRESS", package.as_uri())
    assert browser_runtime.runtime_files() == of_file
    monkeypatch.setattr(browser_runtime, "ADDRESS", "http://127.0.0.1:1/ort.tgz")
    assert browser_runtime.runtime_files() == of_file, "kept"


def test_no_runtime_is_one_message(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(browser_runtime, "ADDRESS", "http://127.0.0.1:1/ort.tgz")
    with pytest.raises(DataError, match=r"cannot fetch onnxruntime-web from http.*give it as --runtime FILE"):
        browser_runtime.runtime_files()
    (tmp_path / "text.tgz").write_text("no archive")
    other = write_package(tmp_path / "other.tgz", {**PARTS, "ort-wasm-simd-threaded.wasm": b"another"})
    for path, words in ((tmp_path / "text.tgz", "no package"), (tmp_path / "none.tgz", "no package"),
                        (other, "wasm is another"), (tmp_path, "mjs is missing")):
        with pytest.raises(DataError, match=words):
            browser_runtime.runtime_files(path)


def test_half_of_the_bytes_answer_nearly_as_all(artifact: Path) -> None:
    """Of a network with convolutions, whose largest weights are too small here to be halved: the limit is set lower."""
    whole = load(artifact).graphs["float32"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web, "_FEW", 16)
        half = web.halved(whole)
    kept = [one.data_type for one in onnx.load_from_string(half).graph.initializer]
    assert onnx.TensorProto.FLOAT16 in kept and len(half) < 0.75 * len(whole)
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 28, 28), dtype=np.uint8)
    for theirs, ours in zip(Session(half, 1).ask(images), Session(whole, 1).ask(images), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=5e-3 * np.ptp(ours))


def test_weights_that_half_precision_cannot_hold_stay() -> None:
    tensor = onnx.numpy_helper.from_array(np.full(2000, 1e5, np.float32), "large")
    node = onnx.helper.make_node("Add", ["x", "large"], ["y"])
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2000]) for name in "xy"]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", values[:1], values[1:], [tensor]))
    half = onnx.load_from_string(web.halved(model.SerializeToString()))
    assert [one.name for one in half.graph.initializer] == ["large"] and len(half.graph.node) == 1
