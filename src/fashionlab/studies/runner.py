"""Training the runs of a study that are not there yet, each in a process of its own.

A run that crashes, diverges or is killed is a failure of that run: it is counted, and the study goes on. Finished runs
are never repeated; started ones continue where their checkpoint stands.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import deque
from pathlib import Path
from typing import Any

from fashionlab.common import runtime
from fashionlab.common.errors import DataError, Interrupted, UsageError
from fashionlab.data.locate import locate
from fashionlab.studies.adoption import Shelf
from fashionlab.studies.folder import FINISHED, StudyFolder, begin, held, with_seed
from fashionlab.studies.progress import Progress, Standing, progress
from fashionlab.studies.results import write_results
from fashionlab.studies.schema import Study, run_name
from fashionlab.studies.worker import Job
from fashionlab.training.signals import StopRequest, catching_signals

_POLL_SECONDS = 0.2
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Key = tuple[str, int]


def run_study(study: Study, runs: Path, *, jobs: int = 1, device: str = "auto", data_dir: Path | None = None,
              quiet: bool = False) -> dict[str, Any]:
    """Train what is missing of `study` under `runs`/<its name>, `jobs` runs side by side; returns its results.

    Raises UsageError and DataError before anything runs when the declaration was changed or the data is not there, and
    Interrupted after SIGINT or SIGTERM, when every run in training has written its checkpoint.
    """
    folder = StudyFolder(runs / study.name)
    with held(folder):
        for dataset in sorted({recipe.data.dataset for recipe in study.recipes.values()}):
            locate(dataset, data_dir)  # found, or fetched once and not by several runs at a time
        threads = begin(study, folder, jobs)
        trainer = _Trainer(study, folder, threads, device, data_dir)
        stop, display = StopRequest(), progress(len(study.runs), quiet)
        try:
            with catching_signals(stop):
                trainer.train(jobs, stop, display)
        finally:
            display.close()
        results = write_results(study, folder)
    if stop.signal_number is not None and not results["complete"]:
        raise Interrupted(f"stopped after {results['runs']['planned'] - results['runs']['open']} of "
                          f"{results['runs']['planned']} runs; the same command continues the study",
                          stop.signal_number)
    return results


class _Trainer:
    """Keeps up to `jobs` processes busy until no run is missing. `share`: how much of each run is done, 0 to 1."""

    def __init__(self, study: Study, folder: StudyFolder, threads: int, device: str, data_dir: Path | None) -> None:
        self.study, self.folder, self.device, self.data_dir = study, folder, device, data_dir
        self.environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))}
        self.running: dict[Key, subprocess.Popen[bytes]] = {}
        self.share = {key: self._share(key) for key in study.runs}
        self.share_before, self.began = sum(self.share.values()), time.monotonic()

    def train(self, jobs: int, stop: StopRequest, display: Progress) -> None:
        self._take_over_finished()
        waiting = deque(key for key in self.study.runs if self.folder.state(*key) not in FINISHED)
        try:
            while (waiting or self.running) and not stop:
                while waiting and len(self.running) < jobs:
                    key = waiting.popleft()
                    self.running[key] = self._start(key)
                time.sleep(_POLL_SECONDS)
                for key in [key for key, process in self.running.items() if process.poll() is not None]:
                    self._settle(key, _ended(self.running.pop(key)), stop)
                    display.finished(self._describe(key), self._standing())
                    write_results(self.study, self.folder)
                display.update(self._standing())
        finally:
            self._end_all()

    def _take_over_finished(self) -> None:
        missing = [key for key in self.study.runs if self.folder.state(*key) == "missing"]
        shelf = Shelf(self.folder.path.parent, str(runtime.choose(self.device).device))
        for arm, seed in missing:
            shelf.take(with_seed(self.study.recipes[arm], seed), self.folder.run(arm, seed).path)
            self.share[arm, seed] = self._share((arm, seed))
        self.share_before = sum(self.share.values())

    def _start(self, key: Key) -> subprocess.Popen[bytes]:
        log = self.folder.log(*key)
        log.parent.mkdir(parents=True, exist_ok=True)
        job = Job(str(self.folder.run(*key).path), str(self.folder.recipe(key[0])), key[1], self.device,
                  None if self.data_dir is None else str(self.data_dir))
        with log.open("wb") as stream:  # a session of its own: Ctrl-C reaches the study, which tells its runs
            return subprocess.Popen(job.command(), stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.STDOUT,
                                    env=self.environment, start_new_session=True)

    def _settle(self, key: Key, code: int, stop: StopRequest) -> None:
        """Write down how the process ended. Raises its error when that is one of the whole study's, not of this run."""
        if code in (UsageError.exit_code, DataError.exit_code):
            error = UsageError if code == UsageError.exit_code else DataError
            raise error(f"{run_name(*key)}: {self._last_words(key)}")
        if self.folder.state(*key) in FINISHED or (stop and code in (-signal.SIGTERM, 128 + signal.SIGTERM)):
            return
        reason = f"killed by {signal.Signals(-code).name}" if code < 0 else self._last_words(key)
        self.folder.run(*key).set_status("failed", reason=reason)

    def _last_words(self, key: Key) -> str:
        """The message that the process ended with, or the last line of its traceback."""
        text = self.folder.log(*key).read_text(encoding="utf-8", errors="replace").strip()
        _, prefix, message = text.rpartition("fashionlab: ")
        return message if prefix else (text.splitlines() or ["it ended without a word"])[-1]

    def _end_all(self) -> None:
        """Every process writes its checkpoint and ends; a second Ctrl-C does not wait for that."""
        try:
            for process in self.running.values():
                process.terminate()
            for process in self.running.values():
                process.wait()
        finally:
            for process in self.running.values():
                process.kill()
                _ended(process)

    def _share(self, key: Key) -> float:
        if self.folder.state(*key) in FINISHED:
            return 1.0
        return len(self.folder.run(*key).read_history()) / self.study.recipes[key[0]].epochs

    def _standing(self) -> Standing:
        for key in self.running:
            self.share[key] = self._share(key)
        states = [self.folder.state(*key) for key in self.study.runs]
        done = sum(self.share.values())
        gained = done - self.share_before
        left = (time.monotonic() - self.began) / gained * (len(self.share) - done) if gained > 0 else None
        running = {run_name(*key): (round(self.share[key] * epochs), epochs) for key in self.running
                   for epochs in [self.study.recipes[key[0]].epochs]}
        return Standing(len(states), states.count("complete"), states.count("failed") + states.count("diverged"),
                        running, left)

    def _describe(self, key: Key) -> str:
        self.share[key] = self._share(key)
        run, metric = self.folder.run(*key), self.study.metric
        if self.folder.state(*key) != "complete":
            return f"{run_name(*key)}  {run.read_json(run.status).get('reason', 'stopped')}"
        value = metric.read(run.read_metrics(), str(run.path))
        return f"{run_name(*key)}  {metric.name} {value:.4f}"


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The exit status, once the process has ended; its pipe is closed."""
    code = process.wait()
    assert process.stdin is not None
    process.stdin.close()
    return code
