"""The word of confidence, from the figures that it is given by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, minimum_filter

from napari_deconv.estimation.confidence import verdict
from napari_deconv.estimation.families import fits
from napari_deconv.estimation.plane import plane_of
from napari_deconv.estimation.result import Evidence
from napari_deconv.estimation.scale import scale_of
from napari_deconv.estimation.spectrum import spectrum_of

SHAKE = Evidence(
    "camera-shake", misfit=0.9, white=0.9, coded=False, blur=50.0, gap=20.0, second="disk",
    agreement=0.9, size=21, side=400, peak=0.1,
)  # fmt: skip
DISK = replace(SHAKE, family="disk", second="gaussian", shake=30.0, agreement=1.0)


def test_what_fits_alone_and_was_found_again_is_good() -> None:
    assert verdict(SHAKE).level == verdict(DISK).level == "good"
    assert verdict(SHAKE).evidence is SHAKE and "Camera shake fits best" in str(verdict(SHAKE))


def test_a_family_in_a_jpeg_is_good_though_what_jpeg_leaves_is_not_white() -> None:
    assert verdict(replace(DISK, white=0.4, coded=True)).level == "good"
    assert verdict(replace(DISK, white=0.4)).level == "fair"


@pytest.mark.parametrize(
    ("changed", "level", "word"),
    [
        ({"gap": 3.0}, "fair", "equally well"),
        ({"gap": -3.0}, "fair", "more like a disk"),
        ({"overruled": True, "gap": -20.0}, "poor", "neither may be right"),
        ({"overruled": True, "gap": -3.0}, "fair", "neither may be right"),
        ({"agreement": 0.6}, "fair", "different kernels"),
        ({"agreement": 0.4}, "poor", "different kernels"),
        ({"blur": 15.0}, "fair", "only a little more"),
        ({"blur": -3.0}, "poor", "more for none than"),
        ({"misfit": 4.0}, "poor", "is another"),
        ({"rim": 0.1}, "fair", "reaches the border"),
    ],
)
def test_doubts_about_a_shake(changed, level, word) -> None:
    sure = verdict(replace(SHAKE, **changed))
    assert sure.level == level and word in str(sure)


def test_the_gravest_reason_decides_and_comes_first() -> None:
    sure = verdict(replace(SHAKE, rim=0.1, overruled=True, gap=-20.0))
    assert sure.level == "poor" and "neither" in sure.words[0]


def test_a_family_is_in_doubt_beside_a_shake_that_fits_as_well() -> None:
    sure = verdict(replace(DISK, shake=2.0))
    assert sure.level == "fair" and "camera shake fits nearly" in str(sure)
    assert verdict(replace(DISK, shake=3.0, gap=2.0)).level == "poor"
    assert verdict(replace(DISK, shake=2.0, gap=2.0, second="camera-shake")).level == "fair"


def test_a_family_that_is_as_large_as_it_may_be_says_so() -> None:
    noise = np.random.default_rng(0).normal(size=(128, 128))
    image = gaussian_filter(noise, 5.0)
    *_, fit = fits(spectrum_of(image / image.std(), 0.01), "gaussian", 12.0)
    assert fit is not None and fit.full


def test_the_response_of_a_kernel_is_that_of_the_whole_transform() -> None:
    rng = np.random.default_rng(1)
    spectrum = spectrum_of(rng.normal(size=(64, 64)), 0.1)
    kernel = rng.random((5, 7))
    placed = np.zeros((64, 64))
    placed[:5, :7] = kernel
    power = np.abs(np.fft.fft2(placed)) ** 2
    for axis in (0, 1):
        power = (4 * power + np.roll(power, 1, axis) + np.roll(power, -1, axis)) / 6
    assert np.allclose(spectrum.response(kernel), power[:, :33][spectrum.used])


def test_pixels_count_where_a_whole_kernel_lies_on_good_ones() -> None:
    image = np.random.default_rng(2).random((64, 64)).astype(np.float32)
    plane = plane_of(image, None, None, 0.01)
    good = plane.good.copy()
    good[30, 20] = False
    scale = scale_of(replace(plane, good=good), 7, 1.0, None)
    seen = scale.valid[0].numpy() > 0
    both = seen & np.roll(seen, -1, 0) & np.roll(seen, -1, 1)
    assert np.array_equal(scale.inner[0].numpy() > 0, minimum_filter(both, 7, mode="nearest"))
