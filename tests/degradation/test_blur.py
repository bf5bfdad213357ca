"""Blur over shapes, parities, dtypes and axes; and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from scipy import ndimage, signal

from napari_deconv import DeconvError, degrade
from napari_deconv.psf.disk import Disk

MODES = {"reflect": "mirror", "replicate": "nearest", "periodic": "wrap", "zero": "constant"}
DTYPES = [np.uint8, np.int16, np.uint16, np.int64, np.uint64, np.float16, np.float32, np.float64]


def uniform(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)


@st.composite
def image_and_psf(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    ndim = draw(st.sampled_from([2, 3]))
    size = st.integers(1, 17)
    image = uniform(tuple(draw(size) for _ in range(ndim)), 1)
    psf = uniform(tuple(draw(st.integers(1, 9)) for _ in range(ndim)), 2) + 0.01
    return image, psf


@given(pair=image_and_psf(), boundary=st.sampled_from(list(MODES)))
def test_agrees_with_scipy(pair: tuple[np.ndarray, np.ndarray], boundary: Any) -> None:
    image, psf = pair
    degraded, truth = degrade(image, psf, boundary=boundary)
    oracle = ndimage.convolve(image, psf / psf.sum(), mode=MODES[boundary])
    np.testing.assert_allclose(degraded, oracle, atol=1e-12)
    np.testing.assert_array_equal(truth, image)


@given(pair=image_and_psf())
def test_valid_agrees_with_scipy(pair: tuple[np.ndarray, np.ndarray]) -> None:
    image, psf = pair
    if any(k > n for k, n in zip(psf.shape, image.shape, strict=True)):
        with pytest.raises(DeconvError, match="larger than the image"):
            degrade(image, psf, boundary="valid")
        return
    degraded, truth = degrade(image, psf, boundary="valid")
    oracle = signal.convolve(image, psf / psf.sum(), mode="valid", method="direct")
    np.testing.assert_allclose(degraded, oracle, atol=1e-12)
    # The truth is what the same crop of an unblurred image would be.
    delta = np.zeros_like(psf)
    delta[tuple(n // 2 for n in psf.shape)] = 1
    np.testing.assert_array_equal(truth, degrade(image, delta, boundary="valid")[0])


@given(
    shape=array_shapes(min_dims=2, max_dims=4, max_side=7),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    dtype=st.sampled_from(DTYPES),
    boundary=st.sampled_from(list(MODES)),
)
def test_a_delta_is_the_identity(
    shape: tuple[int, ...], size: tuple[int, int], dtype: type, boundary: Any
) -> None:
    # 64-bit integers beyond 2**53 are no float64 numbers.
    image = (uniform(shape) * 1000).astype(dtype)
    psf = np.zeros(size)
    psf[size[0] // 2, size[1] // 2] = 3.0
    degraded, truth = degrade(image, psf, boundary=boundary)
    np.testing.assert_array_equal(degraded, image)
    np.testing.assert_array_equal(truth, image)
    assert degraded.dtype == truth.dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_integers_stop_at_their_maximum(dtype: type) -> None:
    high = np.iinfo(dtype).max
    image = np.array([[0, high // 4], [high // 4 * 3, high]], dtype)
    degraded, truth = degrade(image, None, gain=2.0)
    np.testing.assert_allclose(degraded, [[0, high / 2], [high, high]], rtol=0.02)
    np.testing.assert_array_equal(degraded, truth)


@given(size=st.tuples(st.integers(1, 8), st.integers(1, 8)), data=st.data())
def test_an_off_centre_psf_shifts_by_its_offset(size: tuple[int, int], data: st.DataObject) -> None:
    image = uniform((11, 14))
    where = tuple(data.draw(st.integers(0, n - 1)) for n in size)
    psf = np.zeros(size)
    psf[where] = 1
    offset = [w - n // 2 for w, n in zip(where, size, strict=True)]
    degraded, _ = degrade(image, psf, boundary="periodic")
    np.testing.assert_array_equal(degraded, np.roll(image, offset, axis=(0, 1)))


def test_a_constant_stays_constant() -> None:
    image = np.full((30, 31), 0.1)
    degraded, _ = degrade(image, Disk(radius_px=6))
    np.testing.assert_array_equal(degraded, image)


def test_colour_stack_and_alpha() -> None:
    image = (uniform((20, 24, 4)) * 255).astype(np.uint8)
    psf = uniform((4, 5))
    degraded, truth = degrade(image, psf, boundary="valid", noise=3)
    assert degraded.shape == truth.shape == (17, 20, 4)
    np.testing.assert_array_equal(degraded[..., 3], image[1:18, 2:22, 3])
    np.testing.assert_array_equal(truth, image[1:18, 2:22])
    clean, _ = degrade(image, psf, boundary="valid")
    np.testing.assert_array_equal(clean[..., 1], degrade(image[..., 1], psf, boundary="valid")[0])


def test_planes_are_blurred_one_by_one_and_axes_keep_their_order() -> None:
    stack, psf = uniform((3, 12, 13)), uniform((3, 3))
    planes, _ = degrade(stack, psf)
    np.testing.assert_allclose(planes[1], degrade(stack[1], psf)[0], atol=0)
    moved, _ = degrade(np.moveaxis(stack, 0, -1), psf, axes="YXC")
    np.testing.assert_array_equal(moved, np.moveaxis(planes, 0, -1))


def test_a_two_dimensional_psf_spec_is_rendered() -> None:
    spec, image = Disk(radius_px=2.5), uniform((16, 17))
    np.testing.assert_array_equal(degrade(image, spec)[0], degrade(image, spec())[0])


@pytest.mark.parametrize(
    ("image", "psf", "settings", "message"),
    [
        (np.array([[0.0, np.nan]]), None, {}, "1 value that is NaN or Inf"),
        (np.zeros((0, 4)), None, {}, "empty"),
        (np.zeros((4, 4), bool), None, {}, "dtype bool"),
        (np.zeros((4, 4), complex), None, {}, "dtype complex128"),
        (np.array([["a"]]), None, {}, "dtype <U1"),
        (np.zeros(4), None, {}, r"shape \(4,\)"),
        (np.ones((4, 4)), np.zeros((3, 3)), {}, "sums to zero"),
        (np.ones((4, 4)), [[1, 2], [3]], {}, "The PSF is not an array"),
        (np.ones((4, 4)), None, {"axes": ("Y", "X")}, "is not text"),
        (np.ones((4, 4)), np.array([[1.0, -0.1]]), {}, "negative"),
        (np.ones((4, 4)), np.array([[1.0, np.inf]]), {}, "NaN or Inf"),
        (np.ones((4, 4)), np.ones(3), {}, r"PSF has shape \(3,\)"),
        (np.ones((4, 4)), np.ones((3, 3), bool), {}, "PSF has dtype bool"),
        (np.ones((4, 4)), np.ones((3, 3, 3)), {}, "PSF is 3-D"),
        (np.ones((4, 4)), np.ones((3, 5)), {"boundary": "valid"}, "larger than the image"),
        (np.ones((4, 4)), None, {"boundary": "mirror"}, "'mirror' is not a choice"),
        (np.ones((4, 4)), None, {"order": "never"}, "'never' is not a choice"),
        (np.ones((4, 4)), None, {"gain": 0}, "gain = 0.0 is out of bounds"),
        (np.ones((4, 4)), None, {"noise": -1}, "noise = -1.0 is out of bounds"),
        (np.ones((4, 4)), None, {"noise": np.nan}, "noise = nan"),
        (np.ones((4, 4)), None, {"photons": 0}, "photons = 0 is out of bounds"),
        (np.ones((4, 4)), None, {"photons": np.ones(2)}, "photons = "),
        (np.ones((4, 4)), None, {"saturation": -1}, "saturation = -1.0"),
        (np.ones((4, 4)), None, {"bits": 2.5}, "bits = 2.5 is not of type int"),
        (np.ones((4, 4)), None, {"jpeg_quality": 101}, "jpeg_quality = 101"),
        (np.ones((4, 4)), None, {"seed": -1}, "seed = -1"),
        (np.ones((4, 4)) * 255, None, {"jpeg_quality": 90}, "the image reaches 255"),
        (np.ones((4, 4)) * 255, None, {"bits": 8, "saturation": 200}, "the image reaches 255"),
        (np.ones((4, 4)) * 1e15, None, {"photons": 1e6}, "photons in a pixel"),
        (np.ones((4, 4), np.float16) * 6e4, None, {"gain": 2}, "too large for float16"),
    ],
)
def test_bad_input(image: Any, psf: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DeconvError, match=message):
        degrade(image, psf, **settings)
