"""CSF: its step is the minimum it claims to be, its functions are what the table says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.data import camera
from skimage.metrics import peak_signal_noise_ratio

from napari_deconv import deconvolve, degrade
from napari_deconv.psf import Disk
from napari_deconv.restoration.networks.csf import Network, looked_up
from napari_deconv.signal.fourier import Blur

SIGMA = torch.full((1, 1, 1, 1), 0.02)


def circular(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Cross-correlation with a small kernel on a circle, pixel by pixel."""
    reach = kernel.shape[-1] // 2
    return sum(
        kernel[i, j] * x.roll((reach - i, reach - j), (-2, -1))
        for i in range(kernel.shape[0])
        for j in range(kernel.shape[1])
    )  # type: ignore[return-value]


def test_a_stage_minimises_misfit_and_distance_to_the_shrunk_responses() -> None:
    torch.manual_seed(0)
    network = Network(stages=1, size=3).double()
    with torch.no_grad():
        network.mixes.add_(0.1 * torch.randn_like(network.mixes))
    y, x = torch.rand(2, 1, 1, 14, 15, dtype=torch.float64)
    otf = Blur(torch.from_numpy(Disk(radius_px=1.5)()), (14, 15)).otf[None, None]
    weight = torch.exp(network.gamma[0, 1] - np.log(2)).detach()  # the noise is twice 1 %
    filters = torch.tensordot(network.mixes[0], network.basis, 1).detach()
    scale = 0.02
    table = (network.shapes[0] @ network.kernels).detach()
    wanted = [
        (v := circular(x, f)) - scale * looked_up(row[None], v / scale)
        for f, row in zip(filters, table, strict=True)
    ]

    def objective(z: torch.Tensor) -> torch.Tensor:
        blurred = torch.fft.irfft2(torch.fft.rfft2(z) * otf, s=z.shape[-2:])
        apart = sum(
            (circular(z, f) - w).square().sum() for f, w in zip(filters, wanted, strict=True)
        )
        return weight * (blurred - y).square().sum() + apart

    found = network(y, otf, SIGMA.double(), 1, x).detach().requires_grad_()
    (slope,) = torch.autograd.grad(objective(found), found)
    (before,) = torch.autograd.grad(objective(z := x.clone().requires_grad_()), z)
    assert float(slope.abs().max()) < 1e-6 * float(before.abs().max())


def test_functions_are_linear_between_their_values_and_keep_large_responses() -> None:
    network = Network(stages=1)
    table = (network.shapes[0] @ network.kernels).detach()
    at = torch.tensor([0.0, 1.0, 1.05, -1.0, 40.0]).view(1, 1, 1, -1)
    taken = looked_up(table[:1], at).flatten()
    assert float(taken[1]) == pytest.approx(np.exp(-0.5 / 1.5**2), abs=0.02)
    assert float(taken[1]) == pytest.approx(-float(taken[3]), abs=1e-3)
    step = (table[0, 113] - table[0, 112]) / 0.125
    assert float(taken[2] - taken[1]) == pytest.approx(0.05 * float(step), abs=1e-5)
    assert abs(float(taken[4])) < 1e-3


def test_the_shipped_weights_beat_the_hyper_laplacian() -> None:
    photo = camera()[100:228, 180:308].astype(np.float32) / 255
    psf = Disk(radius_px=3)()
    for noise in (0.01, 0.05):
        image, _ = degrade(photo, psf, noise=noise, seed=1)
        ours, other = (
            peak_signal_noise_ratio(photo, deconvolve(image, psf, name, noise=noise), data_range=1)
            for name in ("csf", "hyper-laplacian")
        )
        assert ours > other + 0.05
