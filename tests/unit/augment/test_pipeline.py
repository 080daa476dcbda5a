"""Building a pipeline from a recipe's list, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fashionlab.augment import Draw, build, parse
from fashionlab.augment.geometric import Rotation
from fashionlab.common.errors import UsageError


@pytest.mark.parametrize(("operation", "message"), [
    ({"name": "rotaton", "degrees": 3}, "unknown augmentation 'rotaton'; did you mean 'rotation'?"),
    ({"name": "rotation", "degree": 3},
     "unknown field of augmentation 'rotation': 'degree'; did you mean 'degrees'?"),
    ({"degrees": 3}, "an augmentation needs a name"),
    ({"name": ["flip"]}, "an augmentation needs a name"),
    ({"name": "rotation"}, "augmentation 'rotation': degrees: Field required"),
    ({"name": "rotation", "degrees": -1}, "degrees: Input should be greater than or equal to 0; got {'degrees': -1}"),
    ({"name": "rotation", "degrees": 3, "mode": "wrap"}, "mode: Input should be 'zeros', 'reflection' or 'border'"),
    ({"name": "pad_and_crop", "padding": 1.5}, "padding: Input should be a valid integer"),
    ({"name": "affine", "scale": [1.2, 0.8]}, "scale must be [lowest, highest], not [1.2, 0.8]"),
    ({"name": "affine", "translate": [0.1]}, "translate.1: Field required"),
    ({"name": "flip", "alternating": True, "probability": 0.1}, "leave `probability` out"),
    ({"name": "mixup", "alpha": 0}, "alpha: Input should be greater than 0"),
    ({"name": "rand_augment", "magnitude": 31}, "magnitude: Input should be less than 31"),
])
def test_a_mistake_names_the_operation_the_field_and_what_was_expected(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build([{"name": "flip"}, operation])
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_parse_leaves_its_argument_alone() -> None:
    operation = {"name": "rotation", "degrees": 10}
    assert parse(operation) == Rotation(degrees=10)
    assert operation == {"name": "rotation", "degrees": 10}


def test_no_operation_changes_nothing() -> None:
    images, labels = torch.rand(3, 1, 5, 5), torch.tensor([1, 0, 2])
    same, targets = build([])(images, labels, Draw(torch.Generator()), 3)
    assert torch.equal(same, images) and targets is labels
    assert not build([{"name": "flip"}]).mixes


def test_operations_come_in_the_order_of_the_list() -> None:
    images, labels = torch.rand(20, 1, 8, 8) * 0.2, torch.zeros(20, dtype=torch.int64)
    shift, invert = {"name": "shift", "x": 3}, {"name": "invert", "probability": 1}

    def result(*operations: dict[str, Any]) -> torch.Tensor:
        return build(operations)(images, labels, Draw(torch.Generator().manual_seed(0)), 2)[0]

    # Shifted first, the black that came in is inverted too; inverted first, it stays black.
    assert result(shift, invert).min() > 0.7
    assert result(invert, shift).min() == 0
    assert torch.allclose(1 - result(shift, invert), result(shift), atol=1e-6)
