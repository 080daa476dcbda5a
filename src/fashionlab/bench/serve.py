"""Requests a second of the service: beside itself without batches, and beside the service of a tutorial."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from fashionlab.bench.load import form, load
from fashionlab.bench.timing import side_by_side, summary
from fashionlab.common import environment
from fashionlab.common.errors import FashionlabError

CONNECTIONS = 32
_PATIENCE = 60.0  # seconds for a service to end


def measure(model: str, rounds: int = 5, seconds: float = 3.0) -> dict[str, Any]:
    """Each side's answers a second with a picture a request, over CONNECTIONS connections that never rest, and `ratio`:
    ours to the tutorial's; `ratio_batching`: ours to ours with one call of the network a request.

    All services run at once, each alone is asked; they share the machine with the load generator. Raises
    FashionlabError when one does not start.
    """
    requests = sample_requests(".png")
    with service(model) as ours, service(model, "--max-batch", "1") as single, plain_service(model) as plain:
        addresses = {"fashionlab": ours[0], "one call a request": single[0], "plain": plain[0]}
        sides = {name: (lambda address=address: _answers(address, requests, seconds))
                 for name, address in addresses.items()}
        rates = side_by_side(sides, rounds)
        latencies = {name: load(address, requests, seconds, 1).figures()["milliseconds"]
                     for name, address in addresses.items()}
    ratio, batching = (
        summary([our_rate / rate for our_rate, rate in zip(rates["fashionlab"], rates[name], strict=True)])
        for name in ("plain", "one call a request"))
    return {
        "what": f"requests a second with one picture each, {CONNECTIONS} connections",
        "unit": "requests a second; median, lowest and highest of the rounds",
        "model": model,
        "sides": {name: summary(values) for name, values in rates.items()},
        "milliseconds_alone": latencies,
        "compared_with": "plain",
        "ratio": ratio["median"], "ratio_lowest": ratio["lowest"], "ratio_highest": ratio["highest"],
        "ratio_batching": batching,
        "rounds": rounds,
        "machine": environment.machine(),
        "versions": environment.versions(),
        "commit": environment.commit(),
    }


def _answers(address: str, requests: Sequence[bytes], seconds: float) -> int:
    done = load(address, requests, seconds, CONNECTIONS)
    if set(done.statuses) != {200} or done.lost:
        raise FashionlabError(f"{address}: not all requests were answered ({done.figures()})")
    return done.statuses[200]


def sample_requests(suffix: str) -> list[bytes]:
    """Requests with one picture each: the samples of the service's page."""
    folder = Path(str(files("fashionlab") / "serve" / "static" / "samples"))
    return [form(path.read_bytes()) for path in sorted(folder.glob(f"*{suffix}"))]


@contextlib.contextmanager
def service(model: str, *options: str, log: Path | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`fashionlab serve` in a process of its own: its address and the process, which is asked to end when the block
    ends. Raises FashionlabError when it does not start."""
    command = [sys.executable, "-m", "fashionlab", "serve", model, "--port", "0", *options]
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("w")) if log else subprocess.DEVNULL
        yield stack.enter_context(_running(command, errors))


@contextlib.contextmanager
def plain_service(model: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """As `service`, the tutorial's."""
    with _running([sys.executable, "-m", "fashionlab.bench.plain_service", model], subprocess.DEVNULL) as running:
        yield running


@contextlib.contextmanager
def _running(command: list[str], errors: IO[str] | int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        try:
            if not address:
                raise FashionlabError(f"`{' '.join(command[1:])}` does not start; run it to see why")
            yield address, process
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
