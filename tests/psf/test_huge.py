"""PSFs of values whose sum is infinite."""

from __future__ import annotations

import warnings

import numpy as np

import napari_deconv as nd
from napari_deconv.psf import Gaussian


def test_huge_values_are_a_psf_like_any_other() -> None:
    psf = Gaussian(sigma_px=1.2)().astype(np.float64)
    image = np.random.default_rng(1).random((24, 26))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = nd.deconvolve(image, psf * 1e307, "wiener")
    np.testing.assert_allclose(result, nd.deconvolve(image, psf, "wiener"), rtol=1e-4)
