"""Generated scenes: reproducible, in range, and with the statistics of photos."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation.dead_leaves import DeadLeaves
from napari_deconv.degradation.scenery import Scenery


@pytest.fixture(scope="module")
def scenes() -> np.ndarray:
    rng = np.random.default_rng(4)
    return np.stack([DeadLeaves().draw((96, 96), rng, colours=True) for _ in range(16)])


def test_scenes_are_a_pure_function_of_the_generator_and_gray_is_of_the_colours() -> None:
    spec = Scenery.make("dead-leaves", finest_px=2.0)
    colours, gray = (
        spec.draw((40, 57), np.random.default_rng(3), colours=wanted) for wanted in (True, False)
    )
    assert_array_equal(gray, spec.draw((40, 57), np.random.default_rng(3)))
    assert colours.shape == (3, 40, 57) and gray.shape == (40, 57) and gray.dtype == np.float32
    assert_allclose(gray, np.tensordot([0.299, 0.587, 0.114], colours, 1), atol=1e-6)


def test_scenes_are_bright_dark_and_coloured(scenes: np.ndarray) -> None:
    assert scenes.min() >= 0 and scenes.max() <= 1 and np.isfinite(scenes).all()
    assert scenes.std((1, 2, 3)).min() > 0.01
    assert 0.2 < scenes.mean() < 0.6
    apart = (scenes - scenes.mean(1, keepdims=True)).std((1, 2, 3))
    assert np.median(apart) > 0.01 and np.median(apart) < np.median(scenes.std((1, 2, 3)))


def test_spectra_fall_as_those_of_photos_and_gradients_are_mostly_small(
    scenes: np.ndarray,
) -> None:
    planes = scenes.mean(1)
    window = np.hanning(96)[:, None] * np.hanning(96)
    flat = (planes - planes.mean((1, 2), keepdims=True)) * window
    power = np.abs(np.fft.fft2(flat)) ** 2
    power = (power / power.sum((1, 2), keepdims=True)).mean(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(96), np.fft.fftfreq(96)))
    edges = 0.04 * 1.4 ** np.arange(8)
    bands = [power[(frequency >= f) & (frequency < 1.4 * f)].mean() for f in edges]
    slope = np.polyfit(np.log(edges), np.log(bands), 1)[0]
    assert -2.8 < slope < -1.6  # photos: -2 to -2.4
    steps = np.diff(planes, axis=2)
    kurtosis = ((steps - steps.mean()) ** 4).mean((1, 2)) / steps.var((1, 2)) ** 2
    assert np.median(kurtosis) > 6  # of a Gaussian: 3


def test_swapped_sizes_are_named() -> None:
    with pytest.raises(DeconvError, match=r"coarsest_px is less than eight times"):
        DeadLeaves(finest_px=4.0, coarsest_px=20.0)
