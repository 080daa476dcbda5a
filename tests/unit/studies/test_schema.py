"""A study is checked, recipes and all, before anything is trained."""

from __future__ import annotations

import pytest
import yaml

from fashionlab.common.errors import UsageError
from fashionlab.evaluation.metrics import METRICS
from fashionlab.runs.metrics import Metrics
from fashionlab.studies import catalog
from fashionlab.studies.metrics import find_metric, names
from fashionlab.studies.schema import BASELINE, check
from toy_studies import checked, declaration


def test_the_baselines_changes_hold_for_every_arm_and_its_own_come_on_top():
    study = checked(
        baseline={"recipe": "three-linear", "set": {"epochs": 7, "optimizer.lr": 0.5}},
        arms={"slow": {"set": {"optimizer.lr": 0.01}}, "relu": {"recipe": "three-mlp"}})
    assert {arm: (recipe.model.name, recipe.epochs, recipe.optimizer.lr) for arm, recipe in study.recipes.items()} == {
        BASELINE: ("three-linear", 7, 0.5), "slow": ("three-linear", 7, 0.01), "relu": ("three-mlp", 7, 0.5)}


def test_runs_go_seed_by_seed_so_that_an_early_stop_leaves_pairs():
    assert checked(seeds=[3, 1]).runs == [("baseline", 3), ("slow", 3), ("baseline", 1), ("slow", 1)]
    assert checked(seeds=2).seeds == (0, 1)


@pytest.mark.parametrize(("changes", "told"), [
    ({"question": ""}, "question"),
    ({"arms": {}}, "arms"),
    ({"arms": None}, "arms"),
    ({"arms": {"baseline": {"set": {"epochs": 2}}}}, "'baseline' cannot be an arm's name"),
    ({"arms": {"a/b": {"set": {"epochs": 2}}}}, "'a/b' cannot be an arm's name"),
    ({"arms": {True: {"set": {"epochs": 2}}}}, "put it in quotes"),
    ({"arms": {"a": {"set": {"epochs": 2}}, "A": {"set": {"epochs": 3}}}}, "capital letters"),
    ({"arms": {"same": {}}}, "arms.same: is the same as the baseline"),
    ({"arms": {"slow": {"sets": {"epochs": 2}}}}, "did you mean 'set'?"),
    ({"arms": {"slow": {"set": {"optimiser.lr": 2}}}}, "did you mean 'optimizer'?"),
    ({"arms": {"slow": {"set": {"optimizer.lr": "much"}}}}, "arms.slow: three-linear: optimizer"),
    ({"arms": {"slow": {"recipe": "three-mpl"}}}, "arms.slow: unknown recipe 'three-mpl'; did you mean 'three-mlp'?"),
    ({"arms": {"slow": {"recipe": "none/at/all.yaml"}}}, "no such recipe file"),
    ({"arms": {"slow": {"set": {"seed": 4}}}}, "seed"),
    ({"arms": {"mnist": {"set": {"data.dataset": "mnist"}}}}, "data.dataset is 'mnist'"),
    ({"baseline": {"recipe": "quikc"}}, "baseline: unknown recipe 'quikc'; did you mean 'quick'?"),
    ({"baseline": {"set": {}}}, "baseline.recipe"),
    ({"seeds": 0}, "seeds"),
    ({"seeds": []}, "seeds"),
    ({"seeds": [1, 1]}, "seeds"),
    ({"seeds": [-1]}, "seeds"),
    ({"metric": "test_acuracy"}, "unknown metric 'test_acuracy'; did you mean 'test_accuracy'?"),
    ({"metric": "val_accuracy"}, "baseline: holds no pictures out"),
    ({"smallest_difference": -1}, "smallest_difference"),
    ({"smallest_difference": float("nan")}, "smallest_difference"),
    ({"test": "t"}, "test: input should be 'paired' or 'permutation'"),
    ({"sedes": 3}, "unknown key 'sedes'; did you mean 'seeds'?"),
    ({"expected": {"claim": "it helps"}}, "expected.sources: field required"),
    ({"expected": {"claim": "it helps", "sources": []}}, "expected.sources"),
    ({"expected": {"claim": "it helps", "sources": ["a.txt"], "verdicts": {"slwo": "better"}}},
     "there is no arm 'slwo'; did you mean 'slow'?"),
    ({"expected": {"claim": "it helps", "sources": ["a.txt"], "verdicts": {"slow": "good"}}},
     "expected.verdicts.slow: input should be 'better', 'worse' or 'equivalent'"),
])
def test_every_mistake_is_one_clear_line(changes, told):
    with pytest.raises(UsageError) as caught:
        checked(**changes)
    message = str(caught.value)
    assert message.startswith("toy.yaml: ") and told in message and "\n" not in message


