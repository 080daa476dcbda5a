"""How soon the command line and the dashboard answer.

    python benchmarks/startup.py [FILE]       default: results/startup.json

On a machine that does nothing else: these are seconds from start to end, median and lowest of ROUNDS. The files are in
memory already, as for everyone who has used the command before.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fashionlab.common import environment
from fashionlab.common.files import write_json

ROOT = Path(__file__).parents[1]
ROUNDS = 15
RUNS = 200


def seconds(work: Callable[[], object]) -> dict[str, float]:
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    times = times[1:]  # the first one warms up
    return {"median": round(statistics.median(times), 3), "lowest": round(min(times), 3)}


def python(*words: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


def dashboard(folder: Path) -> Callable[[], object]:
    """What the page first asks for, of RUNS runs of 20 epochs."""
    from fashionlab.dashboard.runs import RunsFolder

    sys.path.insert(0, str(ROOT / "tests"))
    from run_folders import write_run

    one = write_run(folder / "one", epochs=20).path
    for number in range(RUNS - 1):
        shutil.copytree(one, folder / f"study-{number % 5}" / f"run-{number}")
    return lambda: RunsFolder(folder).rows()


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results" / "startup.json"
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "python alone": seconds(python("-c", "pass")),
            "import fashionlab": seconds(python("-c", "import fashionlab")),
            "fashionlab --help": seconds(python("-m", "fashionlab", "--help")),
            f"{RUNS} runs in the dashboard": seconds(dashboard(Path(folder))),
        }
    write_json(target, {"command": "python benchmarks/startup.py", "unit": "seconds", "rounds": ROUNDS,
                        "seconds": found, "machine": environment.machine(), "versions": environment.versions(),
                        "commit": environment.commit()})


if __name__ == "__main__":
    main()
