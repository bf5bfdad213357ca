"""FCNN: its algebra against numpy, its symmetries, and that it beats what it is to beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from napari_deconv import deconvolve, degrade
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import CameraShake, Disk
from napari_deconv.restoration.networks.fcnn import FCNN, Denoiser, Network, rms, transfer
from napari_deconv.restoration.weights import load_network, locate, packed, read_header
from napari_deconv.signal.fourier import Blur

PHOTO = data.camera()[60:240, 100:284].astype(np.float32) / 255
SHAKE = CameraShake(size_px=15, seed=4)()
CPU = torch.device("cpu")
BOTH = pytest.mark.parametrize("iterations", [1, 3])


def psnr(estimate: np.ndarray, truth: np.ndarray, border: int = 12) -> float:
    inside = (slice(border, -border),) * 2
    return peak_signal_noise_ratio(truth[inside], estimate[inside].clip(0, 1), data_range=1)


def test_the_first_stage_is_the_paper_s_equation_6_without_a_guide() -> None:
    image, psf = PHOTO[:60, :64].astype(float), Disk(radius_px=2.0)()
    kernel = np.zeros(image.shape)
    kernel[: psf.shape[0], : psf.shape[1]] = psf
    kernel = np.fft.fft2(np.roll(kernel, [-(n // 2) for n in psf.shape], (0, 1)))
    across, down = np.zeros((2, *image.shape))
    across[0, :2] = down[:2, 0] = 1, -1
    rough = sum(abs(np.fft.fft2(d)) ** 2 for d in (across, down)) + 1e-4
    found = 250 * kernel.conj() * np.fft.fft2(image) / (250 * abs(kernel) ** 2 + rough)
    otf = Blur(torch.from_numpy(psf), image.shape).otf[None, None]
    y = torch.from_numpy(image.astype(np.float32))[None, None]
    with torch.no_grad():
        x = Network(1)(y, otf, torch.full((1, 1, 1, 1), 0.01), 0)
    np.testing.assert_allclose(x[0, 0], np.fft.ifft2(found).real, atol=1e-4)


@pytest.mark.parametrize("cleans", ["gradients", "intensities"])
def test_what_is_clean_of_the_truth_leads_to_the_truth(cleans: str) -> None:
    # An untrained denoiser changes nothing, so the truth is a fixed point of every stage.
    truth = torch.from_numpy(PHOTO[:60, :64].copy())[None, None]
    blur = Blur(torch.from_numpy(SHAKE), truth.shape[-2:])
    with torch.no_grad():
        sigma = torch.full((1, 1, 1, 1), 0.01)
        x = Network(1, cleans)(blur.forward(truth), blur.otf[None, None], sigma, 1, truth)
    assert (x - truth).abs().max() < 2e-3


@pytest.mark.parametrize("shape", [(8, 10), (7, 10), (8, 11), (7, 9)])
def test_gain_of_a_filter_against_white_noise(shape: tuple[int, int]) -> None:
    response = torch.rand(shape[0], shape[1] // 2 + 1)
    # Even and odd sizes: the impulse response's norm, by Parseval.
    response[:, 0] = 1
    if shape[1] % 2 == 0:
        response[:, -1] = 2
    norm = torch.fft.irfft2(response.to(torch.complex64), s=shape).norm()
    assert rms(response, shape[1]).item() == pytest.approx(norm.item(), rel=1e-5)


def test_transfer_is_that_of_the_difference() -> None:
    x = torch.rand(1, 1, 9, 12)
    for axis in (-1, -2):
        by_hand = torch.fft.rfft2(x - x.roll(1, axis))
        found = torch.fft.rfft2(x) * transfer(x.shape, axis, x.device)
        torch.testing.assert_close(found, by_hand, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 4), (5, 5)])
def test_denoiser_takes_any_shape_and_begins_as_the_identity(shape: tuple[int, int]) -> None:
    gradient, level = torch.rand(2, 1, *shape), torch.rand(2, 1, 1, 1)
    assert torch.equal(Denoiser(8)(gradient, level, level), gradient)


def test_the_file_of_weights_knows_what_it_cleans(tmp_path: Path) -> None:
    torch.manual_seed(0)
    blurred, _ = degrade(PHOTO[:50, :52], SHAKE, noise=0.02, seed=1)
    for cleans in ("gradients", "intensities"):
        method = FCNN(iterations=1, cleans=cleans)
        network = method.network()
        torch.nn.init.normal_(network.denoisers[0].layers[-1].weight, std=0.02)
        path = tmp_path / f"{cleans}.safetensors"
        path.write_bytes(packed(method, network, {"recipe": {}}))
        found = [
            drain(stream(asked.but(weights=str(path)), blurred, SHAKE, noise=0.02, device="cpu"))
            for asked in (method, FCNN(iterations=1))
        ]
        np.testing.assert_array_equal(found[0].data, found[1].data)
        assert load_network(FCNN(iterations=1, weights=str(path)), CPU).cleans == cleans
    assert found[1].recipe["chosen"] == {"cleans": "intensities"}


def test_files_older_than_the_field_clean_gradients() -> None:
    assert "cleans" not in read_header(locate("fcnn-3"))["fields"]
    for cleans in ("gradients", "intensities"):
        assert load_network(FCNN(iterations=3, cleans=cleans), CPU).cleans == "gradients"


@BOTH
def test_lying_or_standing_makes_no_difference(iterations: int) -> None:
    blurred, _ = degrade(PHOTO[:120, :120], SHAKE, noise=0.02, seed=1)
    flat = deconvolve(blurred, SHAKE, "fcnn", noise=0.02, iterations=iterations)
    stood = deconvolve(blurred.T, SHAKE.T, "fcnn", noise=0.02, iterations=iterations)
    # bfloat16 rounds a few pixels at strong edges the other way.
    assert np.sqrt(np.mean((stood.T - flat) ** 2)) < 2e-3
    assert np.abs(stood.T - flat).max() < 0.03


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.05])
def test_beats_the_hyper_laplacian_prior_and_one_iteration(noise: float) -> None:
    blurred, truth = degrade(PHOTO, SHAKE, noise=noise, seed=2)
    classic = psnr(deconvolve(blurred, SHAKE, "hyper-laplacian", noise=noise), truth)
    one, three = (
        psnr(deconvolve(blurred, SHAKE, "fcnn", noise=noise, iterations=n), truth) for n in (1, 3)
    )
    assert three > classic + 0.3
    assert three > one


def test_colour_stacks_and_counts_plane_by_plane() -> None:
    planes = np.stack([degrade(PHOTO, SHAKE, noise=0.02, seed=s)[0] for s in range(3)])
    planes = planes[:, :70, :72]
    each = [deconvolve(p, SHAKE, "fcnn", noise=0.02, iterations=1) for p in planes]
    stack = deconvolve(planes, SHAKE, "fcnn", axes="TYX", noise=0.02, iterations=1)
    colour = deconvolve(
        np.moveaxis(planes, 0, -1), SHAKE, "fcnn", axes="YXS", noise=0.02, iterations=1
    )
    # One intensity scale for all planes, so not quite each one's own.
    np.testing.assert_allclose(stack, np.stack(each), atol=0.02)
    np.testing.assert_allclose(np.moveaxis(colour, -1, 0), np.stack(each), atol=0.02)


def test_tiles_show_no_seam() -> None:
    blurred, _ = degrade(np.tile(PHOTO, (2, 1)), Disk(radius_px=2.0)(), noise=0.03, seed=1)
    method, psf = FCNN(iterations=1), Disk(radius_px=2.0)()
    whole = drain(stream(method, blurred, psf, noise=0.03, device="cpu"))
    tiled = drain(stream(method, blurred, psf, noise=0.03, device="cpu", memory_bytes=17_000_000))
    assert tiled.recipe["tiles"] != whole.recipe["tiles"] == [1, 1]
    assert np.abs(tiled.data - whole.data).max() < 0.02
    assert np.sqrt(np.mean((tiled.data - whole.data) ** 2)) < 1e-3
