"""The whole way: a run, its artifact, and answers from both."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fashionlab.common.errors import DataError, FashionlabError, UsageError
from fashionlab.data.held_out import load_test
from fashionlab.deploy import archive, check, graph
from fashionlab.deploy.artifact import Artifact, load
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.export import Options, export_run
from fashionlab.deploy.opening import open_classifier
from fashionlab.deploy.session import Session
from fashionlab.evaluation import outliers
from fashionlab.evaluation.calibration import load_calibrators
from fashionlab.evaluation.outlier_scores import FORMULAS
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.model import load_model
from fashionlab.runs.readings import readings
from run_folders import forget_test_pictures
from toys import idx_bytes


@pytest.fixture(scope="module")
def test_set(toy_data: Path):
    return load_test(str(toy_data))


def test_an_artifact_holds_what_it_promises(artifact: Path) -> None:
    assert sorted(path.name for path in artifact.iterdir()) == [
        "SHA256SUMS", "artifact.json", "check.json", "model-int8.onnx", "model.onnx", "model.pt2", "model_card.md",
        "outliers.npz", "reference.npz"]
    exported = load(artifact)
    description = exported.description
    assert (description.name, description.model, description.views) == ("cnn", "fast", 2)
    assert (description.channels, description.image_size) == (1, 28)
    assert (description.training, description.validation) == (500, 100)
    assert description.areas.keys() == FORMULAS.keys()
    assert description.score == max(description.areas, key=lambda score: description.areas[score])
    assert {name: len(values) for name, values in exported.reference.values.items()} == dict.fromkeys(
        ("brightness", "ink", "distance", "confidence"), 100)
    assert "![" not in exported.card and "Caption" not in exported.card and "Good." in exported.card
    assert "## Exported graphs" in exported.card and "| int8 |" in exported.card


def test_every_graph_was_checked(artifact: Path) -> None:
    checked = load(artifact).check
    assert list(checked["rows"]) == ["PyTorch", "float32", "int8", "pt2"]
    assert (checked["n"], checked["parity"]) == (200, 100)
    for name in ("float32", "pt2"):
        row = checked["rows"][name]
        assert row["largest_difference"] < 1e-3 and row["equal_answers"] == 1
        assert row["bytes"] == len(load(artifact).graphs[name])
    assert checked["rows"]["int8"]["largest_difference"] > 0
    assert checked["served"] == ("int8" if checked["int8"]["served"] else "float32") == load(artifact).description.graph


def test_int8_weights_are_bytes(artifact: Path) -> None:
    import onnx

    model = onnx.load_from_string(load(artifact).graphs["int8"])
    kinds = [one.data_type for one in model.graph.initializer if len(one.dims) == 4 and one.dims[0] > 1]
    assert sorted(kinds) == [onnx.TensorProto.FLOAT] + [onnx.TensorProto.INT8] * 4, "the first layer stays"


def test_thresholds_are_those_of_the_evaluation(artifact: Path, cnn_run: Path) -> None:
    description = load(artifact).description
    assert description.temperature == pytest.approx(
        load_calibrators(RunFolder(cnn_run).calibration)["temperature"].temperature, rel=0.05)  # type: ignore[attr-defined]
    ours, theirs = open_classifier(artifact, 1), open_classifier(cnn_run, 1)
    from fashionlab.runs.pictures import training_pictures
    from fashionlab.runs.results import load_results

    pictures, split = training_pictures(load_results(cnn_run).folder)
    for classifier in (ours, theirs):
        answers = classifier.answer(pictures.images[split.validation])
        held = answers.sets[np.arange(100), pictures.labels[split.validation]]
        assert held.mean() >= 0.95
        assert (~answers.outlier).mean() >= 0.95
        assert not (~answers.outlier).mean() > 0.97


def test_run_and_artifact_answer_alike(artifact: Path, cnn_run: Path, test_set, tmp_path: Path) -> None:
    whole = load(artifact)
    float32 = Artifact(**{**vars_of(whole), "description": replace(whole.description, graph="float32")})
    float32.save(tmp_path / "float32.zip")
    ours, theirs = open_classifier(tmp_path / "float32.zip", 1), open_classifier(cnn_run, 1)
    assert ours.classes == theirs.classes and (ours.channels, ours.image_size) == (1, 28)
    mine, other = ours.answer(test_set.images), theirs.answer(test_set.images)
    np.testing.assert_array_equal(mine.probabilities.argmax(1), other.probabilities.argmax(1))
    assert (mine.probabilities.argmax(1) == test_set.labels).mean() == whole.check["rows"]["PyTorch"]["test_accuracy"]
    np.testing.assert_allclose(mine.probabilities.sum(1), 1, atol=1e-5)
    for classifier in (ours, theirs):
        assert [len(part) for part in vars(classifier.answer(test_set.images[:0])).values()] == [0, 0, 0, 0]
        for wrong in (test_set.images[:, 0, :5], test_set.images.astype(np.float32), test_set.images[0, 0]):
            with pytest.raises(DataError, match="pictures must be uint8"):
                classifier.answer(wrong)


def replace(description, **changes):
    import dataclasses

    return dataclasses.replace(description, **changes)


def vars_of(artifact: Artifact) -> dict:
    return {name: getattr(artifact, name) for name in artifact.__dataclass_fields__}


def test_noise_has_a_higher_outlier_score_than_clothes(artifact: Path, test_set) -> None:
    classifier = open_classifier(artifact, 1)
    noise = np.random.default_rng(0).integers(0, 256, (200, 1, 28, 28), dtype=np.uint8)
    of_noise, of_clothes = (classifier.answer(images).outlier_score for images in (noise, test_set.images))
    assert np.median(of_noise) > np.median(of_clothes)


def test_serving_needs_neither_torch_nor_sklearn_nor_scipy(artifact: Path) -> None:
    code = ("import sys, numpy; from fashionlab.deploy.opening import open_classifier; "
            f"answers = open_classifier({str(artifact)!r}).answer(numpy.zeros((3, 1, 28, 28), numpy.uint8)); "
            "print(answers.probabilities.shape); "
            "print(*{'torch', 'sklearn', 'scipy', 'onnx', 'pandas', 'pydantic', 'matplotlib'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["(3, 10)", ""] and not done.stderr


def test_the_run_answers_with_its_own_detector_or_without_validation(cnn_run: Path, test_set, tmp_path: Path) -> None:
    run = Path(shutil.copytree(cnn_run, tmp_path / "run"))
    seen = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    fitted = outliers.SCORES["neighbours"].fit(seen, np.zeros(50, np.int64))
    outliers.Detector("neighbours", 0.0, fitted).save(run / "outlier_detector.npz")
    assert open_classifier(run).answer(test_set.images[:5]).outlier.all()
    (run / "predictions" / "val.npz").unlink()
    answers = open_classifier(run).answer(test_set.images[:5])
    assert answers.sets.all() and not answers.outlier.any()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("x")
    for name in ("missing", "text.zip", "."):
        with pytest.raises(DataError, match=r"no such|no readable|not an artifact"):
            open_classifier(tmp_path / name)


def test_sums_that_were_made_anew_do_not_make_nonsense_right(artifact: Path, tmp_path: Path) -> None:
    files = archive.read(artifact)

    def harmed(**values) -> dict[str, bytes]:
        return {**files, "artifact.json": json.dumps({**json.loads(files["artifact.json"]), **values}).encode()}

    without = {name: content for name, content in files.items() if name != "outliers.npz"}
    cases = [harmed(format="other"), harmed(score="magic"), harmed(graph="pt2"), harmed(temperature=0),
             harmed(temperature="hot"), harmed(limit=float("nan")), harmed(more=1), harmed(classes=["a"]),
             {**files, "artifact.json": b"[]"}, {**files, "artifact.json": b"{"}, without,
             {**files, "outliers.npz": b"PK"}, {**files, "reference.npz": files["outliers.npz"]},
             {**files, "outliers.npz": files["reference.npz"]}, {**files, "check.json": b""},
             {**files, "model_card.md": b"\xff\xff"}]
    for number, case in enumerate(cases):
        archive.write(tmp_path / f"{number}.zip", case)
        with pytest.raises(DataError, match=f"{number}.zip"):
            load(tmp_path / f"{number}.zip")
    archive.write(tmp_path / "graph.zip", {**files, "model.onnx": b"no", "model-int8.onnx": b"no"})
    with pytest.raises(DataError, match="ONNX Runtime cannot read"):
        open_classifier(tmp_path / "graph.zip")


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_SECONDS", 0.0)
    monkeypatch.setattr(check, "_REPETITIONS", (5, 5))


@pytest.mark.usefixtures("quickly")
def test_the_command_tells_and_replaces_artifacts_only(cli, toy_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(toy_run, tmp_path / "toy"))
    (run / "model_card.md").write_text("# Card\n")
    result = cli("export", run)
    assert result.code == 0, result.err
    assert "float32" in result.out and "pictures/s" in result.out and "export: making the graph" in result.err
    assert open_classifier(run / "artifact").classes == open_classifier(run).classes
    result = cli("export", run, "--out", tmp_path / "a.zip", "--json")
    printed = json.loads(result.out)
    assert result.code == 0 and printed["artifact"] == str(tmp_path / "a.zip") and printed["served"] == "float32"
    assert load(tmp_path / "a.zip").check["rows"].keys() == printed["rows"].keys() == {"PyTorch", "float32"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for target in (tmp_path / "mine", run, tmp_path / "mine" / "thesis.txt"):
        refused = cli("export", run, "--out", target)
        assert refused.code == 2 and "is not overwritten" in refused.err
    assert cli("export", run, "--format", "tflite").code == 2


def test_what_cannot_be_exported_is_said_before_anything_is_written(cli, cnn_run: Path, tmp_path: Path) -> None:
    assert cli("export", tmp_path / "missing").code == 3
    run = Path(shutil.copytree(cnn_run, tmp_path / "run"))
    with np.load(run / "split.npz") as saved:
        parts = dict(saved)
    np.savez(run / "split.npz", train=parts["train"], validation=parts["validation"][:0])
    with pytest.raises(UsageError, match="without a validation split"):
        export_run(run, Options(tmp_path / "out"))
    (run / "model_card.md").unlink()
    with pytest.raises(DataError, match="fashionlab report"):
        export_run(run, Options(tmp_path / "out"))
    (run / "metrics.json").unlink()
    assert cli("export", run).code == 3
    assert not (tmp_path / "out").exists() and not (run / "artifact").exists()


@pytest.mark.usefixtures("quickly")
def test_one_view_and_a_fixed_number_of_pictures(cli, cnn_run: Path, test_set, tmp_path: Path) -> None:
    """The run averages two views; of one, the answers are those of its plain network."""
    target = tmp_path / "edge"
    result = cli("export", cnn_run, "--batch", 1, "--views", 1, "--int8", "--out", target)
    assert result.code == 0, result.err
    exported = open_classifier(target)
    assert isinstance(exported, ArtifactClassifier) and exported.session.batch == 1
    assert exported.artifact.description.views == 1 and set(exported.artifact.graphs) == {"float32", "int8"}
    model, spec = load_model(RunFolder(cnn_run), torch.device("cpu"))
    assert spec.views == 2
    images = test_set.images[:7]
    plain = graph.ask(graph.Deployed(model, replace(spec, views=1)), images)
    for theirs, ours in zip(Session(exported.artifact.graphs["float32"], 1).ask(images), plain, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-4)
    answers = exported.answer(images)
    np.testing.assert_array_equal(answers.probabilities, np.concatenate(
        [exported.answer(images[at : at + 1]).probabilities for at in range(7)]))


def near_ties(run: Path, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Pictures [n, 28, 28] whose class the network can hardly tell, labelled as it answers in float32."""
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 60, (4000, 1, 28, 28), dtype=np.uint8)
    for picture in pictures:
        for row in draw.choice(10, 2, replace=False):
            picture[0, 2 + 2 * row : 6 + 2 * row, 4:24] += np.uint8(draw.integers(60, 90))
    probabilities = open_classifier(run, 1).answer(pictures).probabilities
    second, first = np.sort(probabilities, axis=1).T[-2:]
    chosen = np.argsort(first - second, kind="stable")[:n]
    return pictures[chosen], probabilities[chosen].argmax(1).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.usefixtures("quickly")
