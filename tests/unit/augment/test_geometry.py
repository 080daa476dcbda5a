"""Geometry against padding and slicing, torchvision, and a slow sampler in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import InterpolationMode, RandomPerspective
from torchvision.transforms import functional as tv

from fashionlab.augment import Draw, build
from fashionlab.augment.geometric import Affine, Flip, PadAndCrop, Perspective, ResizedCrop, Rotation, Shift
from fashionlab.augment.geometry import Mode, move, quadrilateral_matrices, warp
from fashionlab.augment.pipeline import Resampling
from fashionlab.common.errors import UsageError

PAD = {"zeros": "constant", "reflection": "reflect", "border": "edge"}
BILINEAR = InterpolationMode.BILINEAR
modes = pytest.mark.parametrize("mode", ["zeros", "reflection", "border"])


def draw(seed: int = 0, n: int = 0, epoch: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed), epoch, torch.arange(n))


def pictures(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def sample_slowly(picture: np.ndarray, matrix: np.ndarray, mode: Mode) -> np.ndarray:
    """[C, H, W] resampled pixel by pixel in float64, the picture padded by itself on all sides as numpy does it."""
    _, h, w = picture.shape
    padded = np.pad(picture.astype(np.float64), ((0, 0), (h - 1, h - 1), (w - 1, w - 1)), mode=PAD[mode])
    result = np.zeros(picture.shape)
    for row in range(h):
        for column in range(w):
            x, y, scale = matrix @ (column - (w - 1) / 2, row - (h - 1) / 2, 1.0)
            x, y = x / scale + (w - 1) / 2 + w - 1, y / scale + (h - 1) / 2 + h - 1
            left, top = math.floor(x), math.floor(y)
            for i, weight_y in ((top, 1 - (y - top)), (top + 1, y - top)):
                for j, weight_x in ((left, 1 - (x - left)), (left + 1, x - left)):
                    if 0 <= i < padded.shape[1] and 0 <= j < padded.shape[2]:
                        result[:, row, column] += weight_y * weight_x * padded[:, i, j]
    return result


@given(st.integers(1, 3), st.integers(2, 9), st.integers(2, 9), st.integers(0, 4), st.sampled_from(sorted(PAD)),
       st.booleans(), st.booleans(), st.integers(0, 10**6))
def test_move_is_padding_and_slicing(
    c: int, h: int, w: int, reach: int, mode: Mode, mirrored: bool, shifted: bool, seed: int
) -> None:
    reach = min(reach, h - 1, w - 1)
    images = pictures(5, c, h, w, seed=seed)
    source = draw(seed)
    dx, dy = source.integers(-reach, reach, 2, 5)
    mirror = source.chance(0.5, 5)
    moved = move(images, mirror if mirrored else None, *((dx, dy) if shifted else (None, None)), reach, mode)
    for i, image in enumerate(images.numpy()):
        padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)), mode=PAD[mode])
        x, y = (reach + int(dx[i]), reach + int(dy[i])) if shifted else (reach, reach)
        expected = padded[:, y : y + h, x : x + w]
        if mirrored and mirror[i]:
            expected = expected[:, :, ::-1]
        assert np.array_equal(moved[i].numpy(), expected)


@modes
def test_crop_and_flip_are_exact_in_a_pipeline(mode: Mode) -> None:
    images = pictures(40, 1, 28, 28)
    pipeline = build([{"name": "pad_and_crop", "padding": 4, "mode": mode}, {"name": "flip"}])
    changed, _ = pipeline(images, torch.zeros(40, dtype=torch.int64), draw(5), 10)
    replay = draw(5)
    shape = images.shape
    crop, flip = PadAndCrop(padding=4).sample(shape, replay), Flip().sample(shape, replay)
    for i, image in enumerate(images.numpy()):
        padded = np.pad(image, ((0, 0), (4, 4), (4, 4)), mode=PAD[mode])
        x, y = 4 + int(crop["dx"][i]), 4 + int(crop["dy"][i])
        cut = padded[:, y : y + 28, x : x + 28]
        assert np.array_equal(changed[i].numpy(), cut[:, :, ::-1] if flip["mirror"][i] else cut)


@modes
def test_exact_moves_compose_like_their_matrices(mode: Mode) -> None:
    images = pictures(30, 2, 15, 18)
    shift, crop = Shift(x=2, y=1, mode=mode), PadAndCrop(padding=3, mode=mode)
    stage = Resampling([Flip(), shift, Flip(), crop, Flip(probability=0.3)])
    exact = stage(images, draw(3))
    replay = draw(3)
    parameters = [one.sample(images.shape, replay) for one in stage.operations]
    assert torch.allclose(exact, warp(images, stage.matrices(parameters, images.shape), mode, False), atol=1e-5)


def test_pad_and_crop_uses_every_place_alike() -> None:
    parameters = PadAndCrop(padding=2).sample(torch.Size((25000, 1, 8, 8)), draw())
    counts = torch.bincount((parameters["dy"] + 2) * 5 + parameters["dx"] + 2, minlength=25)
    assert counts.min() > 850 and counts.max() < 1150


def test_a_reflection_beyond_the_other_side_is_refused() -> None:
    pipeline = build([{"name": "shift", "x": 8, "mode": "reflection"}])
    with pytest.raises(UsageError, match="8 pixels cannot be filled by reflection in pictures of 8x20"):
        pipeline(pictures(2, 1, 8, 20), torch.zeros(2, dtype=torch.int64), draw(), 10)


def test_alternating_flip_mirrors_every_picture_every_other_epoch() -> None:
    images = pictures(1000, 1, 4, 6)
    flip = Flip(alternating=True)
    by_epoch = [flip.apply(images, flip.sample(images.shape, draw(epoch, 1000, epoch))) for epoch in range(4)]
    mirrored = (by_epoch[0] != images).flatten(1).any(1)
    assert 0.4 < mirrored.float().mean() < 0.6
    assert torch.equal(by_epoch[1], by_epoch[0].flip(-1))
    assert torch.equal(by_epoch[2], by_epoch[0])
    assert torch.equal(by_epoch[3], by_epoch[1])
    subset = flip.sample(torch.Size((3, 1, 4, 6)), Draw(torch.Generator(), 0, torch.tensor([7, 500, 31])))["mirror"]
    assert torch.equal(subset, mirrored[[7, 500, 31]])  # the side depends on the picture, not on its batch


def test_alternating_flip_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="indices"):
        Flip(alternating=True).sample(torch.Size((3, 1, 4, 6)), Draw(torch.Generator()))
    with pytest.raises(ValueError, match="leave `probability` out"):
        Flip(alternating=True, probability=0.2)


def test_rotation_is_torchvisions() -> None:
    images = pictures(8, 2, 20, 27)
    rotation = Rotation(degrees=40)
    parameters = rotation.sample(images.shape, draw())
    turned = rotation.apply(images, parameters)
    for image, ours, degrees in zip(images, turned, parameters["degrees"].tolist(), strict=True):
        assert abs(degrees) <= 40
        assert torch.allclose(ours, tv.rotate(image, degrees, BILINEAR), atol=1e-4)


def test_affine_is_torchvisions() -> None:
    images = pictures(8, 2, 20, 27)
    affine = Affine(degrees=30, translate=(0.2, 0.1), scale=(0.7, 1.4), shear=(20, 10))
    parameters = affine.sample(images.shape, draw())
    moved = affine.apply(images, parameters)
    for i, image in enumerate(images):
        p = {name: value[i].item() for name, value in parameters.items()}
        assert abs(p["dx"]) <= 0.2 * 27 and abs(p["dy"]) <= 0.1 * 20
        assert p["scale_x"] == p["scale_y"]
        shift, shear = [p["dx"], p["dy"]], [p["shear_x"], p["shear_y"]]
        expected = tv.affine(image, p["degrees"], shift, p["scale_x"], shear, BILINEAR)
        assert torch.allclose(moved[i], expected, atol=1e-4)


def test_affine_expresses_the_deep_cnn_of_reference_system_003() -> None:
    """Rotation 10, shift 10 %, shear 10, zoom 10 % on each axis by itself, against the product of plain matrices."""
    affine = Affine(degrees=10, translate=(0.1, 0.1), scale=(0.9, 1.1), scale_axes_apart=True, shear=(10, 0))
    shape = torch.Size((6, 1, 28, 28))
    parameters = affine.sample(shape, draw())
    assert not torch.equal(parameters["scale_x"], parameters["scale_y"])
    for i, matrix in enumerate(affine.matrices(parameters, shape).double().numpy()):
        p = {name: value[i].item() for name, value in parameters.items()}
        angle, shear = math.radians(p["degrees"]), math.radians(p["shear_x"])
        zoom = np.diag([p["scale_x"], p["scale_y"], 1])
        sheared = np.array([[1, -math.tan(shear), 0], [0, 1, 0], [0, 0, 1]])
        turned = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
        moved = np.array([[1, 0, p["dx"]], [0, 1, p["dy"]], [0, 0, 1]])
        assert np.allclose(matrix, np.linalg.inv(moved @ turned @ sheared @ zoom), atol=1e-5)


def test_resized_crop_is_torchvisions() -> None:
    images, boxes = pictures(3, 3, 20, 30), [(2, 3, 10, 15), (0, 0, 20, 30), (8, 9, 12, 20)]  # top, left, height, width
    parameters = {
        "scale_x": torch.tensor([w / 30 for _, _, _, w in boxes]),
        "scale_y": torch.tensor([h / 20 for _, _, h, _ in boxes]),
        "dx": torch.tensor([left + w / 2 - 15 for _, left, _, w in boxes]),
        "dy": torch.tensor([top + h / 2 - 10 for top, _, h, _ in boxes]),
    }
    changed = ResizedCrop().apply(images, parameters)
    for image, box, ours in zip(images, boxes, changed, strict=True):
        theirs = tv.resized_crop(image, *box, [20, 30], BILINEAR, antialias=False)
        # torchvision does not look beyond the part's outermost pixels
        assert torch.allclose(ours[:, 2:-2, 2:-2], theirs[:, 2:-2, 2:-2], atol=1e-4)


@given(st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.25, 4), st.floats(0.25, 4), st.integers(0, 10**6))
def test_resized_crops_lie_within_the_picture_and_within_their_ranges(
    area: float, other_area: float, ratio: float, other_ratio: float, seed: int
) -> None:
    areas, ratios = sorted((area, other_area)), sorted((ratio, other_ratio))
    crop = ResizedCrop(area=(areas[0], areas[1]), ratio=(ratios[0], ratios[1]))
    drawn = crop.sample(torch.Size((64, 3, 20, 30)), draw(seed))
    across, down = drawn["scale_x"] * 30, drawn["scale_y"] * 20
    assert (across / 2 + drawn["dx"].abs() <= 15 + 1e-4).all()
    assert (down / 2 + drawn["dy"].abs() <= 10 + 1e-4).all()
    inside = (across < 30 - 1e-4) & (down < 20 - 1e-4)
    share, sides = (across * down / 600)[inside], (across / down)[inside]
    assert ((share >= areas[0] - 1e-4) & (share <= areas[1] + 1e-4)).all()
    assert ((sides >= ratios[0] - 1e-3) & (sides <= ratios[1] + 1e-3)).all()
    assert (across * down / 600 <= areas[1] + 1e-4).all()


@pytest.mark.parametrize("field", ["area", "ratio"])
def test_resized_crop_refuses_a_range_in_the_wrong_order(field: str) -> None:
    with pytest.raises(UsageError, match=f"{field} must be"):
        build([{"name": "resized_crop", field: [0.9, 0.5]}])


def test_perspective_is_torchvisions() -> None:
    images = pictures(8, 2, 20, 27)
    perspective = Perspective(distortion=0.6, probability=1)
    parameters = perspective.sample(images.shape, draw())
    seen = perspective.apply(images, parameters)
    start = [[0, 0], [26, 0], [26, 19], [0, 19]]
    for image, ours, corners in zip(images, seen, parameters["corners"].long().tolist(), strict=True):
        assert torch.allclose(ours, tv.perspective(image, start, corners, BILINEAR), atol=2e-4)


def test_perspective_draws_corners_from_torchvisions_ranges() -> None:
    ours = Perspective(distortion=0.6, probability=1).sample(torch.Size((3000, 1, 20, 27)), draw())["corners"]
    torch.manual_seed(0)
    theirs = torch.tensor([RandomPerspective.get_params(27, 20, 0.6)[1] for _ in range(3000)])
    assert torch.equal(ours.amin(0), theirs.amin(0).float())
    assert torch.equal(ours.amax(0), theirs.amax(0).float())
    assert torch.allclose(ours.mean(0), theirs.float().mean(0), atol=0.25)


@modes
def test_composed_geometry_is_one_warp_by_the_matrix_product(mode: Mode) -> None:
    images = pictures(4, 2, 13, 17)
    operations = [
        {"name": "pad_and_crop", "padding": 3, "mode": mode}, {"name": "flip"},
        {"name": "rotation", "degrees": 25, "mode": mode},
        {"name": "affine", "translate": [0.1, 0.1], "scale": [0.8, 1.2], "shear": [15, 5], "mode": mode},
        {"name": "perspective", "distortion": 0.4, "mode": mode},
    ]
    pipeline = build(operations)
    changed, _ = pipeline(images, torch.zeros(4, dtype=torch.int64), draw(11), 10)
    replay = draw(11)
    products = [np.eye(3)] * 4
    for one in pipeline.operations:
        matrices = one.matrices(one.sample(images.shape, replay), images.shape).double().numpy()
        products = [product @ matrix for product, matrix in zip(products, matrices, strict=True)]
    for image, product, ours in zip(images.numpy(), products, changed.numpy(), strict=True):
        assert np.allclose(ours, sample_slowly(image, product, mode), atol=2e-4)


def test_another_mode_starts_a_new_resampling() -> None:
    images = pictures(6, 1, 16, 16)
    turn, shift = {"name": "rotation", "degrees": 30}, {"name": "shift", "x": 5, "mode": "border"}
    pipeline = build([turn, {"name": "flip"}, shift])
    changed, _ = pipeline(images, torch.zeros(6, dtype=torch.int64), draw(2), 10)
    replay = draw(2)
    rotation, flip, shift = pipeline.operations
    first = Resampling([rotation, flip])(images, replay)
    assert torch.equal(changed, shift.apply(first, shift.sample(images.shape, replay)))


def test_quadrilaterals_of_the_corners_themselves_are_the_identity() -> None:
    corners = torch.tensor([[[0, 0], [11, 0], [11, 7], [0, 7]]], dtype=torch.float32)
    assert torch.allclose(quadrilateral_matrices(corners, 8, 12), torch.eye(3), atol=1e-5)
