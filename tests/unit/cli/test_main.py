"""The frame of the command line: exit statuses, messages, --debug, optional parts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from fashionlab.cli import doctor_
from fashionlab.cli.main import run
from fashionlab.common.extras import EXTRAS

ROOT = Path(__file__).parents[3]


def test_doctor_finds_no_problem_where_tests_run(cli):
    result = cli("doctor")
    assert result.code == 0 and "no problems found" in result.out
    for word in ("torch", "threads", "GPU", "number format", "data", "cache", "extra serve"):
        assert word in result.out


def test_doctor_names_a_problem_and_what_to_do(cli, tmp_path):
    result = cli("doctor", "--data-dir", tmp_path / "none")
    assert result.code == 1
    assert "BAD" in result.out and str(tmp_path / "none") in result.out and "->" in result.out


@pytest.mark.parametrize("module", sorted({module for modules in EXTRAS.values() for module in modules}))
def test_a_missing_extra_says_what_to_install(cli, monkeypatch, module):
    def command() -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=f"{module}.sub")

    monkeypatch.setattr(doctor_, "command", command)
    result = cli("doctor")
    assert result.code == 2
    extra = re.search(r"'\.\[(\w+)\]'", result.err)
    assert extra and module in EXTRAS[extra[1]]


def test_an_unexpected_error_is_one_message_unless_debugging(cli, monkeypatch):
    def command() -> None:
        raise RuntimeError("something broke\nat length")

    monkeypatch.setattr(doctor_, "command", command)
    result = cli("doctor")
    assert result.code == 1 and "RuntimeError: something broke" in result.err and "--debug" in result.err
    with pytest.raises(RuntimeError):
        run(["doctor", "--debug"])


def test_unknown_commands_and_options(cli):
    for words in (["trian"], ["train", "--sed", "1"], ["train", "--seed", "-1"], ["train", "--seed", "x"]):
        assert cli(*words).code == 2


def test_constraints_pin_every_dependency():
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in constraints}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["serve"]]  # dev takes serve in
    names = {re.split(r"[<>=\[]", requirement)[0].lower() for requirement in wanted}
    assert names - {project["name"]} <= pinned
