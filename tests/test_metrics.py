"""Metrics against scikit-image, and against what they must say of known residuals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import convolve
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_deconv import metrics
from napari_deconv.core.errors import DeconvError

RNG = np.random.default_rng(0)
GRAY = data.camera()[100:200, 100:221] / 255.0
COLOUR = data.astronaut()[50:130, 50:121]
VOLUME = np.cumsum(RNG.normal(size=(14, 20, 25)), axis=2)


def noisy(truth, sigma):
    return truth + RNG.normal(0, sigma, truth.shape)


@pytest.mark.parametrize(
    ("truth", "sigma", "given", "channel_axis"),
    [
        (GRAY, 0.1, 1.0, None),
        (GRAY.astype(np.float32), 0.1, 1.0, None),
        (GRAY + 1e3, 0.1, 1.0, None),  # far from zero
        (GRAY * 100, 10, 1.0, None),  # far out of the range
        (VOLUME, 3, 12.0, None),
        (COLOUR, 20, None, -1),
        (np.moveaxis(COLOUR, -1, 0), 20, None, 0),
        (COLOUR.astype(np.uint16) * 250, 3000, None, 2),
    ],
)
def test_psnr_and_ssim_equal_scikit_image(truth, sigma, given, channel_axis):
    estimate = noisy(truth, sigma)
    peak = given or np.iinfo(truth.dtype).max
    reference = structural_similarity(
        truth.astype(float),
        estimate,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=peak,
        channel_axis=channel_axis,
    )
    found = metrics.ssim(estimate, truth, given, channel_axis=channel_axis)
    assert found == pytest.approx(reference, abs=1e-6)
    assert 0.1 < found < 0.95
    expected = peak_signal_noise_ratio(truth.astype(float), estimate, data_range=peak)
    assert metrics.psnr(estimate, truth, given) == pytest.approx(expected, abs=1e-4)


def test_default_range_of_floats_is_that_of_the_truth():
    estimate = noisy(3 * GRAY, 0.1)
    span = float(np.ptp(3 * GRAY))
    assert metrics.psnr(estimate, 3 * GRAY) == metrics.psnr(estimate, 3 * GRAY, span)
    assert metrics.ssim(estimate, 3 * GRAY) == metrics.ssim(estimate, 3 * GRAY, span)
    assert metrics.psnr(GRAY, GRAY) == float("inf")
    assert metrics.ssim(GRAY, GRAY) == pytest.approx(1)


def test_unsigned_differences_do_not_wrap():
    a, b = np.full((12, 12), 1, np.uint8), np.full((12, 12), 2, np.uint8)
    assert metrics.psnr(a, b) == pytest.approx(20 * np.log10(255))


def test_score_clips_and_cuts_the_border():
    estimate = noisy(GRAY, 0.2)
    spoiled = np.pad(estimate, ((4, 4), (7, 7)), constant_values=9)
    truth = np.pad(GRAY, ((4, 4), (7, 7)))
    found = metrics.score(spoiled, truth, (4, 7))
    clipped = np.clip(estimate, 0, 1)
    assert found == (metrics.psnr(clipped, GRAY, 1.0), metrics.ssim(clipped, GRAY, 1.0))
    assert found.psnr_db > metrics.psnr(estimate, GRAY, 1.0)


@pytest.mark.parametrize("size", [(5, 3), (4, 6), (1, 7), (8, 8)])
def test_residual_is_zero_for_the_true_image(size):
    psf = RNG.random(size)
    psf /= psf.sum()
    # A zero after an even kernel leaves its centre at size // 2 and makes SciPy agree on it.
    blurred = convolve(GRAY, np.pad(psf, [(0, 1 - n % 2) for n in size]), mode="reflect")
    full = np.abs(blurred - GRAY).max()
    left = metrics.residual(GRAY, blurred, psf)
    assert left.shape == tuple(n - k + 1 for n, k in zip(GRAY.shape, size, strict=True))
    assert np.abs(left).max() < 1e-12 < full
    assert metrics.reblur_error(GRAY, blurred + 0.25, psf) == pytest.approx(0.25)


def test_residual_loops_over_stacks_and_channels():
    psf = RNG.random((3, 5)).astype(np.float32)
    planes = [metrics.residual(COLOUR[..., c], COLOUR[..., 0], psf) for c in range(3)]
    first = np.repeat(COLOUR[..., :1], 3, axis=2)
    last = metrics.residual(COLOUR, first, psf, channel_axis=-1)
    np.testing.assert_allclose(last, np.stack(planes, -1), rtol=1e-4, atol=1e-2)
    leading = metrics.residual(np.moveaxis(COLOUR, -1, 0), np.moveaxis(first, -1, 0), psf)
    np.testing.assert_allclose(leading, np.stack(planes), rtol=1e-4, atol=1e-2)


def test_whiteness_tells_noise_from_structure():
    white = RNG.normal(3, 2, (96, 80))
    assert metrics.whiteness(white) > 0.97
    assert metrics.whiteness(RNG.normal(size=(10, 24, 30))) > 0.93
    coloured = convolve(white, np.ones((1, 2)) / 2)
    # Neighbours correlate by 1/2 on either side: 1 / (1 + 2 / 4).
    assert metrics.whiteness(coloured) == pytest.approx(1 / 1.5, abs=0.03)
    assert metrics.whiteness(GRAY) < 0.1
    assert metrics.whiteness(np.stack([white, white]), channel_axis=0) == pytest.approx(
        metrics.whiteness(white)
    )
    assert np.isnan(metrics.whiteness(np.zeros((8, 8))))


def test_flux_ratio():
    assert metrics.flux_ratio(COLOUR.astype(float) * 1.5, COLOUR) == pytest.approx(1.5)


BROKEN = np.where(np.arange(121) == 7, np.nan, GRAY)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.psnr(GRAY, GRAY[1:]),
        lambda: metrics.psnr(BROKEN, GRAY),
        lambda: metrics.psnr(GRAY, BROKEN),
        lambda: metrics.psnr(GRAY * 1j, GRAY),
        lambda: metrics.psnr(GRAY, GRAY, 0),
        lambda: metrics.psnr(GRAY, np.ones_like(GRAY)),
        lambda: metrics.psnr(np.zeros((0, 3)), np.zeros((0, 3))),
        lambda: metrics.ssim(COLOUR, COLOUR),
        lambda: metrics.ssim(COLOUR, COLOUR, channel_axis=3),
        lambda: metrics.score(GRAY, GRAY, 60),
        lambda: metrics.score(GRAY, GRAY, (1, 2, 3)),
        lambda: metrics.residual(GRAY, GRAY, np.ones((101, 3))),
        lambda: metrics.residual(GRAY, GRAY, np.ones((1, 3, 3))),
        lambda: metrics.reblur_error(GRAY, BROKEN, np.ones((3, 3))),
        lambda: metrics.whiteness(BROKEN),
        lambda: metrics.flux_ratio(GRAY, np.zeros_like(GRAY)),
    ],
)
def test_bad_input_is_said_in_words(call):
    with pytest.raises(DeconvError, match=r"\w+ .*\."):
        call()
