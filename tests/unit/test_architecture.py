"""What the layout promises: stages import downwards only, help answers at once, one file a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fashionlab.cli.main import COMMANDS

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


def test_help_loads_nothing_heavy():
    """How fast it answers is measured by benchmarks/startup.py; here, that it loads what it needs alone."""
    code = ("import sys; before = set(sys.modules); from fashionlab.cli.main import run; run(['--help']); "
            "print(*set(sys.modules) - before, file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and all(f"  {name} " in done.stdout for name in COMMANDS)
    loaded = set(done.stderr.split())
    needed = {"fashionlab", "typer", "click", "shellingham", "annotated_doc", "typing_extensions"}
    assert {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names <= needed
    own = {name for name in loaded if name.startswith("fashionlab.")}
    assert {name.split(".")[1] for name in own} <= {"cli", "common"}


def test_no_file_is_long():
    long = [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")
            if len(path.read_text().splitlines()) > 400]
    assert not long
