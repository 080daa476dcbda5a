"""What all tests share: the command line run in this process, and small data sets made on the spot."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # busy machines: see docs/experiments.md
# One thread in each of pytest's processes and what they start: they share the cores among themselves, and threads of
# these tiny networks that wait for one another cost ten times the work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("FASHIONLAB_NO_REPORT", "1")  # drawing takes longer than toy training; see test_report.py
# Tests that imitate a full disk would leave truncated bytecode behind, which breaks every later start.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

import hypothesis
import pytest
from filelock import FileLock

from fashionlab.cli.main import COMMANDS, run
from toys import Result, write_toy_data

sys.dont_write_bytecode = True  # in this process too

# No deadline: a busy machine is no failure. `make test-all` chooses "thorough" with --hypothesis-profile.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None)
hypothesis.settings.load_profile("quick")

Shared = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """runtime.choose flushes denormals for the whole process; hypothesis draws floats that need them."""
    yield
    if torch := sys.modules.get("torch"):  # pytest's first process, which runs no test, does without loading it
        torch.set_flush_denormal(False)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        record_property: Callable[[str, object], None]) -> Callable[..., Result]:
    """`cli("train", "quick", ...)` runs the command in this process, in `tmp_path`, with an empty cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        if code == 0 and "--help" not in arguments:
            record_property("command", str(arguments[0]))
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """`shared("toy", make)` is a folder that `make(folder)` has filled, once for all of pytest's processes."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def call(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = root / f"shared-{name}", root / f"shared-{name}.done"
        with FileLock(root / f"shared-{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return call


@pytest.fixture(scope="session")
def toy_data(shared: Shared) -> Path:
    """A folder with the four Fashion-MNIST files in small: 600 training and 200 test pictures. Use with --dataset."""
    return shared("data", write_toy_data)


@pytest.fixture(scope="session")
def toy_run(toy_data: Path, shared: Shared) -> Path:
    """A finished run on toy data that gets some pictures wrong, without its report. Copy it before changing it.

    In float32 on every processor, so that tests may hold it against float32 answers.
    """
    def make(runs: Path) -> None:
        words = ["three-linear", "--dataset", str(toy_data), "--limit-train", "500", "--set", "data.validation=100",
                 "--set", "epochs=1", "--set", "optimizer.lr=0.03", "--set", "precision=float32",
                 "--runs", str(runs), "--name", "toy", "--quiet"]
        assert run(["train", *words]) == 0

    return shared("runs", make) / "toy"


@pytest.fixture(scope="session")
def toy_artifact(toy_run: Path, shared: Shared) -> Path:
    """The artifact of `toy_run`, a zip. Copy it before changing it."""
    def make(folder: Path) -> None:
        from fashionlab.deploy import check, export  # slow to import, and few tests need them

        run_folder = shutil.copytree(toy_run, folder / "toy")
        (run_folder / "model_card.md").write_text("# Model card: toy\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(check, "_SECONDS", 0.0)  # times are measured, but not well
            patch.setattr(check, "_REPETITIONS", (5, 5))
            export.export_run(run_folder, export.Options(folder / "toy.zip"))

    return shared("artifacts", make) / "toy.zip"


@pytest.fixture(scope="session")
def toy_report(toy_run: Path, shared: Shared) -> Path:
    """The page of a copy of `toy_run`, whose robustness was measured. Change nothing in its folder."""
    def make(folder: Path) -> None:
        from fashionlab.evaluation.robustness import robustness_run  # slow to import, and few tests need them
        from fashionlab.report.page import write_report

        robustness_run(shutil.copytree(toy_run, folder / "toy"))
        write_report(folder / "toy")

    return shared("reported", make) / "toy" / "report.html"


_commands: set[object] = set()  # that ended well, in any of pytest's processes


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _commands.update(value for name, value in report.user_properties if name == "command")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run of the whole suite, slow tests or not, has used every command."""
    chosen = session.config.option
    chosen_few = chosen.file_or_dir or chosen.keyword or chosen.collectonly or getattr(chosen, "lf", False)
    whole = chosen.markexpr in ("", "not slow") and not chosen_few
    if whole and exitstatus == pytest.ExitCode.OK and "PYTEST_XDIST_WORKER" not in os.environ:
        unused = [name for name in COMMANDS if name not in _commands]
        if unused:
            print(f"\nno test has used these commands with success: {', '.join(unused)}", file=sys.stderr)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
