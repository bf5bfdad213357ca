"""The noise estimate on blurred photos, stacks, clipped scenes and images too small for it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter, uniform_filter1d
from skimage import data

from napari_deconv.core.errors import DeconvError
from napari_deconv.signal.noise import estimate_noise

CAMERA = data.camera() / 255.0


def noisy(image, sigma, seed=0):
    return image + np.random.default_rng(seed).normal(0, sigma, np.shape(image))


@pytest.mark.parametrize("sigma", [0.001, 0.005, 0.01, 0.03, 0.05])
@pytest.mark.parametrize("blur", ["gaussian", "motion"])
def test_blurred_photo(sigma, blur):
    if blur == "gaussian":
        image = gaussian_filter(CAMERA, 1.5)
    else:
        image = uniform_filter1d(CAMERA, 9, axis=0)
    # The camera's own grain survives a motion blur, and is not an error of the estimate.
    bound = 0.05 if sigma >= 0.01 else 0.25 if blur == "gaussian" else 0.4
    assert estimate_noise(noisy(image, sigma)) == pytest.approx(sigma, rel=bound)


def test_scale_offset_and_dtype_do_not_matter():
    image = noisy(gaussian_filter(CAMERA, 2), 0.02)
    reference = estimate_noise(image)
    for scale, offset in [(1e-20, 0), (1e25, 0), (300, -5000)]:
        found = estimate_noise(image * scale + offset)
        assert found == pytest.approx(reference * scale, rel=1e-3)
    counts = np.clip(image * 20000 + 5000, 0, 65535)
    for dtype in (np.uint16, np.int32, np.float32):
        assert estimate_noise(counts.astype(dtype)) == pytest.approx(reference * 20000, rel=0.01)


def test_integers_have_at_least_their_rounding_error():
    smooth = np.round(gaussian_filter(CAMERA, 4) * 255).astype(np.uint8)
    assert estimate_noise(smooth) == pytest.approx(12**-0.5, rel=0.1)
    assert estimate_noise(np.full((64, 64), 7, np.uint16)) == pytest.approx(12**-0.5)
    assert estimate_noise(np.full((64, 64), 7.5)) == 0


def test_clipped_half_does_not_hide_the_noise():
    image = noisy(gaussian_filter(CAMERA, 2) * 1.7, 0.02)
    clipped = np.clip(image, 0.2, 0.9)
    assert np.mean((clipped == 0.9) | (clipped == 0.2)) > 0.5
    assert estimate_noise(clipped) == pytest.approx(0.02, rel=0.15)


def test_sparse_spots_on_a_background():
    spots = np.zeros((256, 256))
    spots[tuple(np.random.default_rng(1).integers(0, 256, (2, 150)))] = 1000
    assert estimate_noise(noisy(gaussian_filter(spots, 2) + 100, 3)) == pytest.approx(3, rel=0.05)


def test_stacks_and_colours():
    planes = np.stack([noisy(gaussian_filter(CAMERA, 2)[:128, :160], 0.01, i) for i in range(40)])
    assert estimate_noise(planes) == pytest.approx(0.01, rel=0.05)
    assert estimate_noise(planes.reshape(2, 5, 4, 128, 160)) == pytest.approx(0.01, rel=0.05)
    rgba = np.stack([*planes[:3], np.ones((128, 160))], axis=-1)
    assert estimate_noise(rgba) == estimate_noise(planes[:3])


@pytest.mark.parametrize("shape", [(20, 25), (3, 400), (400, 1), (1000,)])
def test_small_and_narrow_images_get_a_rough_answer(shape):
    found = [estimate_noise(noisy(np.zeros(shape), 2, seed)) for seed in range(20)]
    assert np.mean(found) == pytest.approx(2, rel=0.1)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32, np.float64, bool]),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=19),
        elements={"min_value": 0, "max_value": 100},
    )
)
def test_any_real_image_gives_a_finite_number_and_is_left_alone(image):
    before = image.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = estimate_noise(image)
    assert np.isfinite(found)
    assert found >= 0
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    "image", [np.full((9, 9), np.nan), np.zeros((0, 9)), np.zeros((9, 9), complex)]
)
def test_bad_input_is_said_in_words(image):
    with pytest.raises(DeconvError, match=r"[Ii]mage"):
        estimate_noise(image)
