"""What every method says of itself, and how strongly it sharpens."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import convolve

from napari_deconv import deconvolve
from napari_deconv.psf import Disk
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.strength import USUAL, turned

PLANAR = [name for name, kind in methods().items() if 2 in kind.ndim and name != "crcnet"]
PSF = Disk(radius_px=2.0)


@pytest.fixture(scope="module")
def blurred():
    rng = np.random.default_rng(0)
    boxes = np.kron(rng.random((6, 6)), np.ones((8, 8)))
    image = convolve(boxes, PSF(), mode="reflect") + rng.normal(0, 0.01, boxes.shape)
    return image.astype(np.float32)


def test_every_method_says_what_it_is_for_and_what_not():
    for kind in methods().values():
        for text in (kind.suits, kind.avoid):
            assert text.endswith("."), kind.name
            assert not set("[]`_") & set(text), f"{kind.name}: {text}"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", PLANAR)
def test_a_method_heeds_the_noise_if_it_says_so(name, blurred):
    kind = methods()[name]
    few = {"iterations": 3} if kind.dial == "iterations" else {}
    low, high = (deconvolve(blurred, PSF, name, noise=s, **few) for s in (0.005, 0.08))
    assert (np.abs(high - low).max() > 1e-4) == kind.heeds_noise


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["wiener", "tv", "hyper-laplacian", "richardson-lucy", "unrolled"])
def test_more_strength_sharpens_more(name, blurred):
    def detail(strength):
        change = turned(methods()[name], strength)
        method = Method.make(name, **change.fields)
        result = deconvolve(blurred, PSF, method, noise=0.01 * change.noise)
        return float(np.abs(np.diff(result)).mean())

    assert detail(0.0) < detail(0.51) < detail(0.8)


def test_the_usual_strength_changes_nothing():
    for kind in methods().values():
        change = turned(kind, USUAL)
        assert change.noise == 1 and (not change.fields or kind(**change.fields) == kind())
