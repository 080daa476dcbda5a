"""Networks by name: pictures in, logits out.

Takes float pictures [B, channels, image_size, image_size], already normalised; gives logits float [B, classes].
Every module of this package holds one family, whose builders register themselves in `MODELS` with a card
(source, parameters, multiply-accumulates). `build` is the one way in.
"""

from fashionlab.models.catalog import (
    MODELS,
    Card,
    ModelEntry,
    argument_names,
    build,
    check_arguments,
    count_macs,
    count_parameters,
    resolve,
)

__all__ = [
    "MODELS",
    "Card",
    "ModelEntry",
    "argument_names",
    "build",
    "check_arguments",
    "count_macs",
    "count_parameters",
    "resolve",
]
