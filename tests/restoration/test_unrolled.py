"""The unrolled U-Net: its solutions against numpy, its fixed point, and that it pays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from napari_deconv import deconvolve, degrade
from napari_deconv.psf import CameraShake, Disk
from napari_deconv.restoration.networks.unrolled import CORNER, WEIGHTS, Network, Unrolled
from napari_deconv.signal.fourier import Blur

PHOTO = data.camera()[60:240, 100:284].astype(np.float32) / 255
SHAKE = CameraShake(size_px=15, seed=4)()


def scene(rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor, Blur]:
    truth = torch.from_numpy(PHOTO[:rows, :columns].copy())[None, None]
    blur = Blur(torch.from_numpy(SHAKE), truth.shape[-2:])
    return truth, blur.forward(truth), blur


def minimiser(y: np.ndarray, z: np.ndarray, h: np.ndarray, weight: float) -> np.ndarray:
    """What solves ``|k * x - y|^2 + w (|D (x - z)|^2 + c |x - z|^2)``, frequency by frequency."""
    rows, columns = (2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(n)) for n in y.shape)
    penalty = weight * (rows[:, None] + columns + CORNER)
    top = h.conj() * np.fft.fft2(y) + penalty * np.fft.fft2(z)
    return np.fft.ifft2(top / (abs(h) ** 2 + penalty)).real


@pytest.mark.parametrize(("rows", "columns"), [(60, 66), (45, 51)])
def test_an_untrained_network_minimises_with_the_middle_weight(rows: int, columns: int) -> None:
    _, y, blur = scene(rows, columns)
    with torch.no_grad():
        once, twice = Network(2).unrolled(y, blur.otf[None, None], torch.full((1, 1, 1, 1), 0.02))
    image = y[0, 0].double().numpy()
    kernel = torch.fft.irfft2(blur.otf, s=(rows, columns)).double().numpy()
    h, weight = np.fft.fft2(kernel), WEIGHTS[1] * 2**1.5
    first = minimiser(image, np.zeros_like(image), h, weight)
    np.testing.assert_allclose(once[0, 0], first, atol=1e-4)
    np.testing.assert_allclose(twice[0, 0], minimiser(image, first, h, weight), atol=1e-4)


def test_the_truth_without_noise_is_a_fixed_point() -> None:
    truth, y, blur = scene(60, 66)
    net, sigma = Network(), torch.full((1, 1, 1, 1), 0.01)
    with torch.no_grad():
        maps = net(y, blur.otf[None, None], sigma, 0)[1]
        x, _ = net(y, blur.otf[None, None], sigma, 1, truth, maps)
    assert (x - truth).abs().max() < 1e-4


@pytest.mark.parametrize(("rows", "columns"), [(60, 66), (45, 51)])
def test_noise_that_is_the_same_everywhere_may_be_told_place_by_place(
    rows: int, columns: int
) -> None:
    net, (_, y, blur) = Network(2), scene(rows, columns)
    sigma, otf = torch.full((1, 1, 1, 1), 0.01), blur.otf[None, None]
    with torch.no_grad():
        for cleaner in net.cleaners:
            torch.nn.init.normal_(cleaner.get_submodule("last").weight, std=0.01)
        everywhere = net.unrolled(y, otf, sigma)
        by_place = net.unrolled(y, otf, sigma, torch.ones_like(y))
        louder = net.unrolled(y, otf, sigma, 2 * torch.ones_like(y))
    torch.testing.assert_close(everywhere, by_place)
    assert not torch.equal(louder[-1], by_place[-1])


def test_a_further_step_begins_by_leaving_the_last_estimate_nearly_alone() -> None:
    _, y, blur = scene(60, 66)
    short, long, sigma = Network(2), Network(3), torch.full((1, 1, 1, 1), 0.01)
    with torch.no_grad():
        for cleaner in short.cleaners:
            torch.nn.init.normal_(cleaner.get_submodule("last").weight, std=0.01)
        long.grow(short.state_dict())
        known = short.unrolled(y, blur.otf[None, None], sigma)
        found = long.unrolled(y, blur.otf[None, None], sigma)
    torch.testing.assert_close(found[:2], known)
    kernel = torch.fft.irfft2(blur.otf, s=(60, 66)).double().numpy()
    image, last = y[0, 0].double().numpy(), known[1][0, 0].double().numpy()
    expected = minimiser(image, last, np.fft.fft2(kernel), 2 * WEIGHTS[1])
    np.testing.assert_allclose(found[2][0, 0], expected, atol=1e-4)


@pytest.mark.parametrize("iterations", [1, 5])
def test_weights_know_their_steps(iterations: int) -> None:
    usual, odd = (
        deconvolve(PHOTO[:60, :66], SHAKE, "unrolled", domain="photo", noise=0.01, **fields)
        for fields in ({}, {"iterations": iterations})
    )
    np.testing.assert_array_equal(odd, usual)


def test_tiles_agree_on_the_grids_of_every_scale() -> None:
    for size in (1, 8, 9, 31):
        assert not any(n % 8 for n in Unrolled().halo((size, size)))


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.05])
def test_beats_fcnn_without_being_told_the_noise(noise: float) -> None:
    blurred, truth = degrade(PHOTO, SHAKE, noise=noise, seed=2)
    inside = (slice(12, -12),) * 2
    ours, fcnn = (
        peak_signal_noise_ratio(
            truth[inside], deconvolve(blurred, SHAKE, name)[inside].clip(0, 1), data_range=1
        )
        for name in ("unrolled", "fcnn")
    )
    assert ours > fcnn


def test_clipped_highlights_do_not_ring() -> None:
    psf, inside = Disk(radius_px=4)(), (slice(12, -12),) * 2
    clipped, truth = degrade(PHOTO, psf, noise=0.01, gain=1.7, saturation=1.0)

    def gain_db(method: str) -> float:
        sharp = deconvolve(clipped, psf, method, noise=0.01)[inside].clip(0, 1)
        return peak_signal_noise_ratio(truth[inside], sharp, data_range=1) - blurred

    blurred = peak_signal_noise_ratio(truth[inside], clipped[inside], data_range=1)
    assert gain_db("unrolled") > 1.5
    assert gain_db("hyper-laplacian") < 0
