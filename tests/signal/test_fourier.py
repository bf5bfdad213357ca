"""The blur against direct sums, in every parity, in one call and in slabs."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_deconv.core.errors import Cancelled
from napari_deconv.engine.coverage import Coverage
from napari_deconv.signal import transform
from napari_deconv.signal.fourier import Blur, fast_shape

SIZES = st.integers(1, 9)


@pytest.fixture(params=["whole", "slabs"])
def path(request, monkeypatch):
    """Both ways to transform: one library call, and pieces of a few rows on several threads."""
    if request.param == "slabs":
        monkeypatch.setattr(transform, "_MIN_SIZE", 1)
        monkeypatch.setattr(transform, "_SLAB_BYTES", 64)
    return request.param


@st.composite
def setups(draw):
    """A grid, a PSF no larger than it, and a seed."""
    ndim = draw(st.sampled_from([2, 3]))
    grid = tuple(draw(st.integers(1, 12)) for _ in range(ndim))
    psf = tuple(draw(st.integers(1, n)) for n in grid)
    return grid, psf, draw(st.integers(0, 99))


def random(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


@given(setups())
def test_forward_is_circular_convolution(path, setup):
    grid, psf, seed = setup
    k, x = random(seed, *psf), random(seed + 1, *grid)
    expected = ndimage.convolve(x.double().numpy(), k.double().numpy(), mode="wrap")
    assert np.allclose(Blur(k, grid).forward(x[None])[0], expected, atol=1e-5 * k.sum().item())


@given(setups())
def test_adjoint_passes_the_dot_product_test(path, setup):
    grid, psf, seed = setup
    blur = Blur(random(seed, *psf), grid)
    x, y = random(seed + 1, 2, *grid), random(seed + 2, 2, *grid)
    left, right = (blur.forward(x) * y).sum(), (x * blur.adjoint(y)).sum()
    assert torch.isclose(left, right, rtol=1e-4)


@given(setups())
def test_sandwich_is_adjoint_of_forward(path, setup):
    grid, psf, seed = setup
    blur, x = Blur(random(seed, *psf), grid), random(seed + 1, 2, *grid)
    expected = blur.adjoint(blur.forward(x).square() + 1)
    found = torch.full_like(x, torch.nan)

    def keep(result, rows):
        found[:, rows] = result

    blur.sandwich(x, lambda ax, _: ax.square_().add_(1), keep)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(setups(), st.integers(0, 5))
def test_spectra_are_torchs(path, setup, extra):
    grid, psf, seed = setup
    blur = Blur(random(seed, *psf), grid)
    x = random(seed + 1, *(2,) * (extra // 3), *grid)
    spectrum = torch.fft.rfftn(x, dim=blur.axes)
    kept = spectrum.clone()
    assert torch.allclose(blur.fft(x), spectrum, atol=1e-3)
    assert torch.allclose(blur.ifft(spectrum), x, atol=1e-5)
    assert torch.equal(spectrum, kept)


@pytest.mark.parametrize("psf", [(5, 7), (4, 6), (1, 2), (3, 4, 5), (2, 1, 4)])
def test_off_centre_delta_shifts_by_its_offset(path, psf):
    grid = (9, 10, 12)[-len(psf) :]
    x = random(0, 1, *grid)
    for at in np.ndindex(*psf):
        k = torch.zeros(psf)
        k[at] = 1
        shift = [a - n // 2 for a, n in zip(at, psf, strict=True)]
        expected = x.roll(shift, tuple(range(1, x.ndim)))
        assert torch.allclose(Blur(k, grid).forward(x), expected, atol=1e-6)


def test_large_arrays_take_the_slabs_and_agree():
    k, x = random(0, 5, 6, 7), random(1, 1, 30, 99, 100)
    blur = Blur(k, x.shape[1:])
    assert transform.splits(x, 3)
    expected = torch.fft.irfftn(torch.fft.rfftn(x) * blur.otf, s=blur.grid)
    with torch.inference_mode():
        assert torch.allclose(blur.forward(x), expected, rtol=1e-5)
    assert not transform.splits(x.requires_grad_(), 3)
    assert blur.forward(x).requires_grad


def test_threads_are_left_as_they_were():
    before = torch.get_num_threads()
    transform.in_parallel(lambda _: None, transform.spans(64, 1 << 20), lambda: None)
    fresh = []
    thread = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert [torch.get_num_threads()] == fresh == [before]


def test_errors_and_cancel_come_out_of_the_threads(path):
    cancel = threading.Event()
    blur, x = Blur(random(0, 3, 3), (40, 40), cancel), random(1, 1, 40, 40)

    def fail(_ax, _rows):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        blur.sandwich(x, fail, fail)

    def stop(ax, _rows):
        cancel.set()
        return ax

    with pytest.raises(Cancelled):
        blur.sandwich(x, stop, fail)


@given(st.lists(st.integers(1, 3000), min_size=2, max_size=3))
def test_fast_shape_is_small_and_smooth(shape):
    found = fast_shape(shape)
    for n, m in zip(shape, found, strict=True):
        assert n <= m <= 1.25 * n + 2
        for factor in (2, 3, 5, 7, 11, 13):
            while m % factor == 0:
                m //= factor
        assert m == 1
    assert found[-1] == 1 or found[-1] % 2 == 0


@given(st.data())
def test_coverage_is_the_adjoint_of_the_window(data):
    ndim = data.draw(st.sampled_from([2, 3]))
    psf, shape = (tuple(data.draw(SIZES) for _ in range(ndim)) for _ in range(2))
    grid = tuple(n + k - 1 + data.draw(st.integers(0, 4)) for n, k in zip(shape, psf, strict=True))
    offset = tuple(data.draw(st.integers(0, g - n)) for g, n in zip(grid, shape, strict=True))
    k = random(1, *psf)
    k /= k.sum()
    mask = torch.zeros(1, *grid)
    mask[(0, *(slice(o, o + n) for o, n in zip(offset, shape, strict=True)))] = 1
    expected = Blur(k, grid).adjoint(mask)[0]
    coverage = Coverage(k, grid, offset, shape)
    for start in range(0, grid[0], 3):
        rows = slice(start, min(start + 3, grid[0]))
        inverse = coverage.divide_(torch.ones(1, *expected[rows].shape), rows)[0]
        seen = expected[rows] > 0.011
        assert torch.allclose(inverse[seen], 1 / expected[rows][seen], rtol=1e-3)
        assert (inverse[expected[rows] < 0.009] == 0).all()
