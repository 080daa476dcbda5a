"""What runs a graph in a browser: two files of onnxruntime-web (Microsoft, MIT license), from npm's registry.

They are known by their sums, kept in the user's cache, and fetched once. npm itself is not needed.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.common.files import replacing
from fashionlab.common.progress import note
from fashionlab.data.decoded_cache import user_cache
from fashionlab.data.routes import RouteFailed, download

VERSION = "1.30.0"
ADDRESS = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
# Of the package's dist/, by SHA-256: the one without WebGPU, and the WebAssembly that belongs to it.
_SCRIPT, _WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
_SUMS = {_SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
         _WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"}


def runtime_files(package: Path | None = None) -> dict[str, bytes]:
    """onnxruntime.js (some servers take .mjs for no script) and onnxruntime.wasm.gz, a quarter of the WebAssembly.

    package: npm's onnxruntime-web of VERSION, the .tgz or its unpacked folder; None for the user's cache, which is
    filled from npm's registry. Raises DataError where they are not there, damaged or of another version.
    """
    files = _cached() if package is None else _of_package(package)
    return {"onnxruntime.js": files[_SCRIPT], "onnxruntime.wasm.gz": gzip.compress(files[_WASM], mtime=0)}


def _cached() -> dict[str, bytes]:
    folder = user_cache() / f"onnxruntime-web-{VERSION}"
    if all((folder / name).is_file() for name in _SUMS):
        return _verified({name: (folder / name).read_bytes() for name in _SUMS}, folder)
    note(f"fetching onnxruntime-web {VERSION}: {ADDRESS}")
    try:
        with TemporaryDirectory() as temporary:
            package = Path(temporary) / ADDRESS.rpartition("/")[2]
            download(ADDRESS, package)
            files = _of_package(package)
    except RouteFailed as error:
        raise DataError(f"cannot fetch onnxruntime-web from {ADDRESS} ({error}); fetch that file where there is a "
                        "network and give it as --runtime FILE") from error
    try:
        for name, content in files.items():
            with replacing(folder / name) as path:
                path.write_bytes(content)
    except FashionlabError as error:
        note(f"not kept for the next time: {error}")
    return files


def _of_package(package: Path) -> dict[str, bytes]:
    try:
        if package.is_dir():
            paths = {path.name: path for path in package.rglob("*") if path.name in _SUMS}
            files = {name: path.read_bytes() for name, path in paths.items()}
        else:
            with tarfile.open(package) as archive:
                members = {name: archive.extractfile(f"package/dist/{name}") for name in _SUMS}
                files = {name: member.read() for name, member in members.items() if member}
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise DataError(f"{package}: no package onnxruntime-web of npm ({error})") from error
    return _verified(files, package)


def _verified(files: dict[str, bytes], source: Path) -> dict[str, bytes]:
    for name, expected in _SUMS.items():
        if hashlib.sha256(files.get(name, b"")).hexdigest() != expected:
            state = "is another" if name in files else "is missing"
            raise DataError(f"{source}: {name} {state}, expected that of onnxruntime-web {VERSION} ({ADDRESS})")
    return files
