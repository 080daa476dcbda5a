"""What a person needs to know about this machine before training, and what to do about each problem."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import torch

from fashionlab.common import runtime
from fashionlab.common.environment import machine, versions
from fashionlab.common.errors import FashionlabError
from fashionlab.common.extras import EXTRAS
from fashionlab.common.files import write_text
from fashionlab.data import DATASETS
from fashionlab.data.locate import explicit_folder, installed, locate

NEEDED_GIB = 2.0


@dataclass(frozen=True)
class Check:
    """One line of the doctor's answer. `advice` says what to do; a check with `ok` false is a problem."""

    name: str
    found: str
    ok: bool = True
    advice: str = ""


def examine(data_dir: Path | None = None) -> list[Check]:
    """All checks, in the order in which a person wants to read them."""
    return [*_versions(), *_machine(), _precision(), _data(data_dir), _cache(), _disk(), *_extras()]


def _versions() -> list[Check]:
    missing = "this fashionlab is not installed whole; run pip install again"
    return [Check(name, version, version != "missing", missing if version == "missing" else "")
            for name, version in versions().items()]


def _machine() -> list[Check]:
    about = machine()
    memory = about["memory_gib"]
    cores, threads = about["cores"], torch.get_num_threads()
    wanted = os.environ.get("OMP_NUM_THREADS")
    return [
        Check("processor", f"{about['processor']}, {cores} cores"),
        Check("features", " ".join(about["features"]) or "none that matter here"),
        Check("threads", f"{runtime.choose('cpu').threads} (PyTorch's own choice: {threads})",
              advice=f"OMP_NUM_THREADS={wanted} decides this" if wanted else ""),
        Check("memory", f"{memory} GiB", memory >= NEEDED_GIB, "" if memory >= NEEDED_GIB else
              f"under {NEEDED_GIB} GiB: use a smaller batch_size"),
        Check("GPU", ", ".join(about["gpus"]) or "none", advice="" if about["gpus"] else
              "fine: everything runs on the CPU; with an NVIDIA card, install its driver and PyTorch's CUDA build"),
    ]


def _precision() -> Check:
    return Check("number format", runtime.choose().reasons["precision"])


def _data(data_dir: Path | None) -> Check:
    folder = explicit_folder(data_dir)[0]
    if folder is None and (folder := installed(DATASETS["fashion-mnist"])) is None:
        return Check("data", "fashion-mnist is not on this machine yet",
                     advice="`fashionlab data fetch` gets it; `fashionlab train` does so by itself")
    try:
        locate("fashion-mnist", data_dir)
    except FashionlabError as error:
        return Check("data", str(error), ok=False, advice="give another folder, or run `fashionlab data fetch`")
    return Check("data", f"fashion-mnist in {folder}")


def _cache() -> Check:
    folder = platformdirs.user_cache_path("fashionlab")
    probe = folder / ".doctor"
    try:
        write_text(probe, "")
        probe.unlink()
    except FashionlabError as error:
        return Check("cache", str(error), ok=False, advice="set XDG_CACHE_HOME to a folder that you may write to")
    return Check("cache", f"{folder} can be written")


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    enough = free >= NEEDED_GIB
    return Check("disk", f"{free:.1f} GiB free here", enough, "" if enough else "make room: a run takes up to 1 GiB")


def _extras() -> list[Check]:
    checks = []
    for name, packages in EXTRAS.items():
        missing = [package for package in packages if importlib.util.find_spec(package) is None]
        checks.append(Check(f"extra {name}", f"missing: {', '.join(missing)}" if missing else "installed",
                            advice=f"pip install -e '.[{name}]' if you need it" if missing else ""))
    return checks
