from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from napari_deconv import metrics
from napari_deconv.core.errors import DeconvError

# Every eighth ring by the package `frc` 0.1.1; see benchmarks/frc_reference.py.
THEIRS = [1.0, 0.9976, 0.9901, 0.9363, 0.8629, 0.4551, 0.1178, 0.1256, 0.0814, 0.1296, 0.018]
THEIRS += [-0.0369, -0.013, -0.0336, 0.0063, 0.0798]


@pytest.fixture(scope="module")
def camera():
    sharp = gaussian_filter(data.camera()[:256, 128:384] / 255.0, 1.5)
    rng = np.random.default_rng(0)
    return [sharp + rng.normal(0, 0.05, sharp.shape) for _ in range(2)]


def test_two_images_equal_the_published_package(camera):
    curve = metrics.frc(*camera)
    assert len(curve.correlation) == 128
    np.testing.assert_allclose(curve.correlation[::8], THEIRS, atol=1e-4)


def test_halves_equal_the_definition_of_koho(camera):
    """Rings counted one by one on the full, shifted spectra of both checkerboard pairs."""
    windowed = camera[0] * np.outer(np.hamming(256), np.hamming(256))
    pairs = [
        (windowed[1::2, 1::2], windowed[::2, ::2]),
        (windowed[1::2, ::2], windowed[::2, 1::2]),
    ]
    y, x = np.mgrid[-64:64, -64:64]
    radius, expected = np.hypot(y, x), np.zeros(64)
    for a, b in pairs:
        f, g = (np.fft.fftshift(np.fft.fft2(half)) for half in (a, b))
        for k in range(64):
            at = (radius >= k) & (radius < k + 1)
            scale = np.sqrt(np.sum(np.abs(f[at]) ** 2) * np.sum(np.abs(g[at]) ** 2))
            expected[k] += 0.5 * np.real(np.sum(f[at] * np.conj(g[at]))) / scale
    np.testing.assert_allclose(metrics.frc(camera[0]).correlation, expected, atol=1e-9)


def test_resolution_is_worse_for_a_blurrier_image():
    rng = np.random.default_rng(1)
    scene = rng.normal(size=(200, 240))

    def found(sigma, once):
        sharp = gaussian_filter(scene, sigma)
        sharp /= sharp.std()
        shots = [sharp + rng.normal(0, 0.3, sharp.shape) for _ in range(2)]
        return metrics.frc_resolution(metrics.frc(*shots[: 1 if once else 2]))

    for once in (False, True):
        near, far = found(1.5, once), found(3, once)
        assert 2 < near < 0.7 * far
    # 1/7 = power / (power + noise) of one shot, with power 4 pi sigma^2 exp(-(2 pi f sigma)^2).
    cut = math.sqrt(math.log(4 * math.pi * 9 / (0.3**2 / 6))) / (2 * math.pi * 3)
    assert found(3, False) == pytest.approx(1 / cut, rel=0.05)


def test_white_noise_resolves_nothing_and_a_noiseless_scene_is_limited_by_its_pixels():
    noise = np.random.default_rng(0).normal(size=(2, 64, 64))
    assert math.isnan(metrics.frc_resolution(metrics.frc(noise[0], noise[0])))
    correlation = metrics.frc(*noise).correlation
    assert abs(correlation[8:].mean()) < 0.1


@pytest.mark.parametrize("shape", [(5, 40), (30,), (3, 12, 12)])
def test_too_few_pixels_are_refused_in_words(shape):
    with pytest.raises(DeconvError, match="Give at least 16 x 16"):
        metrics.frc(np.ones(shape))


def test_noise_gain_is_the_factor_of_the_noise():
    rng = np.random.default_rng(0)
    image = np.zeros((128, 128))
    image[:64] = 10 * rng.random((64, 128))  # texture, which is not looked at
    noise = rng.normal(size=image.shape)
    gain = metrics.noise_gain(image + 3 * noise, image + noise)
    assert gain == pytest.approx(3, rel=0.02)
    assert math.isnan(metrics.noise_gain(image * 0, image * 0))


def test_out_of_range_counts_what_the_method_did():
    image = np.array([[0, 5, 255, 7]], np.uint8)
    assert metrics.out_of_range(np.array([[0, 255, 255, 0]], np.uint8), image) == 0.5
    assert metrics.out_of_range(np.array([[-1.0, 2.0]]), np.array([[1.0, -1.0]])) == 0.5
