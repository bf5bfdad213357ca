"""Plug-and-play: its denoiser by itself, the splitting around it, and what it is good for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.data import camera
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_tv_chambolle

from napari_deconv import deconvolve, degrade
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Disk
from napari_deconv.restoration import plug_and_play
from napari_deconv.restoration.networks.denoisers import SmallUNet
from napari_deconv.restoration.plug_and_play import PlugAndPlay, levels
from napari_deconv.restoration.weights import load_network, locate, read_header

# A photo that nothing was learned from.
PHOTO = camera()[100:228, 180:308].astype(np.float32) / 255


def psnr_db(estimate: np.ndarray) -> float:
    return float(peak_signal_noise_ratio(PHOTO, estimate, data_range=1))


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_the_denoiser_beats_total_variation(sigma: float) -> None:
    noise = np.random.default_rng(0).normal(0, sigma, PHOTO.shape)
    noisy = (PHOTO + noise).astype(np.float32)
    network = load_network(PlugAndPlay(), torch.device("cpu"))
    clean = network.denoised(torch.from_numpy(noisy)[None, None], sigma)[0, 0].numpy()
    tv = max(psnr_db(denoise_tv_chambolle(noisy, weight * sigma)) for weight in (0.5, 0.8, 1.2))
    assert psnr_db(clean) > tv + 0.3


def test_noise_levels_end_at_the_image_s_even_where_that_is_more_than_the_first() -> None:
    assert levels(0.01, 3) == pytest.approx([0.2, (0.2 * 0.01) ** 0.5, 0.01])
    assert levels(0.5, 2) == pytest.approx([0.5, 0.5])


def test_a_denoiser_that_does_nothing_leaves_a_damped_inverse(monkeypatch) -> None:
    # Its last layer starts at 0. What remains drives the residual to 0: the more steps, the less.
    monkeypatch.setattr(plug_and_play, "load_network", lambda *_: SmallUNet().requires_grad_(False))
    psf = Disk(radius_px=2)()
    image, _ = degrade(PHOTO, psf, noise=0.01, seed=1)
    found = [deconvolve(image, psf, PlugAndPlay(iterations=n), noise=0.01) for n in (1, 3, 9)]
    residuals = [np.square(degrade(x, psf)[0] - image)[8:-8, 8:-8].mean() for x in found]
    assert residuals[0] > residuals[1] > residuals[2]


def test_beats_the_hyper_laplacian_and_says_what_it_was() -> None:
    psf = Disk(radius_px=3)()
    image, _ = degrade(PHOTO, psf, noise=0.01, seed=1)
    found = drain(stream(PlugAndPlay(), image, psf, noise=0.01))
    other = deconvolve(image, psf, "hyper-laplacian", noise=0.01)
    assert psnr_db(found.data) > psnr_db(other) + 0.5
    digest = read_header(locate("plug-and-play"))["sha256"]
    chosen = {"denoiser": "u-net", "weights": "plug-and-play", "sha256": digest}
    assert found.recipe["chosen"] == chosen
    assert not found.notes


def test_warns_where_the_image_is_no_photo() -> None:
    cells = np.full((48, 48), 3000, np.uint16)
    cells[20:24, 20:24] = 9000
    found = drain(stream(PlugAndPlay(iterations=1), cells, Disk(radius_px=2)(), noise=10.0))
    assert any("trained on photos" in note.text for note in found.notes)


def test_the_shipped_weights_are_small_and_say_what_they_are() -> None:
    path = locate("plug-and-play")
    assert path.stat().st_size < 2e6
    header = read_header(path)
    assert header["trained_on"] and "commercial" in header["licence"]