def test_the_test_split_has_no_say_in_whether_int8_answers(
        toy_run: Path, toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run with its own test split, and with one on whose pictures and labels int8 does far worse."""
    monkeypatch.setattr(check, "MOST_LOSS", 3.0)  # what int8 may lose of 100 validation pictures
    monkeypatch.setattr(check, "_times", lambda forms, pictures: {
        name: [1.0 if name == "int8" else 2.0] for name in forms})
    run, data = Path(shutil.copytree(toy_run, tmp_path / "toy")), Path(shutil.copytree(toy_data, tmp_path / "data"))
    (run / "recipe.yaml").write_text((run / "recipe.yaml").read_text().replace(str(toy_data), str(data)))
    (run / "model_card.md").write_text("# Card\n")
    labels, images = data / "t10k-labels-idx1-ubyte.gz", data / "t10k-images-idx3-ubyte.gz"
    own = export_run(run, Options(tmp_path / "own.zip", ("int8",)))
    hard, answers = near_ties(run)
    images.write_bytes(gzip.compress(idx_bytes(hard)))
    labels.write_bytes(gzip.compress(idx_bytes(answers)))
    with pytest.raises(DataError, match="not those that"):
        export_run(run, Options(tmp_path / "other.zip", ("int8",)))
    forget_test_pictures(run)
    other = export_run(run, Options(tmp_path / "other.zip", ("int8",)))
    assert other.check["int8"]["points"]["test"] < -check.MOST_LOSS, "these pictures are no test of this"
    assert own.description.graph == other.description.graph == "int8"
    assert own.check["int8"]["why"] == other.check["int8"]["why"]
    assert [one.who for one in readings(RunFolder(run))] == ["export"]


@pytest.mark.usefixtures("quickly")
def test_a_reading_that_cannot_be_recorded_stops_the_export(toy_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(toy_run, tmp_path / "toy"))
    (run / "model_card.md").write_text("# Card\n")
    (run / "test_readings.jsonl").unlink()
    (run / "test_readings.jsonl").mkdir()
    with pytest.raises(FashionlabError, match=r"test_readings\.jsonl"):
        export_run(run, Options(tmp_path / "out.zip"))
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.usefixtures("quickly")
def test_a_graph_that_answers_otherwise_is_not_written(
        toy_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Path(shutil.copytree(toy_run, tmp_path / "toy"))
    (run / "model_card.md").write_text("# Card\n")
    before = readings(RunFolder(run))
    monkeypatch.setattr(check, "TOLERANCE", -1.0)
    with pytest.raises(FashionlabError, match="does not answer as PyTorch does"):
        export_run(run, Options(tmp_path / "out.zip"))
    assert not (tmp_path / "out.zip").exists() and readings(RunFolder(run)) == before


def test_the_bundled_model_is_small_accurate_and_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from fashionlab.deploy import artifact

    bundled = artifact.load(artifact.locate("default"))
    assert Path(bundled.source).stat().st_size <= 2_000_000
    assert bundled.check["n"] == 10_000 and bundled.check["rows"][bundled.description.graph]["test_accuracy"] >= 0.945
    assert len(open_classifier("default").answer(np.zeros((2, 1, 28, 28), np.uint8)).probabilities) == 2
    monkeypatch.setattr(artifact, "BUNDLED", "bundled/none.zip")
    with pytest.raises(DataError, match="bundles no model"):
        open_classifier("default")
