"""docs/findings.md says what the kept results say, and a study is kept whole or not at all."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

from fashionlab.common.errors import UsageError
from fashionlab.report import study_figures, style
from fashionlab.runs.results import load_results
from fashionlab.studies import catalog
from fashionlab.studies.folder import StudyFolder, begin
from fashionlab.studies.results import write_results
from fashionlab.studies.schema import Study, check
from toy_runs import train
from toy_studies import write_study

ROOT = Path(__file__).parents[2]


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("findings", ROOT / "benchmarks" / "findings.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


findings = _script()
PAGE = findings.PAGE.read_text(encoding="utf-8")


def test_the_page_is_that_of_the_results():
    assert findings.render(PAGE, findings.KEPT) == PAGE, "stale: run python benchmarks/findings.py"
    for name in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (findings.PAGE.parent / name).is_file(), name


def test_the_page_has_every_claim_once_and_every_link_of_its_summary_leads_somewhere():
    blocks = re.findall(r"<!-- findings:(\S+) -->", PAGE)
    claims = {path.stem for path in (catalog.FOLDER / "claims").glob("*.yaml")}
    assert sorted(blocks) == sorted(["summary", *claims])
    assert set(re.findall(r"\]\(#(\S+)\)", PAGE)) == claims == set(re.findall(r'<a id="(\S+)">', PAGE))


def test_kept_results_are_of_the_declared_studies():
    for path in findings.KEPT.glob("*.json"):
        study, found = catalog.load(path.stem), json.loads(path.read_text(encoding="utf-8"))
        assert found["complete"] and found["seeds"] == list(study.seeds), path
        assert found["declared"] == study.declared.model_dump(mode="json"), path
        assert findings.NOT_MEASURED not in study.text, path


@pytest.fixture(scope="module")
def trained(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    """A study of three-mlp (dead classes and all) whose four runs were really trained, and the folder it lies in."""
    values = {"question": "what does the ReLU cost?", "seeds": 2, "metric": "test_accuracy", "test": "paired",
              "baseline": {"recipe": "three-mlp", "set": {"data.dataset": str(toy_data), "epochs": 1}},
              "arms": {"free": {"set": {"model.name": "three-mlp-fixed"}}}, "smallest_difference": 0.5}
    study, runs = check(values, yaml.safe_dump(values), "toy", "toy.yaml"), tmp_path_factory.mktemp("runs")
    folder = StudyFolder(runs / "toy")
    begin(study, folder, jobs=1)
    for arm, seed in study.runs:
        train(folder.run(arm, seed).path, toy_data, str(folder.recipe(arm)), f"seed={seed}")
    write_results(study, folder)
    return study, runs


def test_what_is_kept_is_the_results_with_what_made_them(trained, tmp_path):
    study, runs = trained
    found = json.loads(findings.keep(study, runs, tmp_path).read_text())
    results = json.loads((runs / "toy" / "results.json").read_text())
    assert "folder" not in found and str(runs) not in json.dumps(found)
    assert {key: found[key] for key in results if key != "folder"} == {
        key: value for key, value in results.items() if key != "folder"}
    assert found["command"] == "fashionlab study toy"
    assert [place["runs"] for place in found["made"]] == [4] and found["made"][0]["versions"]["torch"]
    for arm, details in found["details"].items():
        assert details["macs"] == 784 * 10 + 100 and details["epochs"] == {"0": 1, "1": 1}
        for seed in "01":
            test = load_results(runs / "toy" / f"{arm}-s{seed}").test
            counts = np.bincount(test.logits.argmax(axis=1), minlength=10)
            assert details["never_predicted"].get(seed, []) == [
                name for name, count in zip(test.classes, counts, strict=True) if not count]
    assert found["details"]["baseline"]["never_predicted"]
    text = findings.measured(study, found)
    assert "Classes that no test picture was given to" in text


def test_half_a_study_or_another_one_is_not_kept(trained, tmp_path):
    study, runs = trained
    other = check({**study.declared.model_dump(), "question": "what else?"}, "", "toy", "toy.yaml")
    with pytest.raises(UsageError, match="its declaration is not that of"):
        findings.keep(other, runs, tmp_path)
    shutil.copytree(runs, tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "toy" / "free-s1")
    write_results(study, StudyFolder(tmp_path / "runs" / "toy"))
    with pytest.raises(UsageError, match="1 runs are still to be done; `fashionlab study toy` does them"):
        findings.keep(study, tmp_path / "runs", tmp_path)
    assert not list(tmp_path.glob("*.json"))


def made_up(tmp_path: Path, name: str, values: dict[str, list[float]], **details: Any) -> dict[str, Any]:
    """What would be kept of the built-in study `name` with these accuracies."""
    found = json.loads(write_study(tmp_path, values, smallest_difference=0.3).results.read_text())
    declared = catalog.load(name).declared.model_dump(mode="json")
    place = {"machine": {"processor": "toy", "gpus": []}, "versions": {"torch": "2.11"}, "commit": "0123456789",
             "device": "cpu", "threads": 2, "precision": "float32", "runs": 10}
    seeds = dict.fromkeys(map(str, found["seeds"]), 10)
    return {**found, "study": name, "declared": declared, "command": f"fashionlab study {name}", "made": [place],
            "details": {arm: {"epochs": seeds, "train_seconds": seeds, "macs": 2_000_000, "never_predicted": {},
                              **details.get(arm, {})} for arm in values}}


VALUES = {"baseline": [0.900, 0.902, 0.898, 0.901, 0.899], "lr-1e-2": [0.880, 0.883, 0.879, 0.880, 0.878],
          "lr-1e-4": [0.910, 0.912, 0.909, 0.911, 0.910]}


def test_the_numbers_of_a_block_are_those_of_scipy(tmp_path):
    found = made_up(tmp_path, "claim-4-learning-rate", VALUES, baseline={"never_predicted": {"3": ["Shirt", "Coat"]}})
    text = findings.measured(catalog.load("claim-4-learning-rate"), found)
    base, arm = (100 * np.array(VALUES[name]) for name in ("baseline", "lr-1e-2"))
    low, high = stats.t.interval(0.95, 4, arm.mean(), stats.sem(arm))
    assert f"| `lr-1e-2` | {arm.mean():.2f} [{low:.2f}, {high:.2f}] | 5 |" in text
    low, high = stats.ttest_rel(arm, base).confidence_interval(0.95)
    minus = f"| {(arm - base).mean():.2f} [{low:.2f}, {high:.2f}] |".replace("-", "−")
    assert minus in text
    assert "`lr-1e-2`: **worse**" in text and "Claimed worse: holds. Higher in 0 of 5 seeds" in text
    assert "`lr-1e-4`: **better**" in text and "Claimed worse: contradicted. Higher in 5 of 5 seeds" in text
    assert "The claim: `lr-1e-2`: **holds**; `lr-1e-4`: **contradicted**." in text
    assert "| `baseline` | 1 of 5 | seed 3: Shirt, Coat |" in text
    assert "10 runs on toy, cpu, 2 threads, float32, PyTorch 2.11, commit 0123456" in text


@pytest.mark.parametrize(("claimed", "found", "fate"), [
    ("better", "better", "holds"), ("worse", "worse", "holds"), ("equivalent", "equivalent", "holds"),
    ("better", "worse", "contradicted"), ("worse", "better", "contradicted"), ("equivalent", "better", "contradicted"),
    ("better", "equivalent", "no difference that matters"), ("worse", "undecided", "undecided"),
    ("equivalent", "undecided", "undecided"),
])
def test_what_becomes_of_a_claim(claimed, found, fate):
    assert findings.fate(claimed, found) == fate


@pytest.mark.slow
def test_a_page_with_and_without_results(tmp_path):
    names = "claim-4-learning-rate", "claim-9-optimizers"
    page = "before\n" + "".join(f"<!-- findings:{name} -->\nold\n<!-- end -->\n" for name in ("summary", *names))
    empty = findings.render(page, tmp_path)
    assert "old" not in empty and empty.count("| not measured yet |") == 2
    assert "`fashionlab study claim-9-optimizers` trains what is missing of its 30 runs" in empty
    (tmp_path / f"{names[0]}.json").write_text(json.dumps(made_up(tmp_path, names[0], VALUES)))
    arms = list(catalog.load(names[1]).declared.arms)
    values = {"baseline": VALUES["baseline"], **dict.fromkeys(arms, VALUES["lr-1e-4"])}
    (tmp_path / f"{names[1]}.json").write_text(json.dumps(made_up(tmp_path / "9", names[1], values)))
    full = findings.render(empty, tmp_path)
    assert "not measured yet" not in full.lower() and findings.render(full, tmp_path) == full
    assert "`lr-1e-2`: **holds**; `lr-1e-4`: **contradicted** |" in full
    assert "nothing predicted; 5 better |" in full
    assert findings.measured(catalog.load(names[1]), findings.read(names[1], tmp_path)).count(".svg)") == 2


def test_failed_runs_are_told(tmp_path):
    values = {"baseline": VALUES["baseline"], "lr-1e-2": ["diverged"] * 5, "lr-1e-4": [*VALUES["lr-1e-4"][:4], "boom"]}
    nothing = {"epochs": {}, "train_seconds": {}}
    found = made_up(tmp_path, "claim-4-learning-rate", values, **{"lr-1e-2": nothing})
    del found["details"]["lr-1e-2"]["macs"]
    text = findings.measured(catalog.load("claim-4-learning-rate"), found)
    assert "| `lr-1e-2` | - | 0 (5 failed) | - | - | undecided | - | - | - |" in text
    assert "| 4 (1 failed) |" in text and "nan" not in text and "None" not in text


@pytest.mark.slow
def test_figures_are_drawn(tmp_path):
    arms = list(catalog.load("claim-9-optimizers").declared.arms)
    values = {"baseline": VALUES["baseline"], **dict.fromkeys(arms, VALUES["lr-1e-4"])}
    found = made_up(tmp_path, "claim-9-optimizers", values)
    findings.draw("claim-9-optimizers", found, tmp_path / "figures")
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "claim-9-optimizers.svg", "claim-9-optimizers-cost.svg"}
    sheet = study_figures.trade_off(found, {"cost": {"baseline": 1.0, arms[0]: 2.0}})
    style.save(sheet, tmp_path / "one.svg", "svg")
    text = (tmp_path / "one.svg").read_text()
    assert f">{arms[0]}<" in text and f">{arms[1]}<" not in text and ">cost<" in text


def test_the_header_of_a_measured_study_names_its_results(tmp_path):
    path = tmp_path / "claim-6-relu-on-logits.yaml"
    shutil.copy(catalog.FOLDER / "claims" / path.name, path)
    findings.mark_measured(path)
    text = path.read_text()
    assert findings.NOT_MEASURED not in text
    assert "# Measured: results/studies/claim-6-relu-on-logits.json, docs/findings.md.\n" in text
    assert catalog.load(str(path)).declared == catalog.load("claim-6-relu-on-logits").declared
