"""From a run to a checked artifact."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

import fashionlab
from fashionlab.common import runtime
from fashionlab.common.environment import commit, machine
from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.progress import note
from fashionlab.common.records import PictureSet, Split
from fashionlab.deploy import archive, card, check, graph
from fashionlab.deploy.artifact import Artifact, Description
from fashionlab.deploy.formats import BASE, FORMATS
from fashionlab.deploy.learn import COVERAGE, Learned, learn
from fashionlab.deploy.session import Session
from fashionlab.evaluation.outlier_run import FITTED
from fashionlab.evaluation.outliers import ACCEPTED
from fashionlab.models import count_parameters
from fashionlab.runs.folder import ModelSpec
from fashionlab.runs.held_out import open_test_split
from fashionlab.runs.model import load_model
from fashionlab.runs.pictures import training_pictures
from fashionlab.runs.readings import record_reading
from fashionlab.runs.results import RunResults, load_results

_WHO, _WHY = "export", "measuring exported graphs, when all was decided"  # for the run's record of readings


@dataclass(frozen=True)
class Options:
    """target: a folder, or a zip where the name ends in .zip. formats: of `deploy.formats`, what is made beside BASE.
    unpruned: the run that the exported one was pruned from, to be measured beside it. batch: how many pictures the ONNX
    graphs take at a time; None for any number. views: of a picture that are averaged; None for as many as the run's
    recipe has."""

    target: Path
    formats: Sequence[str] = ()
    unpruned: Path | None = None
    data_dir: Path | None = None
    batch: int | None = None
    views: int | None = None


def check_target(target: Path) -> None:
    """Raise UsageError where something stands that is no artifact: only those are replaced."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        try:
            archive.read(target)
        except DataError as error:
            raise UsageError(f"{target}: exists and is no artifact, so it is not overwritten") from error


def export_run(path: Path, options: Options) -> Artifact:
    """Export the run at `path`: make its graphs, check and measure them, learn rules and reference, write the artifact.

    All that is decided is decided on validation pictures; then the test split is read, which is recorded, and measured.
    Nothing is written when a check fails. Progress on stderr. Raises UsageError for a run without validation pictures
    and for a target in use, DataError for a run that is not finished or whose pictures are not there, FashionlabError
    for a network that cannot be exported or whose graph answers otherwise.
    """
    check_target(options.target)
    results = load_results(path)
    run_card = card.of_run(results)
    pictures, split = training_pictures(results.folder, options.data_dir)
    if not len(split.validation):
        raise UsageError(f"{path} was trained without a validation split, on which temperature, prediction sets and "
                         "outlier threshold are learned and int8 is decided; train with data.validation above 0")
    device_runtime = runtime.choose("cpu", "float32")
    model, deployed = _deployed(results, options.views)
    graphs = _graphs(graph.Exported(deployed, pictures, split, options.batch), options.formats)
    sessions = {name: Session(content, device_runtime.threads) for name, content in graphs.items()
                if FORMATS[name].serves}

    note("export: measuring")
    forms = _forms(model, deployed, graphs, sessions, options, device_runtime.threads)
    images = np.array(pictures.images[split.validation[: check.PARITY]])
    rows = check.compare(forms, images)
    largest = float(np.abs(graph.ask(deployed, images)[0]).max())
    for name in graphs:
        if not FORMATS[name].judge:
            check.require_parity(rows, name, largest)

    note("export: learning temperature, thresholds and reference on validation pictures")
    learned = {name: learn(session, pictures, split) for name, session in sessions.items()}
    accuracies = {name: one.accuracy for name, one in learned.items()}
    verdicts = {name: judge(rows[BASE], rows[name], accuracies)
                for name in graphs if (judge := FORMATS[name].judge)}
    served = _served(rows, verdicts)

    note("export: measuring on the test split")
    test = open_test_split(results.folder, options.data_dir, who=_WHO, why=_WHY)
    if options.unpruned:
        record_reading(load_results(options.unpruned).folder, _WHO, _WHY)
    check.measure_accuracy(forms, test, rows)
    for name, verdict in verdicts.items():  # for people: nothing is decided by it any more
        verdict["points"]["test"] = 100 * (rows[name]["test_accuracy"] - rows[BASE]["test_accuracy"])
    checked = _checked(rows, accuracies, verdicts, served, len(test), len(images), device_runtime.threads)
    if options.unpruned:
        before, after = load_results(options.unpruned).metrics.val.accuracy, results.metrics.val.accuracy
        checked["pruning"] = check.judge_pruning(rows, (before, after))
    description = _description(results, deployed.spec, learned[served], served, pictures, split,
                               count_parameters(model))
    artifact = Artifact(description, graphs, learned[served].arrays, learned[served].reference, checked,
                        card.with_measurements(run_card, checked), str(options.target))
    artifact.save(options.target)
    return artifact


