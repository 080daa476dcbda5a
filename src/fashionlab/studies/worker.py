"""One run of a study in a process of its own: ``python -m fashionlab.studies.worker '{"run": ..., ...}'``.

Its standard input is a pipe that the study holds open: when the study ends in whatever way, kill -9 included, the pipe
closes and the run stops as if it had been told to, with a resumable checkpoint.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from fashionlab import recipes
from fashionlab.common.errors import FashionlabError, UsageError
from fashionlab.evaluation.run import conclude
from fashionlab.runs.folder import RunFolder, hold
from fashionlab.training import session

# How long the process of a study that was killed may take to write its last checkpoint.
_WAIT_SECONDS = 120.0


@dataclass(frozen=True)
class Job:
    """What to train, as plain values. run: the folder; recipe: a YAML file; data_dir: a folder or None."""

    run: str
    recipe: str
    seed: int
    device: str
    data_dir: str | None

    def command(self) -> list[str]:
        """How this process is started."""
        return [sys.executable, "-P", "-m", "fashionlab.studies.worker", json.dumps(asdict(self))]


def train(job: Job) -> None:
    """Begin the run, or continue it where its checkpoint stands, and evaluate it. Raises what `session` raises."""
    run = RunFolder(Path(job.run))
    equivalent = ["fashionlab", "train", job.recipe, "--seed", str(job.seed), "--runs", str(run.path.parent),
                  "--name", run.path.name]
    options = session.Options(job.device, Path(job.data_dir) if job.data_dir else None, quiet=True, overwrite=True,
                              command=equivalent)
    _wait_until_free(run.path)
    if run.last.is_file() and run.status.is_file():
        session.resume(run.path, None, options)
    else:
        _discard_remnant(run.path)
        session.start(recipes.load(job.recipe, [f"seed={job.seed}"]), run.path, options)
    conclude(run, data_dir=options.data_dir, device=options.device)


def _wait_until_free(path: Path) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            hold(path).release()
            return
        except UsageError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _discard_remnant(path: Path) -> None:
    """A start that was killed before it wrote its first file leaves at most a temporary one."""
    if path.is_dir() and all(child.name.startswith(".") for child in path.iterdir()):
        shutil.rmtree(path)


def _stop_with_the_study() -> None:
    def watch() -> None:
        os.read(0, 1)  # nothing is ever written: this returns when the other end closes
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    """The exit status: 0, or that of the error, whose message is the last thing on stderr."""
    _stop_with_the_study()
    try:
        train(Job(**json.loads(sys.argv[1])))
    except FashionlabError as error:
        print(f"fashionlab: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
