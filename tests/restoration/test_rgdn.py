"""RGDN: its step against numpy, its fixed point, its stopping rule, and that it pays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from napari_deconv import deconvolve, degrade
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.networks.layers.planes import from_phases, to_phases
from napari_deconv.restoration.networks.rgdn import RGDN, Network, PaperNetwork
from napari_deconv.signal.fourier import Blur

PHOTO = data.camera()[60:240, 100:284].astype(np.float32) / 255
SHAKE = CameraShake(size_px=15, seed=4)()


def scene(rows: int = 60, columns: int = 66) -> tuple[torch.Tensor, torch.Tensor, Blur]:
    truth = torch.from_numpy(PHOTO[:rows, :columns].copy())[None, None]
    blur = Blur(torch.from_numpy(SHAKE), truth.shape[-2:])
    return truth, blur.forward(truth), blur


def test_an_untrained_step_from_the_blurred_image_is_the_damped_inverse() -> None:
    _, y, blur = scene()
    network, otf = Network(), blur.otf[None, None]
    with torch.no_grad():
        found = network(y, y, otf, torch.full((1, 1, 1, 1), 0.02))[0, 0].numpy()
    image, h = y[0, 0].double().numpy(), blur.otf.numpy().astype(complex)
    damping = np.exp(-4.6) * 2**1.2
    spectrum = np.fft.rfft2(image)
    step = np.fft.irfft2(h.conj() * (h - 1) * spectrum / (abs(h) ** 2 + damping), s=image.shape)
    np.testing.assert_allclose(found, image - step, atol=1e-4)


def test_the_truth_without_noise_is_a_fixed_point() -> None:
    truth, y, blur = scene()
    with torch.no_grad():
        x = Network()(truth, y, blur.otf[None, None], torch.full((1, 1, 1, 1), 0.01))
    assert (x - truth).abs().max() < 1e-4


def test_the_paper_s_step_blends() -> None:
    truth, y, blur = scene()
    network = PaperNetwork(width=4)
    for parameter in network.direction.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        x = network(truth, y, blur.otf[None, None], torch.ones(1, 1, 1, 1))
    torch.testing.assert_close(x, 0.8 * truth)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (8, 12), (2, 9)])
def test_phases_there_and_back(shape: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *shape)
    phases = to_phases(x)
    assert phases.shape[1] == 12 and not any(n % 2 for n in phases.shape[-2:])
    assert torch.equal(from_phases(phases, shape), x)


def test_stops_when_the_misfit_no_longer_changes() -> None:
    blurred, _ = degrade(PHOTO[:90, :90], SHAKE, noise=0.02, seed=1)
    steps = {
        (most, tolerance): drain(stream(RGDN(iterations=most, tolerance=tolerance), blurred, SHAKE))
        .recipe.get("chosen", {})
        .get("iterations")
        for most, tolerance in ((6, 0.5), (3, 0.5), (6, 0.0))
    }
    # The weights were trained over three: there is nothing to choose up to there.
    assert steps == {(6, 0.5): 3, (3, 0.5): None, (6, 0.0): None}


def test_colours_get_one_number_of_steps_and_one_noise() -> None:
    gray, _ = degrade(PHOTO[:90, :90], SHAKE, noise=0.02, seed=1)
    flat = 0.4 + 0.02 * np.random.default_rng(0).standard_normal(gray.shape)
    image = np.stack([gray, flat, gray], -1).astype(np.float32)
    method = RGDN(iterations=5, tolerance=0.01)
    totals: list[int] = []
    result = drain(stream(method, image, SHAKE), lambda step: totals.append(step.total))
    assert len(totals) == 1 + totals[-1] == 1 + 3 * result.recipe["chosen"]["iterations"]
    np.testing.assert_array_equal(result.data[..., 0], result.data[..., 2])


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.05])
def test_beats_the_hyper_laplacian_prior_without_being_told_the_noise(noise: float) -> None:
    blurred, truth = degrade(PHOTO, SHAKE, noise=noise, seed=2)
    inside = (slice(12, -12),) * 2
    network, classic = (
        peak_signal_noise_ratio(
            truth[inside], deconvolve(blurred, SHAKE, name)[inside].clip(0, 1), data_range=1
        )
        for name in ("rgdn", "hyper-laplacian")
    )
    assert network > classic + 0.3
