"""Finding, overriding and validating recipes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionlab import recipes
from fashionlab.augment.geometric import PadAndCrop
from fashionlab.common.errors import UsageError
from fashionlab.recipes.library import override

KEYS = st.sampled_from("abc")
VALUES = st.integers() | st.booleans() | st.none() | st.text(max_size=3)


@given(st.lists(KEYS, min_size=1, max_size=4), VALUES)
def test_an_override_is_found_where_it_was_put(path, value):
    values: dict = {}
    override(values, ".".join(path), value)
    for key in path:
        values = values[key]
    assert values == value


def test_a_number_steps_into_a_list():
    recipe = recipes.load("ablation-main", ["augment.0.padding=2"])
    assert recipe.augment[0] == PadAndCrop(padding=2)
    with pytest.raises(UsageError, match=r"augment\.9"):
        recipes.load("ablation-main", ["augment.9.padding=2"])


def test_yaml_values_and_numbers_without_a_point():
    recipe = recipes.load("three-linear", ["optimizer.lr=1e-9", "data.normalise={mean: 0.2, std: 0.3}"])
    assert recipe.optimizer.lr == 1e-9
    assert recipe.data.normalise.mean == 0.2


def test_another_optimizer_takes_a_whole_mapping():
    recipe = recipes.load("quick", ["optimizer={name: adamw, lr: 0.003}"])
    assert (recipe.optimizer.name, recipe.optimizer.lr) == ("adamw", 0.003)


@pytest.mark.parametrize(("overrides", "weights"), [
    ([], "best"), (["early_stopping=null"], "last"), (["averaging={name: ema}"], "averaged"),
])
def test_which_weights_a_run_ends_with(overrides, weights):
    assert recipes.load("ablation-main", overrides).weights == weights


@pytest.mark.parametrize("key", ["early_stopping={metric: val_loss}", "schedule={name: plateau}"])
def test_watching_validation_needs_a_validation_split(key):
    with pytest.raises(UsageError, match="validation split"):
        recipes.load("three-linear", [key])


def test_recipe_commands(cli, tmp_path):
    shown = cli("recipe", "show", "three-cnn", "--set", "epochs=7")
    assert shown.code == 0 and "epochs: 7" in shown.out and shown.out.startswith("# fashionlab train three-cnn")
    assert cli("recipe", "copy", "quick", "mine.yaml").code == 0
    assert recipes.load(str(tmp_path / "mine.yaml")) == recipes.load("quick")
    assert cli("recipe", "copy", "quick", "mine.yaml").code == 2
    assert cli("recipe", "check", "mine.yaml").code == 0
