"""What the layout promises: stages import downwards only, help answers at once, one file a command."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_point_downwards():
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_style():
    ruff = Path(sys.executable).parent / "ruff"
    command = [ruff, "check", "--no-cache", "src", "tests", "benchmarks", "examples", "notebooks"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_help_answers_in_under_0_3_seconds():
    command = [sys.executable, "-c", "from fashionlab.cli.main import entry; entry()", "--help"]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        times.append(time.perf_counter() - start)
        assert done.returncode == 0 and "train" in done.stdout
    assert min(times) < 0.3, f"median {statistics.median(times):.2f} s"


def test_help_loads_nothing_heavy():
    code = "import sys; from fashionlab.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not {"torch", "numpy", "pydantic", "sklearn", "PIL"} & set(done.stderr.split())


def test_no_file_is_long():
    long = [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")
            if len(path.read_text().splitlines()) > 400]
    assert not long
