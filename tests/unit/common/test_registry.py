"""A registry fills itself once, whoever asks first."""

from __future__ import annotations

import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fashionlab.common.errors import UsageError
from fashionlab.common.registry import Registry


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes a package whose modules register entries in a registry of its own."""

    def make(name: str, **modules: str) -> Registry[int]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("registry = None\n")
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(f"from {name} import registry\n{textwrap.dedent(text)}")
        monkeypatch.syspath_prepend(str(tmp_path))
        registry: Registry[int] = Registry("number", name)
        __import__(name).registry = registry
        return registry

    yield make
    for name in [name for name in sys.modules if name.startswith("numbers_")]:
        del sys.modules[name]


class CountedLock:
    """A lock that counts who comes to it; `came` is released once for each."""

    def __init__(self) -> None:
        self._lock, self.came = threading.RLock(), threading.Semaphore(0)

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_threads_that_ask_at_once_all_see_everything(package, monkeypatch):
    """The first thread loads, and its first module takes until all eight have come."""
    monkeypatch.setattr(sys, "lock_of_test", lock := CountedLock(), raising=False)
    registry = package("numbers_slow", two="registry.add('two', 2)", one="""
        import sys
        assert all(sys.lock_of_test.came.acquire(timeout=60) for _ in range(8)), "somebody does not wait"
        registry.add('one', 1)
    """)
    monkeypatch.setattr(registry, "_lock", lock)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: (registry["two"], registry.names()), range(8))) == [(2, ["one", "two"])] * 8


def test_a_module_may_ask_while_it_is_loaded(package):
    registry = package("numbers_asking", one="registry.add('one', 1)", two="registry.add('two', registry['one'] + 1)")
    assert registry["two"] == 2


def test_a_module_that_fails_fails_every_time(package):
    registry = package("numbers_broken", one="raise OSError('broken')")
    for _ in range(2):
        with pytest.raises(OSError, match="broken"):
            registry.names()


def test_an_unknown_name_is_told_with_the_nearest(package):
    registry = package("numbers_known", one="registry.add('seven', 7)")
    with pytest.raises(UsageError, match=r"unknown number 'sevem'.*seven"):
        registry["sevem"]
    with pytest.raises(ValueError, match="registered twice"):
        registry.add("seven", 8)