def _deployed(results: RunResults, views: int | None) -> tuple[nn.Module, graph.Deployed]:
    """The run's network, and as it answers with `views` of a picture (None: as many as its recipe has)."""
    model, spec = load_model(results.folder, torch.device("cpu"))
    return model, graph.Deployed(model, spec if views is None else replace(spec, views=views))


def _graphs(network: graph.Exported, beside: Sequence[str]) -> dict[str, bytes]:
    note("export: making the graph")
    return {name: FORMATS[name].make(network) for name in FORMATS if name == BASE or name in beside}


def _forms(network: nn.Module, deployed: graph.Deployed, graphs: dict[str, bytes], sessions: dict[str, Session],
           options: Options, threads: int) -> dict[str, check.Form]:
    """Everything that is measured side by side, by the names of its rows."""
    weights = safetensors.torch.save({name: value.contiguous() for name, value in network.state_dict().items()})
    forms = {check.PYTORCH: check.Form(partial(graph.ask, deployed), len(weights))}
    for name, content in graphs.items():
        opened = FORMATS[name].open
        forms[name] = check.Form(opened(content) if opened else sessions[name].run, len(content))
    if options.unpruned:
        whole = graph.to_onnx(graph.to_program(_deployed(load_results(options.unpruned), options.views)[1]))
        forms[check.UNPRUNED] = check.Form(Session(whole, threads).run, len(whole))
    return forms


def _served(rows: dict[str, dict[str, Any]], verdicts: dict[str, dict[str, Any]]) -> str:
    """The format that answers: of those that may take the place of BASE the fastest in bulk."""
    allowed = [name for name, verdict in verdicts.items() if verdict["served"]]
    return max(allowed, key=lambda name: rows[name]["images_per_second"], default=BASE)


def _checked(rows: dict[str, dict[str, Any]], validation: dict[str, float], verdicts: dict[str, dict[str, Any]],
             served: str, n: int, parity: int, threads: int) -> dict[str, Any]:
    """check.json: n test pictures of test_accuracy, `parity` validation pictures of the other figures of `rows`; the
    verdict on each format that is judged, None where it was not made."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "onnx", "onnxscript", "onnxruntime")}
    return {"n": n, "parity": parity, "served": served, "rows": rows, "validation_accuracy": validation,
            **{name: verdicts.get(name) for name in FORMATS if FORMATS[name].judge}, "threads": threads,
            "machine": machine(), "versions": versions}


def _description(results: RunResults, spec: ModelSpec, learned: Learned, served: str, pictures: PictureSet,
                 split: Split, parameters: int) -> Description:
    return Description(
        name=results.name, recipe=results.recipe.description.split("\n")[0], model=spec.name, parameters=parameters,
        fashionlab=fashionlab.__version__, commit=commit(), data_sha256=pictures.sha256, classes=spec.classes,
        channels=spec.channels, image_size=spec.image_size, mean=spec.mean, std=spec.std, views=spec.views,
        graph=served, temperature=learned.temperature, coverage=COVERAGE, limit=learned.limit, score=learned.score,
        threshold=learned.threshold, accepted=ACCEPTED, areas=learned.areas, training=min(len(split.train), FITTED),
        validation=len(split.validation), preparation=spec.preparation)
