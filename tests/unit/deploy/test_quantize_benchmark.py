"""benchmarks/quantize.py measures every form of a run's graph, and the pages can be written from what it keeps."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from fashionlab.deploy.formats import int8
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.readings import readings


def test_every_form_is_measured_and_the_reading_recorded(
        cnn_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
    script, pages = importlib.import_module("quantize"), importlib.import_module("deployment_pages")
    run = Path(shutil.copytree(cnn_run, tmp_path / "cnn"))
    before = len(readings(RunFolder(run)))
    monkeypatch.setattr(script, "CALLS", 2)
    monkeypatch.setattr(int8, "CALIBRATION", 64)
    monkeypatch.setattr(script, "layers_to_keep", lambda quantizer, validation, points: [*quantizer.layers][-2:])
    monkeypatch.setattr(sys, "argv", ["quantize.py", str(run), "--out", str(tmp_path / "results" / "quantize.json")])
    script.main()
    found = json.loads((tmp_path / "results" / "quantize.json").read_text())
    assert list(found["rows"]) == [script.FLOAT32, script.TENSOR, script.CHANNEL, script.KEPT]
    sizes = {name: row["bytes"] for name, row in found["rows"].items()}
    assert sizes[script.CHANNEL] < sizes[script.KEPT] < sizes[script.FLOAT32]
    assert {one["layer"] for one in found["layers"]} >= set(found["kept"]) and len(found["kept"]) == 2
    assert sum(kind["layers"] for kind in found["kinds"].values()) == len(found["layers"])
    assert [one.who for one in readings(RunFolder(run))][before:] == ["benchmarks/quantize.py"]
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "read", lambda name: found)
    assert "| convolution |" in pages.quantize() and "Kept: `" in pages.quantize()
