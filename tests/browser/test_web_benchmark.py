"""benchmarks/web.py holds the page's answers against Python's, and the pages can be written from what it keeps."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from fashionlab.common.errors import DataError
from fashionlab.deploy.browser_runtime import runtime_files
from fashionlab.serve.app import STATIC


def test_the_page_is_measured_beside_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no chromium on the PATH")
    try:
        runtime_files()
    except DataError as error:
        pytest.skip(str(error))
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    script, pages = importlib.import_module("web"), importlib.import_module("deployment_pages")
    monkeypatch.setattr(sys, "argv", ["web.py", "default", str(STATIC / "samples"), "--most", "6",
                                      "--out", str(tmp_path / "results" / "web.json")])
    script.main()
    found = json.loads((tmp_path / "results" / "web.json").read_text())
    assert found["pictures"] == 6 and found["equal"]["answer"] == 1 and found["difference"]["largest"] < 0.1
    assert found["bytes"] == sum(found["files"].values()) < 15_000_000 and found["graph"] == "int8"
    assert all(0 < time["median"] <= time["p95"] for time in found["milliseconds"].values())
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "read", lambda name: found)
    assert "6 photographs, the graph int8 of `medium`" in pages.web()
