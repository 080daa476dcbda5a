"""Recipes: what to train and how, as YAML files beside this one (reference systems under `reference/`).

Takes a name or a path and overrides; gives a validated `Recipe`. Adding a recipe is adding a YAML file.
"""

from fashionlab.recipes.fitting import Fitted, fit, load_fitted
from fashionlab.recipes.library import Overrides, as_mapping, as_word, find, header, load, names, override, to_yaml
from fashionlab.recipes.schema import Recipe, validate

__all__ = ["Fitted", "Overrides", "Recipe", "as_mapping", "as_word", "find", "fit", "header", "load", "load_fitted",
           "names", "override", "to_yaml", "validate"]
