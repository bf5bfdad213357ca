"""What users of other tools ran into, one test each; all through the public surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.signal
import torch
from scipy.ndimage import center_of_mass

import napari_deconv
from napari_deconv import DeconvError, deconvolve
from napari_deconv.signal.fourier import Blur

if TYPE_CHECKING:
    from pathlib import Path

METHODS = ("wiener", "tikhonov", "richardson-lucy", "tv", "hyper-laplacian")


def gaussian(*shape: int, sigma: float = 1.2) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij")
    psf = np.exp(-sum(a**2 for a in axes) / (2 * sigma**2))
    return (psf / psf.sum()).astype(np.float32)


def spot(*shape: int) -> np.ndarray:
    """A bright square off the middle, on a dim level, away from the border."""
    image = np.full(shape, 0.1, np.float32)
    image[tuple(slice(n // 2 - 3, n // 2 + 2) for n in shape)] = 1
    return image


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("shape", [(40, 40), (41, 43)])
@pytest.mark.parametrize("size", [(9, 9), (12, 10)])
def test_nothing_is_shifted_by_even_psfs_or_odd_images(
    name: str, shape: tuple[int, int], size: tuple[int, int]
) -> None:
    sharp, psf = spot(*shape), gaussian(*size)
    # Full convolution, read at the PSF's centre: what `size // 2` means, by another library.
    full = scipy.signal.convolve(sharp - 0.1, psf) + 0.1
    blurred = full[tuple(slice(k // 2, k // 2 + n) for k, n in zip(size, shape, strict=True))]
    result = deconvolve(blurred.astype(np.float32), psf, name, noise=1e-3)
    found = center_of_mass(np.clip(result - 0.3, 0, None))
    np.testing.assert_allclose(found, center_of_mass(sharp - 0.1), atol=0.05)


def test_the_adjoint_is_flipped_in_every_axis() -> None:
    rng = np.random.default_rng(0)
    psf = torch.from_numpy(rng.random((3, 4, 5), dtype=np.float32))
    blur = Blur(psf, (9, 10, 12))
    x, y = (torch.from_numpy(rng.random((9, 10, 12), dtype=np.float32)) for _ in range(2))
    forward, back = (blur.forward(x) * y).sum(), (x * blur.adjoint(y)).sum()
    torch.testing.assert_close(forward, back, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["richardson-lucy", "richardson-lucy-saturated"])
def test_black_areas_do_not_divide_by_zero(name: str) -> None:
    image = np.zeros((40, 40), np.float32)
    image[5:8, 30:33] = 1000
    result = deconvolve(image, gaussian(9, 9), name, iterations=30)
    assert np.isfinite(result).all()
    assert result[20:, :10].max() < 1e-3


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("dtype", "level"), [("uint16", 20_000), ("uint8", 80), ("float32", 3e-4)])
def test_intensities_are_not_rescaled(name: str, dtype: str, level: float) -> None:
    image = 1 + scipy.signal.convolve(spot(41, 40), gaussian(9, 9), "same")
    image = (image * level).astype(dtype)
    result = deconvolve(image, gaussian(9, 9), name, noise=0.002 * level)
    assert result.dtype == image.dtype
    inner = (slice(8, -8), slice(8, -8))
    assert abs(result[inner].mean() / image[inner].mean() - 1) < 0.01


def test_pixel_sizes_survive_the_command_line(tmp_path: Path) -> None:
    import tifffile

    from napari_deconv.__main__ import main

    source, psf, out = (tmp_path / f"{name}.tif" for name in ("in", "psf", "out"))
    tifffile.imwrite(psf, gaussian(5, 7, 7, sigma=0.8), photometric="minisblack")
    tifffile.imwrite(
        source,
        (np.random.default_rng(0).random((8, 24, 26)) * 900).astype(np.uint16),
        imagej=True,
        resolution=(1 / 0.13, 1 / 0.13),
        metadata={"spacing": 0.4, "unit": "um", "axes": "ZYX"},
    )
    assert main(["deconvolve", str(source), "--psf", str(psf), "-o", str(out), "--quiet"]) == 0
    with tifffile.TiffFile(out) as written:
        assert written.imagej_metadata is not None
        assert written.imagej_metadata["spacing"] == 0.4
        number, per = written.pages[0].tags["XResolution"].value  # type: ignore[union-attr]
        assert abs(number / per - 1 / 0.13) < 1e-3


def test_a_plane_does_not_crash_a_3d_method() -> None:
    image = spot(30, 31)
    assert deconvolve(image, gaussian(9, 9), "richardson-lucy", iterations=2).shape == (30, 31)
    with pytest.raises(DeconvError, match="3-D"):
        deconvolve(image, gaussian(5, 7, 7, sigma=0.8), "richardson-lucy")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.filterwarnings("ignore:The PSF")
def test_a_psf_larger_than_the_image_does_not_crash(name: str) -> None:
    image = np.random.default_rng(0).random((12, 15)).astype(np.float32)
    result = deconvolve(image, gaussian(31, 33), name, noise=0.01)
    assert result.shape == image.shape and np.isfinite(result).all()


def test_the_window_does_not_freeze(qtbot: Any) -> None:
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QWidget

    from napari_deconv.engine.streaming import stream
    from napari_deconv.panels.kit.job import Job

    owner = QWidget()
    qtbot.addWidget(owner)
    image = np.random.default_rng(0).random((16, 128, 128), dtype=np.float32)
    method = napari_deconv.methods()["richardson-lucy"](iterations=15)
    ended: list[str] = []
    beats: list[int] = []
    job = Job(owner)
    job.on_end = lambda: ended.append("end")
    timer = QTimer(owner)
    timer.timeout.connect(lambda: beats.append(len(ended)))
    timer.start(1)
    job.start(lambda cancel: stream(method, image, gaussian(5, 7, 7), noise=0.01, cancel=cancel))
    assert not ended, "start() must return at once, with the run still going"
    qtbot.waitUntil(lambda: bool(ended), timeout=60_000)
    # The loop went round while the run was going; how often is a matter of the machine.
    assert beats.count(0) > 3