@pytest.mark.parametrize("key", ["question", "baseline", "arms", "seeds", "metric", "smallest_difference", "test"])
def test_nothing_may_be_left_undeclared(key):
    values = declaration()
    del values[key]
    with pytest.raises(UsageError, match=f"{key}: field required"):
        check(values, "", "toy", "toy.yaml")


def test_validation_pictures_must_be_the_same():
    base = {"recipe": "three-linear", "set": {"data.validation": 500}}
    assert checked(baseline=base, metric="val_accuracy").metric.split == "val"
    for key, value in (("data.validation", 600), ("data.split_seed", 1)):
        with pytest.raises(UsageError, match="of other pictures"):
            checked(baseline=base, metric="val_accuracy", arms={"other": {"set": {key: value}}})
        checked(baseline=base, metric="train_seconds", arms={"other": {"set": {key: value}}})


def test_fewer_or_more_seeds_can_be_asked_for():
    values, text = declaration(), ""
    assert check(values, text, "toy", "toy.yaml", seeds=5).seeds == (0, 1, 2, 3, 4)
    listed = declaration(seeds=[4, 2])
    assert check(listed, text, "toy", "toy.yaml", seeds=1).seeds == (4,)
    with pytest.raises(UsageError, match="lists 2 seeds"):
        check(listed, text, "toy", "toy.yaml", seeds=3)


def test_every_score_can_be_the_metric_of_a_study():
    assert {f"{split}.{score}" for split in ("val", "test") for score in METRICS} <= set(names())
    assert find_metric("nll").path == find_metric("test.nll").path == ("test", "nll")
    lower = {name for name in names() if not find_metric(name).higher_is_better}
    assert {"nll", "ece", "brier", "val.nll", "train_seconds", "parameters"} <= lower
    assert not {"test_accuracy", "macro_f1", "images_per_second", "val.top3_accuracy"} & lower


def test_a_metric_that_a_run_lacks_is_named():
    from fashionlab.common.errors import DataError

    metric = find_metric("test_accuracy")
    assert metric.read(Metrics.read({"test": {"accuracy": 0.5}}, "file"), "runs/x") == 0.5
    for metrics in ({}, {"test": {}}, {"test_accuracy": 0.5}):
        with pytest.raises(DataError, match=r"runs/x: .*test_accuracy"):
            metric.read(Metrics.read(metrics, "file"), "runs/x")


def test_studies_are_found_by_name_or_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(declaration()))
    assert catalog.load(str(path)).name == "mine"
    with pytest.raises(UsageError, match="unknown study 'hiden-layer'; did you mean 'hidden-layer'"):
        catalog.load("hiden-layer")
    with pytest.raises(UsageError, match="no such study file"):
        catalog.load(str(tmp_path / "none.yaml"))
    path.write_text("[]")
    with pytest.raises(UsageError, match="expected a mapping"):
        catalog.load(str(path))
    path.write_text("a: [")
    with pytest.raises(UsageError, match="no valid YAML"):
        catalog.load(str(path))
