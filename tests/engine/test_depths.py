"""PSFs over z: against the plain run where they are equal, and better than either where not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import fftconvolve

from napari_deconv import DeconvError, deconvolve, psf

SHALLOW = psf.Gaussian(sigma_px=(1.0, 1.0, 1.0))((9, 9, 9))
DEEP = psf.Gaussian(sigma_px=(1.5, 2.4, 2.4))((11, 17, 17))


def series() -> np.ndarray:
    return np.random.default_rng(0).poisson(40, (2, 20, 24, 25)).astype(np.uint16)  # TZYX


@pytest.mark.parametrize("method", ["richardson-lucy", "wiener"])
def test_equal_psfs_give_the_plain_result_to_the_bit(method: str) -> None:
    fields = {"iterations": 4} if method == "richardson-lucy" else {}
    plain = deconvolve(series(), DEEP, method, axes="TZYX", **fields)
    several = psf.DepthPSF((2, 9, 15), (DEEP, DEEP.copy(), DEEP))
    found = deconvolve(series(), several, method, axes="TZYX", **fields)
    np.testing.assert_array_equal(found, plain)
    by_channel = deconvolve(series(), {0: several, 1: several}, method, axes="CZYX", **fields)
    assert by_channel.dtype == np.uint16
    if fields:  # no noise is estimated
        np.testing.assert_array_equal(by_channel, plain)


def test_nearly_equal_psfs_leave_no_seam() -> None:
    """Slabs are restored one by one here: what they lack beyond their halo must not show."""
    image = series()[0].astype(np.float32)
    nearly = DEEP * np.float32(1 + 1e-3)  # another array, and the same unit-sum PSF
    assert (nearly != DEEP).any()
    plain = deconvolve(image, DEEP, iterations=4)
    found = deconvolve(image, psf.DepthPSF((4, 15), (DEEP, nearly)), iterations=4)
    assert np.abs(found - plain).max() < 1e-3 * np.ptp(plain)


def test_a_stack_of_two_psfs_is_restored_better_than_with_either() -> None:
    rng = np.random.default_rng(1)
    truth = np.zeros((32, 48, 48), np.float32)
    truth[tuple(rng.integers((0, 4, 4), (32, 44, 44), (150, 3)).T)] = 400
    truth = fftconvolve(truth, psf.Gaussian(sigma_px=(0.7,) * 3)((7, 7, 7)), "same").clip(0) + 1
    share = np.interp(np.arange(32), (4, 27), (1, 0))[:, None, None]
    light = [fftconvolve(part, k, "same") for part, k in
             ((truth * share, SHALLOW), (truth * (1 - share), DEEP))]  # fmt: skip
    image = rng.poisson(sum(light).clip(0)).astype(np.float32)

    def error(kernel: object) -> float:
        found = deconvolve(image, kernel, axes="ZYX", iterations=20)
        return float(np.mean((found - truth) ** 2))

    both = error(psf.DepthPSF((4, 27), (SHALLOW, DEEP)))
    assert both < 0.95 * min(error(SHALLOW), error(DEEP))


def test_a_microscope_goes_deeper_as_the_stage_does() -> None:
    oil = psf.WideField(
        numerical_aperture=1.3, refractive_index_immersion=1.515, depth_um=2, model="scalar"
    )
    voxel = (0.5, 0.2, 0.2)
    found = psf.through(oil, 21, voxel, 3, (9, 11, 11))
    assert found.planes == (0, 10, 20)
    depths = [2 + z * 0.5 * 1.333 / 1.515 for z in found.planes]
    np.testing.assert_array_equal(found.psfs, psf.at_depths(oil, depths, (9, 11, 11), voxel))
    rows = [share[0] for _, share in found.shares((21, 9, 11))]
    np.testing.assert_allclose(np.sum(rows, axis=0), 1)
    assert psf.through(oil, 21, voxel, 1, (5, 9, 9)).planes == (10,)


@pytest.mark.parametrize(
    ("planes", "psfs", "words"),
    [
        ((1,), (DEEP, DEEP), "2 PSFs for 1 plane"),
        ((3, 1), (DEEP, DEEP), "do not rise"),
        ((1, 2), (DEEP, DEEP[3]), "not 3-D"),
        ((), (), "at least one"),
    ],
)
def test_what_does_not_go_together_is_named(planes: tuple, psfs: tuple, words: str) -> None:
    with pytest.raises(DeconvError, match=words):
        psf.DepthPSF(planes, psfs)
