"""Each step against what it is meant to do, and the order of the steps."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.signal import convolve2d

from napari_deconv import degrade
from napari_deconv.degradation import Chain, ReadNoise
from napari_deconv.psf.disk import Disk

SCENE = np.random.default_rng(3).random((40, 56))
FLAT = np.full((300, 300), 0.25)


def test_the_protocol_of_saturated_scenes() -> None:
    gain, noise, psf = 1.4, 0.02, Disk(radius_px=2.3)()
    degraded, truth = degrade(
        SCENE, psf, gain=gain, saturation=1.0, noise=noise, boundary="valid", seed=7
    )
    blurred = gain * convolve2d(SCENE, psf.astype(float) / psf.sum(dtype=float), mode="valid")
    drawn = noise * np.random.default_rng(7).standard_normal((1, *blurred.shape))[0]
    np.testing.assert_allclose(degraded, np.clip(blurred + drawn, 0, 1), atol=1e-12)
    np.testing.assert_array_equal(truth, np.clip(gain * SCENE[3:-3, 3:-3], 0, 1))
    assert 0.05 < np.mean(truth == 1) < 0.5


def test_unsaturated_scenes_are_not_clipped() -> None:
    degraded, truth = degrade(SCENE.astype(np.float32), None, gain=2.0, noise=0.3)
    assert degraded.min() < 0
    assert degraded.max() > 2
    np.testing.assert_array_equal(truth, 2 * SCENE.astype(np.float32))


def test_photon_noise_has_mean_and_variance_of_a_count() -> None:
    degraded, _ = degrade(FLAT, None, gain=2.0, photons=100)
    counts = degraded * 100
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)
    assert counts.mean() == pytest.approx(50, abs=5 * np.sqrt(50 / FLAT.size))
    assert counts.var() == pytest.approx(50, rel=0.03)


@pytest.mark.parametrize(("dtype", "full"), [(np.float64, 1), (np.uint8, 255), (np.uint16, 65535)])
def test_read_noise_is_on_the_image_scale(dtype: type, full: int) -> None:
    image = np.rint(FLAT * full).astype(dtype) if full > 1 else FLAT
    sd = 0.02 * full
    degraded, _ = degrade(image, None, noise=sd)
    error = degraded.astype(float) - image
    rounding = 1 / 12 if full > 1 else 0
    assert error.std() == pytest.approx(np.sqrt(sd**2 + rounding), rel=0.02)
    assert abs(error.mean()) < 5 * sd / np.sqrt(FLAT.size)
    np.testing.assert_array_equal(degraded, ReadNoise(sd=sd)(image)[0])


def test_photons_count_from_full_scale_for_integers() -> None:
    image = np.full((200, 200), 20000, np.uint16)
    degraded, _ = degrade(image, None, photons=400)
    expected = 400 * 20000 / 65535
    assert degraded.std() / degraded.mean() == pytest.approx(expected**-0.5, rel=0.03)


def test_clip_comes_after_or_before_the_noise() -> None:
    last, truth = degrade(SCENE, None, gain=3.0, saturation=1.0, noise=0.1)
    first, same = degrade(SCENE, None, gain=3.0, saturation=1.0, noise=0.1, order="clip-first")
    assert last.max() == 1.0
    assert first.max() > 1.1
    np.testing.assert_array_equal(truth, same)
    drawn = 0.1 * np.random.default_rng(0).standard_normal((1, *SCENE.shape))[0]
    np.testing.assert_allclose(first, np.clip(3 * SCENE, 0, 1) + drawn, atol=1e-12)
    np.testing.assert_allclose(last, np.clip(3 * SCENE + drawn, 0, 1), atol=1e-12)


@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_quantise_rounds_to_its_levels(bits: int) -> None:
    degraded, _ = degrade(SCENE, None, bits=bits)
    levels = degraded * (2**bits - 1)
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-9)
    assert np.abs(degraded - SCENE).max() <= 0.5 / (2**bits - 1) + 1e-12
    if bits <= 8:
        assert len(np.unique(degraded)) == 2**bits


def pillow(pixels: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("quality", [1, 70, 100])
@pytest.mark.parametrize("shape", [(33, 47), (33, 47, 3)])
def test_jpeg_is_pillows(shape: tuple[int, ...], quality: int) -> None:
    image = (np.random.default_rng(1).random(shape) * 255).astype(np.uint8)
    degraded, truth = degrade(image, None, jpeg_quality=quality)
    np.testing.assert_array_equal(degraded, pillow(image, quality))
    np.testing.assert_array_equal(truth, image)
    unit, _ = degrade(image / 255, None, jpeg_quality=quality)
    np.testing.assert_allclose(unit * 255, degraded, atol=1e-9)


def test_jpeg_codes_volumes_plane_by_plane() -> None:
    stack = (np.random.default_rng(1).random((2, 3, 16, 24)) * 255).astype(np.uint8)
    delta = np.ones((1, 1, 1))
    degraded, _ = degrade(stack, delta, jpeg_quality=30, axes="TZYX")
    np.testing.assert_array_equal(degraded[1, 2], pillow(stack[1, 2], 30))


def test_bits_and_jpeg_clip_and_so_does_the_truth() -> None:
    for coding in ({"bits": 8}, {"jpeg_quality": 90}):
        degraded, truth = degrade(SCENE, None, gain=2.0, **coding)
        assert degraded.max() == 1.0
        np.testing.assert_array_equal(truth, np.clip(2 * SCENE, 0, 1))


def test_whole_chain_is_in_physical_order() -> None:
    chain = Chain(gain=1.5, saturation=1, photons=500, noise=0.01, bits=8, jpeg_quality=60, seed=5)
    rng, psf = np.random.default_rng(5), np.ones((3, 3)) / 9
    block = SCENE[None]
    names = []
    for step in chain.steps:
        block = step.apply(block, rng, psf)
        names.append(step.name)
    degraded, _ = chain(SCENE, psf)
    np.testing.assert_array_equal(degraded, block[0])
    assert names == [
        "blur", "exposure", "photon-noise", "read-noise", "saturation", "quantisation", "jpeg"
    ]  # fmt: skip


def test_seeds_decide_the_noise() -> None:
    def run(seed: int) -> np.ndarray:
        return degrade(SCENE, None, photons=50, noise=0.01, seed=seed)[0]

    np.testing.assert_array_equal(run(4), run(4))
    assert not np.array_equal(run(4), run(5))


def test_planes_of_a_stack_get_noise_of_their_own() -> None:
    degraded, _ = degrade(np.zeros((2, 20, 20)), None, noise=1.0)
    assert abs(np.corrcoef(degraded[0].ravel(), degraded[1].ravel())[0, 1]) < 0.2
