"""Noise of photos kept as JPEG, against the error that was really made."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

import napari_deconv as nd
from napari_deconv.engine.readings import image_noise
from napari_deconv.signal.jpeg import jpeg_noise

RNG = np.random.default_rng(0)


def scene(side: int = 288) -> NDArray[np.float64]:
    """Soft edges in colour, ``(Y, X, 3)``."""
    planes = gaussian_filter(RNG.normal(size=(3, side, side)), (0, 12, 12))
    shapes = np.sign(planes + 0.6 * planes[:1]) + 0.4 * gaussian_filter(planes, (0, 3, 3)) * 20
    return np.moveaxis(120 + 45 * gaussian_filter(shapes, (0, 2, 2)), 0, -1)


SCENE = scene()


def shot(noise: float, quality: int, subsampling: str = "4:2:0") -> NDArray[np.uint8]:
    pixels = np.clip(SCENE + RNG.normal(0, noise, SCENE.shape), 0, 255).round().astype(np.uint8)
    if not quality:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file))


def rms(seen: NDArray[np.uint8]) -> float:
    return float(np.sqrt(np.mean((seen - SCENE) ** 2)))


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("quality", [75, 85, 92])
@pytest.mark.parametrize("noise", [2.0, 5.0])
def test_noise_and_rounding_are_read(noise: float, quality: int, subsampling: str) -> None:
    seen = shot(noise, quality, subsampling)
    reading = image_noise(seen, "YXS")
    assert reading.origin == "JPEG"
    assert reading.level == pytest.approx(rms(seen), rel=0.35)


@pytest.mark.parametrize("quality", [80, 90])
def test_gray_photos(quality: int) -> None:
    pixels = (SCENE[..., 1] + RNG.normal(0, 3, SCENE.shape[:2])).clip(0, 255).round()
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", quality=quality)
    seen = np.asarray(Image.open(file))
    coded = jpeg_noise(seen[None])
    assert coded is not None
    error = float(np.sqrt(np.mean((seen - SCENE[..., 1]) ** 2)))
    assert coded.brightness == pytest.approx(error, rel=0.25)


@pytest.mark.parametrize("quality", [75, 95])
def test_how_noise_is_distributed_over_the_frequencies(quality: int) -> None:
    """Where the scene holds nothing, what is seen is noise, and its power is read."""
    soft = gaussian_filter(SCENE[..., 1], 4)
    file = io.BytesIO()
    pixels = (soft + RNG.normal(0, 2, soft.shape)).round().astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    seen = np.asarray(Image.open(file))
    coded = jpeg_noise(seen[None])
    assert coded is not None
    fy = fx = np.fft.fftfreq(len(seen))
    power = np.abs(np.fft.fft2(seen - soft)) ** 2 / seen.size
    read = coded.spectrum(fy, fx)
    for low, high in ((0.02, 0.08), (0.1, 0.14), (0.14, 0.18)):
        ring = np.abs(np.hypot(fy[:, None], fx) - (low + high) / 2) < (high - low) / 2
        ring &= coded.spectrum(fy, fx) < 20
        assert read[ring].mean() == pytest.approx(power[ring].mean(), rel=0.5)


def test_a_photo_cut_out_of_another_and_one_as_floats() -> None:
    seen = shot(3.0, 85)
    whole = jpeg_noise(np.moveaxis(seen, -1, 0))
    cut = jpeg_noise(np.moveaxis(seen[5:, 3:], -1, 0))
    floats = jpeg_noise(np.moveaxis(seen / np.float32(255), -1, 0))
    assert whole is not None and cut is not None and floats is not None
    assert cut.brightness == pytest.approx(whole.brightness, rel=0.2)
    assert floats.brightness == pytest.approx(whole.brightness / 255, rel=1e-3)


@pytest.mark.parametrize(
    "image",
    [
        np.moveaxis(shot(2.0, 0), -1, 0),
        RNG.integers(0, 256, (1, 200, 200)).astype(np.uint8),
        np.zeros((3, 200, 200), np.uint8),
        RNG.random((1, 200, 200)),
        RNG.integers(0, 4000, (1, 200, 200)).astype(np.uint16),
        np.repeat(np.repeat(RNG.integers(0, 256, (1, 25, 25)), 8, 1), 8, 2).astype(np.uint8),
        np.zeros((3, 20, 20), np.uint8),
    ],
)  # fmt: skip
def test_what_was_no_jpeg_is_not_taken_for_one(image: NDArray[np.generic]) -> None:
    assert jpeg_noise(image) is None


def test_a_jpeg_is_restored_better_than_it_was() -> None:
    psf = nd.psf.Disk(radius_px=4.3)()
    soft = nd.degrade(SCENE, psf, axes="YXS")[0]
    noisy = (soft + RNG.normal(0, 2, soft.shape)).clip(0, 255).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=90)
    seen = np.asarray(Image.open(file))

    def error(image: NDArray[np.generic]) -> float:
        return float(np.sqrt(np.mean((image.astype(float) - SCENE)[12:-12, 12:-12] ** 2)))

    assert error(nd.deconvolve(seen, psf, "hyper-laplacian", axes="YXS")) < 0.8 * error(seen)
    found = nd.estimation.estimate(seen, family="disk")
    area = np.count_nonzero(np.asarray(found.psf) > np.max(found.psf) / 2)
    assert np.sqrt(area / np.pi) == pytest.approx(4.3, rel=0.1)
