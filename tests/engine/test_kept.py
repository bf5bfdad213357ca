"""How much of a result is taken, and whether it stays float."""

from __future__ import annotations

import numpy as np
import pytest

from napari_deconv import deconvolve, stream
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.progress import drain
from napari_deconv.core.record import RunRecord
from napari_deconv.engine.regions import RegionPSF
from napari_deconv.psf import Disk, Gaussian

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 31), dtype=np.uint8)
PSF = Disk(radius_px=1.5)()
WAYS = {
    "a plane": (IMAGE, PSF, {}),
    "channels": (np.stack([IMAGE, IMAGE[::-1]]), [PSF, PSF], {"axes": "CYX"}),
    "regions": (IMAGE, RegionPSF((2, 2), (PSF,) * 4), {}),
    "linear light": (np.stack([IMAGE] * 3, -1), PSF, {"axes": "YXS", "linear": True}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_result_kept_as_float_is_what_would_have_been_rounded(way):
    image, psf, options = WAYS[way]
    with pytest.warns(UserWarning, match="clipped"):
        rounded = deconvolve(image, psf, "wiener", nsr=1e-3, **options)
    kept = deconvolve(image, psf, "wiener", nsr=1e-3, keep_float=True, **options)
    assert kept.dtype == np.float32 and rounded.dtype == np.uint8
    assert kept.min() < 0 and kept.max() > 255
    np.testing.assert_array_equal(np.rint(kept).clip(0, 255).astype(np.uint8), rounded)


def test_a_share_lies_between_image_and_result_and_off_is_the_image():
    full, half, off = (
        deconvolve(IMAGE, Gaussian(sigma_px=1), "tikhonov", strength=s).astype(float)
        for s in (1, 0.5, 0)
    )
    np.testing.assert_array_equal(off, IMAGE)
    np.testing.assert_allclose(half, (IMAGE + full) / 2, atol=1)
    with pytest.raises(DeconvError, match="strength = 2 is not a share"):
        deconvolve(IMAGE, PSF, "wiener", strength=2)


def test_the_record_says_both_and_makes_the_result_again():
    result = drain(stream("wiener", IMAGE, PSF, strength=0.25, keep_float=True))
    record = RunRecord.from_dict(result.record.to_dict())
    assert record.strength == 0.25 and record.keep_float
    assert "keep_float=True, strength=0.25" in record.as_python()
    assert "--keep-float --strength 0.25" in record.as_command()
    plain = drain(stream("wiener", IMAGE, PSF)).record.to_dict()
    assert not {"strength", "keep_float"} & set(plain)
