"""What a run was made with: versions, machine, code. For the run folder and `fashionlab doctor`."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import psutil
import torch

import fashionlab
from fashionlab.common.runtime import Runtime, cpu_features

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scikit-learn", "pillow", "pydantic", "safetensors", "tensorboard")


def versions() -> dict[str, str]:
    """Python, fashionlab and the libraries whose version can change a result; "missing" for one not installed."""
    by_name = {"python": platform.python_version(), "fashionlab": fashionlab.__version__}
    for package in PACKAGES:
        try:
            by_name[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            by_name[package] = "missing"
    return by_name


def machine() -> dict[str, Any]:
    """Processor, cores, memory in GiB, GPU names."""
    gpus = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    return {
        "system": platform.platform(),
        "processor": _processor_name(),
        "features": sorted(cpu_features()),
        "cores": psutil.cpu_count(logical=False),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": [torch.cuda.get_device_name(i) for i in gpus],
    }


def _processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def commit() -> str | None:
    """The git commit of the code in use, with "+changes" when files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        _, head, changes = (
            subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=10).stdout
            for words in (["ls-files", "--error-unmatch", Path(__file__).name], ["rev-parse", "HEAD"],
                          ["status", "--porcelain", "--untracked-files=no"]))
    except (OSError, subprocess.SubprocessError):
        return None
    return head.strip() + ("+changes" if changes.strip() else "")


def describe(runtime: Runtime) -> dict[str, Any]:
    """The part of environment.json that does not depend on the data."""
    return {
        "versions": versions(),
        "machine": machine(),
        "commit": commit(),
        "device": str(runtime.device),
        "threads": runtime.threads,
        "precision": runtime.precision,
        "channels_last": runtime.channels_last,
        "why": runtime.reasons,
    }
