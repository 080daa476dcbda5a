"""The page that answers in the browser beside Python: equal answers, probabilities, milliseconds a picture, bytes.

    python benchmarks/web.py MODEL FOLDER                   writes results/web.json

MODEL: an artifact or `default`. FOLDER: photographs; none of their labels are read. The page is exported, offered by a
plain server of files and asked in the system's headless Chromium; Python answers through ONNX Runtime with one thread,
as the page has. Preparing includes decoding. Times mean something only on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import base64
import functools
import shlex
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from recipe import ROOT

import fashionlab as fl
from fashionlab.common.environment import commit, machine
from fashionlab.common.files import write_json
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.browser_runtime import VERSION
from fashionlab.deploy.opening import open_classifier
from fashionlab.preparation import prepare

OPEN = """async () => {
    const started = performance.now();
    window.answering = await (await import("./model.js")).open();
    return performance.now() - started;
}"""
ANSWER = """async (content) => {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    const { seen, ...answer } = await window.answering.answer(new Blob([bytes]));
    return answer;
}"""
WARM = 5  # pictures that are answered before those that count


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=400, help="pictures at most")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "web.json")
    words = parser.parse_args()
    pictures = sorted(path for path in words.folder.rglob("*") if path.suffix in (".jpg", ".jpeg", ".png", ".webp"))
    with TemporaryDirectory() as temporary:
        folder = fl.Classifier(words.model).web_page(Path(temporary) / "page")
        sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
        with opened(folder) as (page, browser):
            measured = compared(page, words.model, pictures[: words.most])
    write_json(words.out, {"command": shlex.join(["python", "benchmarks/web.py", *sys.argv[1:]]), "commit": commit(),
                           "machine": machine(), "browser": f"Chromium {browser}", "onnxruntime_web": VERSION,
                           "bytes": sum(sizes.values()), "files": sizes, **measured})


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Page, str]]:
    """The page in headless Chromium, and its version."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{server.server_port}/")
                yield page, browser.version
                browser.close()
        finally:
            server.shutdown()
            thread.join()


def compared(page: Page, model: str, pictures: list[Path]) -> dict[str, Any]:
    """Equal answers, sets and warnings as shares; the largest difference of a picture's probabilities as quantiles;
    milliseconds as median and 95th percentile, of the page and of Python."""
    classifier = open_classifier(model, 1)
    assert isinstance(classifier, ArtifactClassifier)
    opening = page.evaluate(OPEN)
    rows = []
    for path in [*pictures[:WARM], *pictures]:
        said = page.evaluate(ANSWER, base64.b64encode(path.read_bytes()).decode())
        started = perf_counter()
        prepared = prepare(path, path.name, classifier.preparations.asked)
        ready = perf_counter()
        ours = classifier.answer(prepared[None])
        done = perf_counter()
        theirs = {one["label"]: one["probability"] for one in said["top"]}
        probabilities = ours.probabilities[0]
        rows.append({
            "answer": said["label"] == classifier.classes[int(probabilities.argmax())],
            "set": set(said["set"]) == {classifier.classes[one] for one in np.flatnonzero(ours.sets[0])},
            "outlier": said["outlier"] == bool(ours.outlier[0]),
            "difference": max(abs(theirs[label] - float(value))
                              for label, value in zip(classifier.classes, probabilities, strict=True)),
            "page_prepare": said["milliseconds"]["prepare"], "page_answer": said["milliseconds"]["answer"],
            "python_prepare": 1e3 * (ready - started), "python_answer": 1e3 * (done - ready)})
    rows = rows[WARM:]
    differences = [row["difference"] for row in rows]
    times = {name: [row[name] for row in rows]
             for name in ("page_prepare", "page_answer", "python_prepare", "python_answer")}
    return {"model": classifier.artifact.description.name, "graph": classifier.artifact.description.graph,
            "pictures": len(rows), "opening_milliseconds": opening,
            "equal": {name: float(np.mean([row[name] for row in rows])) for name in ("answer", "set", "outlier")},
            "difference": {"median": float(np.median(differences)), "p95": float(np.percentile(differences, 95)),
                           "largest": max(differences)},
            "milliseconds": {name: {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))}
                             for name, values in times.items()}}


if __name__ == "__main__":
    main()
