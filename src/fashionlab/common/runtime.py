"""Where and how the arithmetic is done: device, threads, number format, memory layout, random generators.

Every choice is made here, once, with its reason, and the run records it.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from fashionlab.common.cores import usable_cores
from fashionlab.common.errors import UsageError

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Runtime:
    """What `choose` decided. `reasons` maps each choice to one sentence."""

    device: torch.device
    precision: Literal["float32", "bfloat16"]
    channels_last: bool
    threads: int
    reasons: dict[str, str]

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """The block's matrix work runs in `precision`; weights stay float32."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16"):
            yield


def choose(device: str = "auto", precision: Precision = "auto", threads: int | None = None) -> Runtime:
    """Decide device ("auto", "cpu", "cuda" or "cuda:N"), number format, layout and threads.

    Sets the process-wide number of threads, flushes denormals and keeps freed memory: all save time on CPUs.
    Raises UsageError for a device that is not there.
    """
    reasons: dict[str, str] = {}
    chosen = _device(device, reasons)
    cores = usable_cores()
    threads = threads or int(os.environ.get("OMP_NUM_THREADS") or 0) or cores
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    reasons["memory"] = _keep_freed_memory()
    reasons["threads"] = f"{threads}: {f'one a physical core ({cores})' if threads == cores else 'as asked'}"
    if precision == "auto":
        fast, why = _bfloat16_is_fast(chosen)
        number_format: Literal["float32", "bfloat16"] = "bfloat16" if fast else "float32"
        reasons["precision"] = f"{number_format}: {why}"
    else:
        number_format = precision
        reasons["precision"] = f"{precision}: as the recipe asks"
    reasons["layout"] = "channels_last: convolutions run 2-3 times faster than in the default layout"
    return Runtime(chosen, number_format, True, threads, reasons)


def _keep_freed_memory() -> str:
    """Tell glibc to reuse large blocks: by default each activation tensor of some MiB is mapped anew from the system in
    every step, and filling fresh pages with zeros costs more than the arithmetic on them (mallopt(3))."""
    if platform.libc_ver()[0] != "glibc":
        return "the C library's own way: only glibc's is known to need help"
    libc = ctypes.CDLL("libc.so.6")
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # names of malloc.h
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(top_pad, 64 * 2**20)
    return "freed blocks are kept for the next step: mapping fresh pages is slow"


def _device(name: str, reasons: dict[str, str]) -> torch.device:
    if name == "auto":
        available = torch.cuda.is_available()
        reasons["device"] = "cuda: a GPU is there" if available else "cpu: no GPU that PyTorch can use"
        return torch.device("cuda" if available else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"unknown device {name!r}; valid: auto, cpu, cuda, cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"unknown device {name!r}; valid: auto, cpu, cuda, cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {name!r}: PyTorch finds no GPU here (see `fashionlab doctor`); use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {name!r}: this machine has {torch.cuda.device_count()} GPU(s), numbered from 0")
    reasons["device"] = f"{name}: as asked"
    return device


def _bfloat16_is_fast(device: torch.device) -> tuple[bool, str]:
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
        return fast, "the GPU has bfloat16 units" if fast else "the GPU has no bfloat16 units"
    features = cpu_features()
    for feature in ("amx_bf16", "avx512_bf16"):
        if feature in features:
            return True, f"the processor has {feature}"
    return False, "the processor has neither avx512_bf16 nor amx_bf16, bfloat16 would be emulated"


def cpu_features() -> set[str]:
    """The processor's matrix and vector features that matter here, by their Linux names."""
    wanted = {"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "bf16", "sve"}
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                return wanted & set(line.split(":", 1)[1].split())
    except OSError:
        pass
    capability = torch.backends.cpu.get_cpu_capability().lower()
    return {"avx2"} if capability == "avx2" else {"avx2", "avx512f"} if capability == "avx512" else set()


def derive_seed(seed: int, *names: str | int) -> int:
    """A 32-bit seed for the generator called `names` of the run with `seed` (CPU generators use 32 bits).

    Seeds are a pure function of (seed, names): a resumed run needs no generator state, only its position.
    """
    digest = hashlib.sha256(":".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(digest[:4], "little")


def generator(seed: int, *names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """An explicit generator for one purpose, e.g. ``generator(seed, "augment", step)``."""
    return torch.Generator(device).manual_seed(derive_seed(seed, *names))


def seed_global(device: torch.device, seed: int, *names: str | int) -> None:
    """Seed the generators that torch's own layers draw from (dropout, initialisation).

    Not torch.manual_seed: where CUDA has never been used, each of its calls formats a stack trace and keeps it for
    good, which takes a millisecond of every step.
    """
    torch.default_generator.manual_seed(derive_seed(seed, *names))
    if device.type == "cuda":
        torch.cuda.manual_seed(derive_seed(seed, *names))
