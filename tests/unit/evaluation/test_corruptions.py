"""Every corruption: form, draws, strength; and each against another way to do it."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from fashionlab.augment import Draw
from fashionlab.common.errors import UsageError
from fashionlab.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt, corrupted_batches, corruption

NAMES = list(CORRUPTIONS)


def _draws(name: str) -> bool:
    """Whether it asks its generator for anything."""
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    CORRUPTIONS[name].apply(torch.rand(3, 1, 28, 28), CORRUPTIONS[name].strengths[2], Draw(generator))
    return not torch.equal(before, generator.get_state())


RANDOM = [name for name in NAMES if _draws(name)]


def blotches(n: int, channels: int = 1, side: int = 28, seed: int = 0) -> np.ndarray:
    """uint8 [n, channels, side, side]: soft bright shapes on black, as clothing is."""
    rough = np.random.default_rng(seed).normal(size=(n, channels, side, side))
    soft = ndimage.gaussian_filter(rough, (0, 0, side / 10, side / 10))
    middle = np.hypot(*(np.indices((side, side)) - (side - 1) / 2)) < 0.4 * side
    return (255 * (soft > -0.01) * middle * (0.5 + rough.clip(0, 1) / 2)).astype(np.uint8)


def test_there_are_ten_corruptions_of_five_severities() -> None:
    assert len(NAMES) >= 10 and len(RANDOM) >= 5 and SEVERITIES == (1, 2, 3, 4, 5)
    for how in CORRUPTIONS.values():
        assert len(how.strengths) == 5 and how.unit
        assert all(low < high for low, high in itertools.pairwise(how.strengths))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5)
@given(seed=st.integers(0, 2**31), channels=st.sampled_from([1, 3]), side=st.sampled_from([28, 36]))
def test_a_higher_severity_is_farther_from_the_picture(name: str, seed: int, channels: int, side: int) -> None:
    images = blotches(60, channels, side, seed=seed)
    distances = []
    for severity in SEVERITIES:
        worse = corrupt(images, name, severity, seed)
        assert worse.shape == images.shape and worse.dtype == np.uint8
        distances.append(np.abs(worse.astype(float) - images).mean())
    assert distances[0] > 0
    assert all(low < high for low, high in itertools.pairwise(distances)), distances


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_pictures_whatever_else_is_in_the_set(name: str) -> None:
    images = blotches(1100)
    before = images.copy()
    worse = corrupt(images, name, 3, seed=7)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(corrupt(images[:1000], name, 3, seed=7), worse[:1000])
    np.testing.assert_array_equal(np.concatenate(list(corrupted_batches(images, name, 3, seed=7))), worse)
    assert np.array_equal(corrupt(images, name, 3, seed=8), worse) == (name not in RANDOM)


@pytest.mark.parametrize("name", RANDOM)
def test_equal_pictures_get_draws_of_their_own(name: str) -> None:
    images = np.repeat(blotches(1), 40, axis=0)
    worse = corrupt(images, name, 4)
    assert any(not np.array_equal(worse[0], one) for one in worse[1:])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(0, 1, 28, 28), (1, 1, 28, 28), (2, 3, 5, 5), (2, 1, 20, 33)])
def test_awkward_shapes(name: str, shape: tuple[int, ...]) -> None:
    images = np.full(shape, 200, dtype=np.uint8)
    images.setflags(write=False)  # as a memory-mapped set is
    for severity in SEVERITIES:
        assert corrupt(images, name, severity).shape == shape


def test_unknown_names_and_severities_are_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'rotation'"):
        corrupt(blotches(1), "rotations", 1)
    for severity in (0, 6):
        with pytest.raises(UsageError, match="1 to 5"):
            corrupt(blotches(1), "noise", severity)
    with pytest.raises(ValueError, match="twice"):
        corruption("noise", "", (1, 2, 3, 4, 5))(lambda images, strength, draw: images)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_jpeg_is_what_pil_makes_of_each_picture(channels: int, severity: int) -> None:
    images = blotches(4, channels)
    quality = int(100 - CORRUPTIONS["jpeg"].strengths[severity - 1])
    for picture, worse in zip(images, corrupt(images, "jpeg", severity), strict=True):
        stream = io.BytesIO()
        Image.fromarray(picture[0] if channels == 1 else picture.transpose(1, 2, 0)).save(
            stream, format="JPEG", quality=quality)
        decoded = np.atleast_3d(np.asarray(Image.open(stream))).transpose(2, 0, 1)
        np.testing.assert_array_equal(worse, decoded)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_values_against_numpy(severity: int) -> None:
    images = blotches(20, 3)
    unit = images / 255

    def strength(name: str) -> float:
        return CORRUPTIONS[name].strengths[severity - 1]

    def agrees(name: str, wanted: np.ndarray) -> None:
        np.testing.assert_allclose(corrupt(images, name, severity), wanted.clip(0, 1) * 255, atol=0.6)

    agrees("brightness", unit + strength("brightness"))
    agrees("inversion", (1 - strength("inversion")) * unit + strength("inversion") * (1 - unit))
    grey = np.tensordot([0.2989, 0.587, 0.114], unit, (0, 1)).mean((1, 2))[:, None, None, None]
    agrees("contrast", grey + (1 - strength("contrast")) * (unit - grey))


@pytest.mark.parametrize("severity", SEVERITIES)
def test_blur_against_scipy(severity: int) -> None:
    images = blotches(5)
    sigma = CORRUPTIONS["blur"].strengths[severity - 1]
    radius = int(np.ceil(3 * sigma))
    wanted = ndimage.gaussian_filter(images.astype(float), (0, 0, sigma, sigma), mode="mirror", radius=radius)
    np.testing.assert_allclose(corrupt(images, "blur", severity), wanted, atol=0.6)


def test_noise_has_the_deviation_it_says() -> None:
    images = np.full((50, 1, 28, 28), 128, dtype=np.uint8)
    for strength, severity in zip(CORRUPTIONS["noise"].strengths, SEVERITIES, strict=True):
        noise = (corrupt(images, "noise", severity).astype(float) - 128) / 255
        assert noise.std() == pytest.approx(strength, rel=0.05)
        assert abs(noise.mean()) < 0.01


def test_rotation_and_scale_against_scipy() -> None:
    """On a smooth picture, away from the borders, where ways of resampling differ little."""
    y, x = np.indices((41, 41)) - 20.0
    smooth = 120 + 100 * np.sin(x / 6) * np.cos(y / 9 + 0.4)
    images = np.repeat(smooth.round().astype(np.uint8)[None, None], 30, axis=0)
    inner = slice(12, 29)
    for severity in SEVERITIES:
        degrees = CORRUPTIONS["rotation"].strengths[severity - 1]
        turned = [ndimage.rotate(smooth, sign * degrees, reshape=False, order=1) for sign in (1, -1)]
        for worse in corrupt(images, "rotation", severity)[:, 0]:
            assert min(np.abs(worse - one)[inner, inner].max() for one in turned) < 4
        factor = CORRUPTIONS["scale"].strengths[severity - 1]
        scaled = [ndimage.affine_transform(smooth, np.eye(2) / f, offset=20 - 20 / f, order=1)
                  for f in (factor, 1 / factor)]
        for worse in corrupt(images, "scale", severity)[:, 0]:
            assert min(np.abs(worse - one)[inner, inner].max() for one in scaled) < 4


def test_shear_moves_rows_sideways() -> None:
    images = np.zeros((30, 1, 29, 29), dtype=np.uint8)
    images[:, :, :, 14] = 255  # an upright line
    for severity in SEVERITIES:
        slope = np.tan(np.radians(CORRUPTIONS["shear"].strengths[severity - 1]))
        worse = corrupt(images, "shear", severity)[:, 0].astype(float)
        columns = (worse * np.arange(29)).sum(2) / worse.sum(2)
        moved = (columns[:, 24] - columns[:, 4]) / 20
        np.testing.assert_allclose(np.abs(moved), slope, atol=0.02)
        assert (moved > 0).any() and (moved < 0).any()


def test_occlusion_is_one_grey_square_inside_the_picture() -> None:
    images = np.zeros((200, 1, 28, 28), dtype=np.uint8)
    for strength, severity in zip(CORRUPTIONS["occlusion"].strengths, SEVERITIES, strict=True):
        hidden = corrupt(images, "occlusion", severity)[:, 0] > 0
        side = round(28 * strength)
        assert (hidden.sum((1, 2)) == side**2).all()
        assert (hidden.any(1).sum(1) == side).all() and (hidden.any(2).sum(1) == side).all()
        assert hidden.any((0, 1)).all() and hidden.any((0, 2)).all(), "anywhere"
