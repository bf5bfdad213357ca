"""GLRA: bases against linear algebra, the separable inverse against Wiener's, and that it pays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from napari_deconv import deconvolve, degrade
from napari_deconv.psf import Disk, Gaussian, Motion
from napari_deconv.restoration.networks.glra import GLRA, Network
from napari_deconv.restoration.networks.layers.low_rank import (
    centred,
    learn_bases,
    pseudo_inverse,
    tap_spectrum,
)
from napari_deconv.restoration.weights import load_network, locate, read_header
from napari_deconv.signal.fourier import Blur

PHOTO = data.camera()[60:240, 100:284].astype(np.float32) / 255


@pytest.mark.parametrize("shape", [(20, 31), (9, 8), (41, 12)])
@pytest.mark.parametrize("size", [9, 15])
def test_psf_out_of_its_spectrum(shape: tuple[int, int], size: int) -> None:
    psf = torch.rand(7, 5)
    found = centred(Blur(psf, shape).otf[None], shape[1], size)[0]
    expected = torch.zeros(size, size)
    first = [size // 2 - n // 2 for n in psf.shape]
    expected[first[0] : first[0] + 7, first[1] : first[1] + 5] = psf
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_pseudo_inverse_is_wiener_s() -> None:
    psf = torch.zeros(1, 31, 31, dtype=torch.float64)
    psf[0, 13:18, 13:18] = torch.from_numpy(Disk(radius_px=2.0)((5, 5))).double()
    otf = np.fft.fft2(np.fft.ifftshift(psf[0]))
    expected = np.fft.fftshift(np.fft.ifft2(otf.conj() / (abs(otf) ** 2 + 0.01)).real)
    expected /= expected.sum()
    np.testing.assert_allclose(pseudo_inverse(psf, 0.01)[0], expected, atol=1e-12)


def test_bases_are_orthonormal_and_find_what_is_shared() -> None:
    rng = torch.Generator().manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(20, 4, generator=rng).double())[0] for _ in "LR")
    kernels = left @ torch.randn(9, 4, 4, generator=rng).double() @ right.T
    found = learn_bases(kernels, 4)
    for basis in found:
        torch.testing.assert_close(basis.T @ basis, torch.eye(4, dtype=torch.float64))
    again = found[0] @ (found[0].T @ kernels @ found[1]) @ found[1].T
    torch.testing.assert_close(again, kernels)


@pytest.mark.parametrize("n", [5, 12, 40])
def test_spectrum_of_taps(n: int) -> None:
    taps, signal = torch.rand(9).double(), torch.rand(n).double()
    by_hand = sum(taps[i] * signal.roll(i - 4) for i in range(9))
    found = torch.fft.ifft(torch.fft.fft(signal) * tap_spectrum(taps, n)).real
    torch.testing.assert_close(found, by_hand)
    half = torch.fft.irfft(torch.fft.rfft(signal) * tap_spectrum(taps, n, half=True), n=n)
    torch.testing.assert_close(half, by_hand)


def test_a_random_start_differs_in_the_filters_only_and_old_weights_load() -> None:
    psfs = [Disk(radius_px=1 + r / 4)() for r in range(60)]
    begun = []
    for start in ("bases", "random"):
        torch.manual_seed(0)
        network = GLRA(start=start).network()
        network.prepare(psfs)
        begun.append(network.state_dict())
    apart = {key for key in begun[0] if not torch.equal(begun[0][key], begun[1][key])}
    assert apart == {"left", "right"} and begun[1]["right"].std() > 0
    assert "start" not in read_header(locate("glra"))["fields"]
    old, asked = (
        load_network(GLRA(start=start), torch.device("cpu")) for start in ("bases", "random")
    )
    assert torch.equal(old.left, asked.left) and not asked.random


def test_untrained_it_is_the_separable_inverse() -> None:
    psfs = [Disk(radius_px=1 + r / 4)() for r in range(8)]
    psfs += [Gaussian(sigma_px=1 + s / 8)() for s in range(8)]
    psfs += [Motion(length_px=5.0 + i, angle_deg=23.0 * i)() for i in range(8)]
    network = Network()
    network.prepare(psfs)
    blur = Blur(torch.from_numpy(psfs[4]), PHOTO.shape)
    y = blur.forward(torch.from_numpy(PHOTO.copy()))
    with torch.no_grad():
        found = network.unrolled(
            y[None, None], blur.otf[None, None], torch.full((1, 1, 1, 1), 0.01)
        )
    power = blur.otf.abs().square()
    wiener = blur.ifft(blur.fft(y - 0.5) * blur.otf.conj() * 1.01 / (power + 0.01)) + 0.5
    assert (found[0][0, 0] - wiener).square().mean().sqrt() < 0.01


@pytest.mark.parametrize("psf", [Gaussian(sigma_px=2.0)(), Disk(radius_px=4.0)()], ids=["G", "D"])
def test_beats_the_hyper_laplacian_prior_where_the_photo_is_clipped(psf: np.ndarray) -> None:
    blurred, truth = degrade(PHOTO, psf, gain=1.2, saturation=1.0, noise=0.01, seed=2)
    inside = (slice(12, -12),) * 2
    network, classic = (
        peak_signal_noise_ratio(
            truth[inside], deconvolve(blurred, psf, name)[inside].clip(0, 1), data_range=1
        )
        for name in ("glra", "hyper-laplacian")
    )
    assert network > classic + 0.3


def test_moving_the_image_leaves_less_of_a_pattern_of_two_pixels(monkeypatch) -> None:
    psf = Disk(radius_px=4.0)()
    blurred, _ = degrade(gaussian_filter(PHOTO, 3), psf, noise=0.003, seed=1)
    forward = Network.forward
    moved = pattern(deconvolve(blurred, psf, "glra"))
    monkeypatch.setattr(Network, "forward", lambda *args: forward(*args[:8]))
    assert moved < 0.6 * pattern(deconvolve(blurred, psf, "glra"))


def pattern(image: np.ndarray) -> float:
    """What alternates from row to row over some way, RMS."""
    rows, columns = np.indices(image.shape)
    waves = (gaussian_filter(image * (-1.0) ** k, 3) for k in (rows, rows + columns))
    return float(np.sqrt(sum(np.mean(wave[8:-8, 8:-8] ** 2) for wave in waves)))
