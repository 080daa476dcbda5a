"""The wheel holds everything and answers; what the container installs is what the service imports."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import fashionlab
from fashionlab.common.extras import EXTRAS
from garments import photo
from toys import unmeasured

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
SERVING = [line for line in (ROOT / "requirements-serving.txt").read_text().splitlines() if not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Loads what a service and `predict` load, then prints from where, and which distributions that took.
LOADED = """
import importlib.metadata, json, sys
import fashionlab
from fashionlab.cli.main import run
from fashionlab.serve import app, lifecycle
status = run(["predict", *sys.argv[1:], "--json"])
roots = {name.partition(".")[0] for name in sys.modules}
found = {one for name, ones in importlib.metadata.packages_distributions().items() if name in roots for one in ones}
print(json.dumps({"status": status, "file": fashionlab.__file__, "distributions": sorted(found)}), file=sys.stderr)
"""


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def taken_along(names: set[str]) -> set[str]:
    """`names` and all that these distributions need in turn."""
    found: set[str] = set()
    while names:
        found |= names
        needs = {name_of(need) for name in names for need in importlib.metadata.requires(name) or ()
                 if "extra ==" not in need and "sys_platform == " not in need}
        names = {need for need in needs - found if _installed(need)}
    return found


def _installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    return next(folder.glob("*.whl"))


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", words[0], "--disable-pip-version-check", "--quiet", "--no-index"]
    done = subprocess.run([*command, *words[1:]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(wheel: Path):
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if name.startswith("fashionlab/")}
    own = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "fashionlab").rglob("*")
           if path.is_file() and "__pycache__" not in path.parts}
    assert held == own


def test_the_wheel_carries_version_and_licence(wheel: Path):
    with zipfile.ZipFile(wheel) as opened:
        folder = f"fashionlab-{fashionlab.__version__}.dist-info"
        described = opened.read(f"{folder}/METADATA").decode()
        assert "MIT License" in opened.read(f"{folder}/licenses/LICENSE").decode()
    assert f"\nVersion: {fashionlab.__version__}\n" in described and "\nLicense-Expression: MIT\n" in described


def imported() -> set[str]:
    """The distributions that the package's own files import, at the top or inside a function."""
    modules: set[str] = set()
    for path in (ROOT / "src" / "fashionlab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    if "torch.utils.tensorboard.writer" in modules:
        modules.add("tensorboard")  # torch's writer is a shell around it
    distributions = importlib.metadata.packages_distributions()
    roots = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    return {name_of(name) for root in roots for name in distributions.get(root, [root])} - {PROJECT["name"]}


def test_a_core_dependency_is_imported_and_what_is_imported_gets_installed():
    core = {name_of(line) for line in PROJECT["dependencies"]}
    extras = {name_of(line) for name in EXTRAS for line in PROJECT["optional-dependencies"][name]}
    assert core - imported() == set()
    assert imported() - taken_along({name for name in core | extras if _installed(name)}) - extras == set()


@pytest.mark.slow
def test_the_installed_wheel_answers_with_what_the_container_installs(wheel: Path, toy_artifact: Path, tmp_path: Path):
    target = tmp_path / "installed"
    _pip("install", "--no-deps", "--no-compile", "--target", str(target), str(wheel))
    Image.fromarray(photo("shirt", 180)).save(tmp_path / "shirt.jpg")
    done = subprocess.run([sys.executable, "-c", LOADED, str(toy_artifact), str(tmp_path / "shirt.jpg")], text=True,
                          capture_output=True, cwd=tmp_path, env={**unmeasured(), "PYTHONPATH": str(target)})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["status"] == 0 and told["file"].startswith(str(target))
    assert len(json.loads(done.stdout)["predictions"]) == 1
    loaded = {name_of(name) for name in told["distributions"]} - {PROJECT["name"], "setuptools"}
    assert loaded <= taken_along({name_of(line) for line in SERVING})
    assert "torch" not in loaded


def test_the_serving_list_is_in_step_with_the_project():
    known = {*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["serve"]}
    assert set(SERVING) <= known
    assert set(PROJECT["optional-dependencies"]["serve"]) <= set(SERVING)
    pinned = {name_of(line) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {name_of(line) for line in SERVING} <= pinned


def test_the_container_copies_what_is_there_and_starts_a_command_that_exists(cli):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (.*) \S+$", CONTAINERFILE, re.MULTILINE) for name in line.split()}
    assert copied == kept and all((ROOT / name).exists() for name in copied)
    entry, rest = (json.loads(re.findall(rf"^{word} (\[.*\])$", CONTAINERFILE, re.MULTILINE)[-1])
                   for word in ("ENTRYPOINT", "CMD"))
    assert entry[0] in PROJECT["scripts"]
    options = {word for word in entry if word.startswith("--")}
    help_page = cli(entry[1], "--help").out
    assert options and all(option in help_page for option in options)
    assert rest == ["default"] and "http://127.0.0.1:8000/healthz" in CONTAINERFILE
