"""Pixels that nobody observed do not enter, whatever they hold and however they are marked."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

import napari_deconv as nd
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.progress import drain
from napari_deconv.deconvolution import restore
from napari_deconv.engine.unseen import filled
from napari_deconv.restoration.base import Method
from napari_deconv.signal.noise import estimate_noise

pytestmark = pytest.mark.filterwarnings("ignore:.*taken as unseen")
PSF = np.outer(*[np.exp(-((np.arange(9) - 4.0) ** 2) / 5)] * 2)
RNG = np.random.default_rng(0)
SCENE = gaussian_filter(RNG.random((72, 80)), 1.2) * 4 + 1
SEEN = np.asarray(nd.degrade(SCENE, PSF, noise=0.01, seed=0)[0], np.float32)
HOLE = np.zeros(SEEN.shape, bool)
HOLE[30:36, 40:47] = True
HOLE[[5, 50, 61], [9, 70, 20]] = True
RIM = binary_dilation(HOLE, iterations=6) & ~HOLE
QUICK = {"richardson-lucy": {"iterations": 8}, "richardson-lucy-saturated": {"iterations": 8}}
QUICK |= {"em-outliers": {"rounds": 3, "iterations": 5}, "tv": {"iterations": 15}}


def rms(image: Any) -> float:
    return float(np.sqrt(np.mean((np.asarray(image)[RIM] - SCENE[RIM]) ** 2)))


@pytest.mark.parametrize(
    "name",
    ["wiener", "tikhonov", "tv", "hyper-laplacian", "sparse", "em-outliers", "ird",
     "richardson-lucy", "richardson-lucy-saturated", "unrolled", "plug-and-play"],
)  # fmt: skip
def test_what_the_mask_hides_does_not_matter(name: str) -> None:
    fields = QUICK.get(name, {})
    black, white = np.where(HOLE, 0, SEEN), np.where(HOLE, 1e4, SEEN)
    one, other = (
        nd.deconvolve(np.ma.array(i, mask=HOLE), PSF, name, **fields) for i in (black, white)
    )
    np.testing.assert_array_equal(one.data, other.data)
    np.testing.assert_array_equal(one.mask, HOLE)
    # What 6 x 7 hidden pixels would have said is lost, and not more.
    assert rms(one.data) < 1.3 * rms(nd.deconvolve(SEEN, PSF, name, **fields))


def marked() -> dict[str, tuple[Any, dict[str, Any]]]:
    broken = np.where(HOLE, np.float32(np.nan), SEEN)
    wrong = np.where(HOLE, np.float32(70), SEEN)
    lazy = da.from_array(wrong, chunks=(30, 40))
    return {
        "numpy mask": (np.ma.array(wrong, mask=HOLE), {}),
        "dask mask": (da.ma.masked_array(lazy, mask=da.from_array(HOLE, chunks=(30, 40))), {}),
        "mask": (wrong, {"unseen": HOLE}),
        "lazy image and mask": (lazy, {"unseen": da.from_array(HOLE, chunks=40)}),
        "zarr-like integers": (wrong, {"unseen": HOLE.astype(np.uint8)}),
        "NaN": (broken, {"nan": "fill"}),
        "lazy NaN": (da.from_array(broken, chunks=(30, 40)), {"nan": "fill"}),
        "infinite": (np.where(HOLE, np.float32(-np.inf), SEEN), {"nan": "fill"}),
    }


@pytest.mark.parametrize("how", marked())
def test_every_mark_means_the_same(how: str) -> None:
    image, options = marked()[how]
    wanted = nd.deconvolve(np.where(HOLE, 0, SEEN), PSF, "wiener", unseen=HOLE, noise=0.01)
    result = np.ma.getdata(nd.deconvolve(image, PSF, "wiener", noise=0.01, **options))
    # A lazy image is sampled for its mean and spread by planes; here that is all of it.
    np.testing.assert_allclose(result, wanted, atol=1e-4)


def test_unseen_nan_stays_nan_and_nothing_else_becomes_it() -> None:
    result = nd.deconvolve(np.where(HOLE, np.nan, SEEN), PSF, "wiener", nan="unseen")
    np.testing.assert_array_equal(np.isnan(result), HOLE)


def test_transparent_colours_stay_hidden() -> None:
    alpha = np.where(HOLE, 0, 255).astype(np.uint8)
    grey = np.clip(SEEN * 40, 0, 255).astype(np.uint8)
    results = []
    for below in (0, 255):
        colours = np.dstack([np.where(HOLE, below, grey)] * 3 + [alpha]).astype(np.uint8)
        results.append(nd.deconvolve(colours, PSF, "wiener", axes="YXS"))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0][..., 3], alpha)


def test_an_alpha_that_hides_everything_hides_nothing() -> None:
    grey = np.clip(SEEN * 40, 0, 255).astype(np.uint8)
    clear, solid = (np.dstack([grey] * 3 + [np.full_like(grey, a)]) for a in (0, 255))
    pair = [nd.deconvolve(image, PSF, "wiener", axes="YXS")[..., :3] for image in (clear, solid)]
    np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize(
    ("shape", "axes", "mask"),
    [("TYX", "TYX", (72, 80)), ("TYX", "TYX", (2, 72, 80)), ("YXS", "YXS", (72, 80)),
     ("CTYX", "CTYX", (2, 2, 72, 80)), ("YTX", "YTX", (72, 80))],
)  # fmt: skip
def test_masks_of_every_shape(shape: str, axes: str, mask: tuple[int, ...]) -> None:
    image = SEEN
    for axis, letter in enumerate(axes):
        if letter not in "YX":
            image = np.stack([image] * (3 if letter == "S" else 2), axis)
    hidden = np.broadcast_to(HOLE, mask)
    sizes = [slice(None) if letter in "YX" else 0 for letter in axes]
    result = nd.deconvolve(image, PSF, "wiener", axes=axes, unseen=hidden, noise=0.01)
    wanted = nd.deconvolve(SEEN, PSF, "wiener", unseen=HOLE, noise=0.01)
    np.testing.assert_allclose(result[tuple(sizes)], wanted, atol=2e-4)


def test_a_plane_without_any_pixel_is_left_alone() -> None:
    series = np.stack([SEEN, np.full_like(SEEN, np.nan), SEEN])
    result = nd.deconvolve(series, PSF, "wiener", axes="TYX", nan="unseen")
    assert np.isnan(result[1]).all()
    assert np.isfinite(result[[0, 2]]).all()


def test_tiles_know_their_unseen_pixels() -> None:
    image = np.tile(SEEN, (3, 3))
    hidden = np.tile(HOLE, (3, 3))
    steps = {"unseen": hidden, "noise": 0.01, "device": "cpu"}
    method = Method.make("wiener")
    whole = drain(restore(method, image, PSF, **steps))
    tiled = drain(restore(method, image, PSF, memory_bytes=2_000_000, **steps))
    assert tiled.recipe["tiles"] != [1, 1]
    assert tiled.recipe["unseen"] == hidden.sum()
    np.testing.assert_allclose(tiled.data, whole.data, atol=0.02 * np.ptp(whole.data))


def test_refining_looks_at_what_was_seen() -> None:
    method = Method.make("wiener")
    pair = [
        drain(restore(method, np.where(HOLE, below, SEEN), PSF, refine_psf=1, unseen=HOLE)).psf
        for below in (0, 1e3)
    ]
    np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize(
    ("options", "match"),
    [({"nan": "ignore"}, "nan = 'ignore'"), ({"unseen": HOLE[1:]}, r"shape \(71, 80\)"),
     ({"unseen": HOLE * 1j}, "dtype complex"), ({"unseen": ~(HOLE & False)}, "No pixel"),
     ({"unseen": [[1, 2], [3]]}, "not an array")],
)  # fmt: skip
def test_wrong_masks_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(DeconvError, match=match):
        nd.deconvolve(SEEN, PSF, "wiener", **options)


def test_nan_is_refused_with_a_way_out() -> None:
    with pytest.raises(DeconvError, match='nan="unseen"'):
        nd.deconvolve(np.where(HOLE, np.nan, SEEN), PSF, "wiener")


def test_the_noise_of_what_was_seen() -> None:
    noisy = RNG.normal(0, 1, (200, 200))
    hidden = np.zeros(noisy.shape, bool)
    hidden[50:130, 20:150] = True
    assert estimate_noise(np.where(hidden, 500, noisy), hidden) == pytest.approx(1, rel=0.06)
    dead = RNG.random(noisy.shape) < 0.01
    broken = filled(np.where(dead, 500, noisy)[None], dead[None])[0]
    assert estimate_noise(broken, dead) == pytest.approx(1, rel=0.06)
