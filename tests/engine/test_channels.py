"""A PSF for every channel, against one run per channel; voxels that are no cubes."""

from __future__ import annotations

from typing import Any

import dask.array
import numpy as np
import pytest

from napari_deconv import DeconvError, deconvolve, psf
from napari_deconv.engine.channels import stream_channels
from napari_deconv.restoration.richardson_lucy import RichardsonLucy

WIDE, NARROW = psf.Gaussian(sigma_px=1.6)(), psf.Gaussian(sigma_px=0.9)()
SERIES = np.random.default_rng(0).poisson(50, (2, 3, 24, 25)).astype(np.uint16)  # TCYX


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("axes", ["TCYX", "CTYX"])
def test_each_channel_is_restored_with_its_own_psf(axes: str, lazy: bool) -> None:
    image = SERIES if axes == "TCYX" else SERIES.swapaxes(0, 1)
    given = dask.array.from_array(image, chunks=12) if lazy else image
    method = RichardsonLucy(iterations=3)
    found = deconvolve(given, [WIDE, NARROW, WIDE], method, axes=axes)
    for channel, kernel in enumerate([WIDE, NARROW, WIDE]):
        where = (slice(None), channel) if axes == "TCYX" else (channel,)
        alone = deconvolve(image[where], kernel, method, axes="TYX")
        np.testing.assert_array_equal(found[where], alone)


def test_a_channel_without_a_psf_is_left_as_it_was_and_named() -> None:
    with pytest.warns(UserWarning, match="Channel 1 has no PSF"):
        found = deconvolve(SERIES, {0: WIDE, 2: NARROW}, "wiener", axes="TCYX")
    np.testing.assert_array_equal(found[:, 1], SERIES[:, 1])
    assert (found[:, 0] != SERIES[:, 0]).any() and (found[:, 2] != SERIES[:, 2]).any()


def test_progress_is_one_and_never_goes_back() -> None:
    steps: list[Any] = []
    run = stream_channels(RichardsonLucy(), SERIES, {0: WIDE, 1: NARROW, 2: WIDE}, axes="TCYX")
    while True:
        try:
            steps.append(next(run))
        except StopIteration as stop:
            recipe = stop.value.recipe
            break
    done = [step.done for step in steps]
    assert done == sorted(done) and done[-1] == steps[-1].total
    assert [one["channel"] for one in recipe["channels"]] == [0, 1, 2]
    assert all(one["chosen"]["iterations"] >= 1 for one in recipe["channels"])


@pytest.mark.parametrize(
    ("psfs", "axes", "words"),
    [
        ([WIDE, NARROW], "TZYX", "no channel axis"),
        ([WIDE, NARROW], None, "no channel axis"),
        ([WIDE] * 4, "TCYX", "channel 3, but the image has 3"),
        ([WIDE, WIDE[None]], "TCYX", "Some PSFs are 2-D"),
        ({}, "TCYX", "There is no PSF"),
    ],
)
def test_bad_channels_are_named(psfs: Any, axes: str | None, words: str) -> None:
    with pytest.raises(DeconvError, match=words):
        deconvolve(SERIES, psfs, axes=axes)


@pytest.mark.parametrize("name", ["tv", "hyper-laplacian", "tikhonov", "wiener", "ird"])
def test_only_the_ratio_of_voxel_sizes_counts_and_it_does_count(name: str) -> None:
    volume = np.random.default_rng(1).random((9, 14, 15), dtype=np.float32)
    kernel = psf.Gaussian(sigma_px=(1.0, 1.0, 1.0))()
    fields = {"ird": {"prior_px": 1.0}, "tv": {"iterations": 5}}.get(name, {})

    def run(spacing: Any) -> np.ndarray:
        return deconvolve(volume, kernel, name, axes="ZYX", noise=0.05, spacing=spacing, **fields)

    cubes, flat = run(None), run((0.3, 0.1, 0.1))
    np.testing.assert_array_equal(run((0.1, 0.1, 0.1)), cubes)
    np.testing.assert_allclose(run((300, 100, 100)), flat, atol=1e-6)
    assert np.abs(flat - cubes).max() > 1e-3


@pytest.mark.parametrize("spacing", [(1, 1), (0, 1, 1), (1, 1, np.nan), "abc", 3])
def test_absurd_voxels_are_named(spacing: Any) -> None:
    with pytest.raises(DeconvError, match="voxel size"):
        deconvolve(np.random.default_rng(0).random((5, 8, 8)), WIDE[None], spacing=spacing)
