"""`napari_deconv.deconvolve`: what it takes and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_deconv import DeconvError, deconvolve, methods
from napari_deconv.psf import Disk

IMAGE = np.random.default_rng(0).random((16, 18)).astype(np.float32)
PSF = Disk(radius_px=2)


def test_fields_change_a_configured_method() -> None:
    configured = methods()["richardson-lucy"](accelerate=True)
    named = deconvolve(IMAGE, PSF, "richardson-lucy", accelerate=True, iterations=2)
    np.testing.assert_array_equal(deconvolve(IMAGE, PSF, configured, iterations=2), named)


@pytest.mark.parametrize(
    ("psf", "method", "fields", "words"),
    [
        (PSF, "wiener filter", {}, "Did you mean 'wiener'"),
        (PSF, methods()["wiener"], {}, "is not a method"),
        (PSF, None, {}, "method = None is not a method"),
        (PSF, "wiener", {"name": "x"}, "no field of Wiener 'name'"),
        (PSF, methods()["wiener"](), {"iterations": 3}, "no field of Wiener 'iterations'"),
        ([[1, 2], [3]], "wiener", {}, "The PSF is not an array"),
        (Disk, "wiener", {}, "such as Disk"),
    ],
)
def test_bad_input_is_named(psf: Any, method: Any, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(DeconvError, match=words):
        deconvolve(IMAGE, psf, method, **fields)


def test_the_alpha_of_a_colour_image_changes_nothing() -> None:
    rgba = np.random.default_rng(1).random((24, 26, 4)).astype(np.float32)
    rgba[..., 3] = 50
    plain = np.ascontiguousarray(rgba[..., :3])
    together = deconvolve(rgba, PSF, "wiener", noise=0.01)
    np.testing.assert_allclose(together[..., :3], deconvolve(plain, PSF, "wiener", noise=0.01))
    assert (together[..., 3] == 50).all()
