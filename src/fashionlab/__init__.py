"""fashionlab: from pictures of clothing to a classifier that can be trusted and shipped.

    import fashionlab as fl

    run = fl.train("quick", seed=0)             # trained and evaluated; kept in a folder under runs/
    print(run.metrics.test.accuracy)
    run.predict("photo.jpg")[0].label
    run.export("garments.zip")
    fl.load("garments.zip").predict("photos/")  # without PyTorch

Everything public is named in `__all__` and imported when it is first used: importing the package costs next to nothing.
docs/pipeline.md says how the stages behind it build on one another.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashionlab import augment as augment
    from fashionlab import models as models
    from fashionlab import recipes as recipes
    from fashionlab.api import datasets as datasets
    from fashionlab.api.classifier import Classifier as Classifier
    from fashionlab.api.comparing import Comparison as Comparison
    from fashionlab.api.comparing import compare as compare
    from fashionlab.api.loading import load as load
    from fashionlab.api.run import Run as Run
    from fashionlab.api.studying import StudyResults as StudyResults
    from fashionlab.api.studying import study as study
    from fashionlab.api.training import ensemble as ensemble
    from fashionlab.api.training import train as train
    from fashionlab.common.errors import DataError as DataError
    from fashionlab.common.errors import DivergedError as DivergedError
    from fashionlab.common.errors import FashionlabError as FashionlabError
    from fashionlab.common.errors import Interrupted as Interrupted
    from fashionlab.common.errors import UsageError as UsageError
    from fashionlab.deploy.inputs import Unreadable as Unreadable
    from fashionlab.deploy.prediction import Prediction as Prediction
    from fashionlab.training.logs import Epoch as Epoch

__version__ = "0.2.0"

# Where each public name lies; a module stands for itself.
_HOMES = {
    "train": "api.training", "ensemble": "api.training", "load": "api.loading", "compare": "api.comparing",
    "study": "api.studying",
    "Run": "api.run", "Classifier": "api.classifier", "Prediction": "deploy.prediction", "Unreadable": "deploy.inputs",
    "Comparison": "api.comparing", "StudyResults": "api.studying", "Epoch": "training.logs",
    "FashionlabError": "common.errors", "UsageError": "common.errors", "DataError": "common.errors",
    "DivergedError": "common.errors", "Interrupted": "common.errors",
}
_MODULES = {"datasets": "api.datasets", "recipes": "recipes", "models": "models", "augment": "augment"}

__all__ = [
    "Classifier",
    "Comparison",
    "DataError",
    "DivergedError",
    "Epoch",
    "FashionlabError",
    "Interrupted",
    "Prediction",
    "Run",
    "StudyResults",
    "Unreadable",
    "UsageError",
    "augment",
    "compare",
    "datasets",
    "ensemble",
    "load",
    "models",
    "recipes",
    "study",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
