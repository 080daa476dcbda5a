"""Measure how much memory a training on a catalogue of large photographs takes, and keep the figures.

    python benchmarks/memory.py PHOTOS [--pictures 50000] [--side 224] [--minutes 1] [--phase NAME] [--folder DIR]

PHOTOS: a folder with one folder of pictures a class; its files are copied until there are `--pictures`, each copy with
a few bytes of its own behind its end. Trains with `fashionlab train --dataset` for so many minutes: from the files
(decoding; the head alone learns), and from the decoded pictures (fine-tuning; all of the network does). Writes
results/memory.json: the highest resident memory of the process (VmHWM: all that it holds, mapped pages among it) until
it ended, evaluation included. With `--phase` only that one is measured and the file keeps the other.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from recipe import ROOT

from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json
from fashionlab.data.listing import list_pictures

PHASES: dict[str, list[str]] = {"decoding": [], "fine-tuning": ["--set", "transfer.head_epochs=0"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pictures", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--phase", choices=PHASES)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "fashionlab-catalogue")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "memory.json")
    words = parser.parse_args()
    copy(words.photos, words.folder, words.pictures)
    command = ["fashionlab", "train", "--dataset", str(words.folder), "--set", f"data.image_size={words.side}",
               "--max-time", f"{words.minutes:g}", "--no-report", "--name", "memory", "--overwrite", "--json",
               "--runs", str(words.folder.with_name("catalogue-runs"))]
    phases = json.loads(words.out.read_text())["phases"] if words.phase else {}
    for phase in [words.phase] if words.phase else PHASES:
        phases[phase] = {"commit": commit(), **measure([*command, *PHASES[phase]])}
    write_json(words.out, {
        "command": f"python benchmarks/memory.py PHOTOS --pictures {words.pictures} --side {words.side} "
                   f"--minutes {words.minutes:g}", "pictures": words.pictures, "side": words.side,
        "decoded_gigabytes": words.pictures * 3 * words.side**2 / 1e9, "phases": phases, "machine": machine(),
        "versions": versions()})
    print(f"{words.out}: " + ", ".join(f"{name} {row['peak_gigabytes']:.2f} GB" for name, row in phases.items()))


def copy(photos: Path, folder: Path, n: int) -> None:
    """`n` pictures below `folder`, in the class folders of `photos`; what is there already stays."""
    paths = list_pictures(photos).pictures
    for number, path in enumerate(itertools.islice(itertools.cycle(paths), n)):
        target = folder / path.parent.name / f"{number:06}{path.suffix}"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            with target.open("ab") as stream:
                stream.write(str(number).encode())


def measure(command: list[str]) -> dict[str, Any]:
    """Run it and watch its resident memory; gigabytes are of 10^9 bytes."""
    began, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=out)
        while process.poll() is None:
            peak = max(peak, _high_water(process.pid))
            time.sleep(0.2)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        out.seek(0)
        metrics = json.loads(out.read())
    return {"peak_gigabytes": peak * 1024 / 1e9, "seconds": time.perf_counter() - began,
            "train_seconds": metrics["train_seconds"], "images_per_second": metrics["images_per_second"],
            "epochs": metrics["epochs"], "steps": metrics["steps"]}


def _high_water(pid: int) -> int:
    """VmHWM in KiB; 0 when the process has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


if __name__ == "__main__":
    main()
