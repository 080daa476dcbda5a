"""Where a data set is: a path, or for a name the first of

1. `data_dir` (--data-dir) or FASHIONLAB_DATA: there or nowhere, as an explicit wish is never passed over in silence;
2. the user's cache (XDG_CACHE_HOME moves it), in fashionlab/data/<name>;
3. a system copy, datasets/<name> in /usr/local/share, /usr/share (XDG_DATA_DIRS names others) or Python's own share,
   such as Debian's package dataset-fashion-mnist makes;
4. a download into the user's cache (see `fetch`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fashionlab.common.errors import DataError, UsageError, did_you_mean
from fashionlab.data import fetch
from fashionlab.data.decoded_cache import user_cache
from fashionlab.data.formats import recognise
from fashionlab.data.named import DATASETS, NamedDataset
from fashionlab.data.source import Source, with_column

DATA_VARIABLE = "FASHIONLAB_DATA"


def locate(dataset: str, data_dir: Path | None = None) -> Source:
    """The source called `dataset`, fetched if need be. Raises UsageError for an unknown name, DataError otherwise."""
    if dataset in DATASETS:
        return _named(DATASETS[dataset], data_dir)
    path = Path(dataset).expanduser()
    if data_dir is not None:
        return recognise(_moved(path, data_dir.expanduser()))
    if not with_column(path)[0].exists():
        if os.sep in dataset or path.suffix:
            raise DataError(f"{dataset}: no such file or folder; if the data set lies elsewhere now, say where with "
                            "--data-dir")
        raise UsageError(f"unknown data set {dataset!r}, and no file or folder of that name; "
                         f"{did_you_mean(dataset, DATASETS)}")
    return recognise(path)


def _moved(path: Path, data_dir: Path) -> Path:
    """Where the data set that was at `path` is now: in `data_dir` under its name, or `data_dir` itself."""
    within = data_dir / path.name
    if with_column(within)[0].exists():
        return within
    if not data_dir.exists():
        raise DataError(f"{data_dir} (--data-dir): no such file or folder")
    column = with_column(path)[1]
    return data_dir if column is None else data_dir.with_name(f"{data_dir.name}#{column}")


def explicit_folder(data_dir: Path | None) -> tuple[Path | None, str]:
    """The folder the person named, if any, and how."""
    if data_dir is not None:
        return data_dir.expanduser(), "--data-dir"
    value = os.environ.get(DATA_VARIABLE)
    return (Path(value).expanduser() if value else None), DATA_VARIABLE


def cache_folder(name: str) -> Path:
    return user_cache() / "data" / name


def installed(dataset: NamedDataset) -> Path | None:
    """The cache's or the system's folder with all of `dataset`, unverified; None if neither is complete."""
    shares = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    system = [Path(share) / "datasets" / dataset.name for share in (*shares, f"{sys.prefix}/share")]
    for folder in [cache_folder(dataset.name), *system]:
        if not dataset.lacks(folder):
            return folder
    return None


def _named(dataset: NamedDataset, data_dir: Path | None) -> Source:
    folder, how = explicit_folder(data_dir)
    if folder is not None:
        return _in_folder(dataset, folder, how)
    set_folder = installed(dataset) or fetch.fetch(dataset, cache_folder(dataset.name))
    source = dataset.source(set_folder)
    assert source is not None
    return source


def _in_folder(dataset: NamedDataset, folder: Path, how: str) -> Source:
    for candidate in (folder / dataset.name, folder):
        source = dataset.source(candidate)
        if source is not None:
            return source
    what = dataset.lacks(folder) if folder.is_dir() else "no such folder"
    command = f"fashionlab data fetch {dataset.name} --data-dir {folder}"
    advice = f".\n`{command}` puts it there" if dataset.routes() else ""
    raise DataError(f"{folder} ({how}) does not hold {dataset.name}: {what}{advice}")


def fetch_named(name: str, data_dir: Path | None = None) -> Path:
    """Make sure that the set `name` is there, whole and verified; returns its folder.

    With an explicit folder it is put there (copied if the cache or the system has it), else into the user's cache
    unless that or the system has it.
    """
    dataset = DATASETS[name]
    folder, _ = explicit_folder(data_dir)
    have = installed(dataset)
    if folder is None:
        if have and fetch.is_whole(dataset, have):
            return have
        return fetch.fetch(dataset, cache_folder(dataset.name))
    for candidate in (folder / name, folder):
        if fetch.is_whole(dataset, candidate):
            return candidate
    copy = [(f"copy from {have}", fetch.copy_from(dataset, have))] if have else []
    return fetch.fetch(dataset, dataset.folder_in(folder), [*copy, *dataset.routes()])
