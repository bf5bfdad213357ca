"""What every method must do; a new one is tested by being registered."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.data import camera
from skimage.metrics import peak_signal_noise_ratio
from skimage.registration import phase_cross_correlation

from napari_deconv import degrade, methods
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Disk, Gaussian
from napari_deconv.restoration.base import Method

EVERY = sorted(name for name, kind in methods().items() if not getattr(kind, "untrained", False))
PLANAR = [name for name in EVERY if 2 in Method.registry[name].ndim]
EVERY_DIM = [(name, ndim) for name in EVERY for ndim in Method.registry[name].ndim]
PHOTO = camera()[100:228, 180:309].astype(np.float32) / 255
STACK = gaussian_filter(np.random.default_rng(3).random((20, 41, 36)), 1.5).astype(np.float32)
STACK = (STACK - STACK.min()) / np.ptp(STACK)

Image = NDArray[np.float32]


def restore(name: str, image: Image, psf: Image, noise: float = 0.001, **fields: Any) -> Image:
    found = drain(stream(Method.make(name, **fields), image, psf, noise=noise, device="cpu")).data
    assert found.shape == image.shape
    assert found.dtype == image.dtype
    assert np.isfinite(found).all()
    return found


def scene(ndim: int) -> tuple[Image, Image, Image]:
    """Blurred and noisy, what was there, and the PSF."""
    truth = PHOTO if ndim == 2 else STACK
    psf = Disk(radius_px=3.2)() if ndim == 2 else Gaussian(sigma_px=(1.2, 1.6, 1.6))()
    return *degrade(truth, psf, noise=0.01, seed=1), psf


@pytest.mark.parametrize("name", EVERY)
def test_says_what_it_is_and_what_its_fields_do(name: str) -> None:
    cls = Method.registry[name]
    assert cls.citation
    assert any(year in cls.citation for year in map(str, range(1940, 2030)))
    assert cls.buffers > 0 and set(cls.ndim) <= {2, 3}
    for field in cls.fields().values():
        assert len(field.text) > 15, f"{name}: {field.name} is not documented"


@pytest.mark.parametrize("name", EVERY)
def test_round_trip(name: str) -> None:
    method = Method.registry[name]()
    again = Method.from_dict(json.loads(json.dumps(method.to_dict())))
    assert again == method and hash(again) == hash(method)


@pytest.mark.parametrize(("name", "ndim"), EVERY_DIM)
def test_sharpens_a_blurred_noisy_scene_and_keeps_its_flux(name: str, ndim: int) -> None:
    blurred, truth, psf = scene(ndim)
    restored = restore(name, blurred, psf, noise=0.01)
    before = peak_signal_noise_ratio(truth, blurred, data_range=1)
    assert peak_signal_noise_ratio(truth, restored, data_range=1) > before + 0.5
    assert restored.sum() / blurred.sum() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("name", "ndim"), EVERY_DIM)
def test_a_delta_returns_the_input(name: str, ndim: int) -> None:
    image = PHOTO[:40, :41] if ndim == 2 else STACK[:9, :20, :21]
    delta = np.zeros((5, 4, 5)[-ndim:], np.float32)
    delta[tuple(n // 2 for n in delta.shape)] = 1
    np.testing.assert_allclose(restore(name, image, delta, noise=0), image, atol=0.03)


# Even and odd by odd and even, each once.
@pytest.mark.parametrize(
    ("shape", "size"), [((64, 65), (8, 9)), ((63, 64), (8, 8)), ((63, 64), (9, 9))]
)
@pytest.mark.parametrize("name", PLANAR)
def test_shifts_nothing(name: str, shape: tuple[int, int], size: tuple[int, int]) -> None:
    # Circular blur by hand, so that no convention of ours but the PSF's centre comes in.
    truth = gaussian_filter(PHOTO[: shape[0], : shape[1]], 1, mode="wrap")
    psf = Gaussian(sigma_px=1.3)(size)
    placed = np.zeros(shape)
    placed[: size[0], : size[1]] = psf
    placed = np.roll(placed, [-(n // 2) for n in size], (0, 1))
    blurred = np.fft.irfft2(np.fft.rfft2(truth) * np.fft.rfft2(placed), s=shape)
    restored = restore(name, blurred.astype(np.float32), psf)
    window = np.outer(np.hanning(shape[0]), np.hanning(shape[1]))
    shift, *_ = phase_cross_correlation(
        (truth - truth.mean()) * window,
        (restored - restored.mean()) * window,
        upsample_factor=50,
        normalization=None,
    )
    assert np.abs(shift).max() <= 0.05


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((33, 32), (7, 7)),
        ((1, 40), (3, 5)),
        ((40, 1), (5, 5)),
        ((12, 10), (25, 31)),
        ((3, 3), (4, 6)),
    ],
)
@pytest.mark.parametrize("name", PLANAR)
def test_any_shape(name: str, shape: tuple[int, int], size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    restored = restore(name, image, Gaussian(sigma_px=1.5)(size), noise=0.05)
    assert np.abs(restored).max() < 20


@pytest.mark.parametrize("name", PLANAR)
def test_almost_constant_stays_so(name: str) -> None:
    image = np.full((32, 33), 0.5, np.float32)
    image[10, 11] += 1e-3
    np.testing.assert_allclose(restore(name, image, Gaussian(sigma_px=1.5)()), 0.5, atol=0.02)


@pytest.mark.parametrize("name", PLANAR)
def test_the_units_of_the_image_do_not_matter(name: str) -> None:
    blurred, _, psf = scene(2)
    blurred = blurred[:56, :56]
    # Counts hint at microscopy, so weights may change with them: here they are the same.
    same = {"domain": "photo"} if "domain" in Method.registry[name].fields() else {}
    unit = restore(name, blurred, psf, noise=0.01, **same)
    counts = restore(name, blurred * 4096, psf, noise=0.01 * 4096, **same)
    np.testing.assert_allclose(counts / 4096, unit, atol=2e-3)


@pytest.mark.parametrize("name", PLANAR)
def test_no_more_estimates_than_promised(name: str) -> None:
    blurred, _, psf = scene(2)
    steps = list(stream(Method.make(name), blurred[:48, :48], psf, noise=0.01, device="cpu"))
    assert 1 <= len(steps) <= Method.make(name).total
    assert all(step.done <= step.total for step in steps)
