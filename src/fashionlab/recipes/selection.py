"""The `selection` key of a recipe: skipping pictures that are learned already; `training.selection` does it."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from fashionlab.recipes.settings import Settings


class SelectionSettings(Settings):
    """After the first `after` epochs only the share `keep` of the pictures with the highest loss is trained on.

    Chosen anew after every epoch, from each picture's loss when it was last seen. An epoch keeps its number of steps:
    the chosen pictures come round more than once. After Loshchilov & Hutter 2015 (online batch selection,
    arXiv:1511.06343) and airbench96 (Jordan 2024, arXiv:2404.00498), which takes the losses from a small proxy network.
    """

    keep: float = Field(gt=0, lt=1)
    after: PositiveInt = 1
