"""What patches go through beyond blur and noise: it happens, and the network is told the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation.chain import Chain
from napari_deconv.degradation.sampling import PSFRange, Sampler
from napari_deconv.psf import CameraShake, Gaussian
from napari_deconv.restoration.networks.fcnn import FCNN
from napari_deconv.restoration.networks.unrolled import Unrolled
from napari_deconv.restoration.weights import read_weights
from napari_deconv.train import state
from napari_deconv.train.cameras import Camera
from napari_deconv.train.loop import fit
from napari_deconv.train.mistakes import mistaken
from napari_deconv.train.pairs import make_batch
from napari_deconv.train.recipe import Recipe

BLUR = Sampler(psfs=(PSFRange(low=Gaussian(sigma_px=1.5), high=Gaussian(sigma_px=1.5)),))
RECIPE = Recipe(
    method=Unrolled(iterations=2, colour=True),
    sampler=BLUR,
    colours=0.5,
    patch_px=64,
    batch=2,
    steps=4,
    held_out=2,
)
COLOURS = np.random.default_rng(0).random((3, 12, 12), np.float32).repeat(8, 1).repeat(8, 2)


def blurred(batch: object) -> torch.Tensor:
    shape = batch.truth.shape[-2:]  # type: ignore[attr-defined]
    return torch.fft.irfft2(torch.fft.rfft2(batch.truth) * batch.otf, s=shape)  # type: ignore[attr-defined]


def test_the_noise_of_colours_is_told_for_their_mean_and_for_how_they_differ() -> None:
    rng = np.random.default_rng(1)
    batch = make_batch([COLOURS] * 12, replace(RECIPE, noise_low=0.02), rng, colours=True)
    error = batch.y - blurred(batch)
    mean = error.mean(1).square().mean((1, 2)).sqrt()
    torch.testing.assert_close(mean, batch.sigma[:, 0, 0, 0], rtol=0.1, atol=0)
    every = error.square().mean((1, 2, 3)).sqrt()
    torch.testing.assert_close(every, batch.noise.flatten(), rtol=0.1, atol=0)
    shares = mean / every
    assert shares.min() < 0.62 and shares.max() > 0.75  # independent, and in common


def test_a_camera_clips_and_codes_and_what_that_costs_is_told_as_noise() -> None:
    harsh = Chain(saturation=1.0, jpeg_quality=30, gain=2.0)
    recipe = replace(RECIPE, cameras=(Camera(share=1.0, mildest=harsh, harshest=harsh),))
    recipe = replace(recipe, noise_low=1e-3, noise_high=0.2)
    for colours in (True, False):
        batch = make_batch([COLOURS] * 4, recipe, np.random.default_rng(2), colours=colours)
        assert batch.clipped is not None and 0.05 < batch.clipped.float().mean() < 0.8
        assert (batch.y[batch.clipped] >= 0.999).all() and batch.y.max() <= 1
        assert (batch.noise > 0.01).all() and batch.y.shape[1] == (3 if colours else 1)
    plain = replace(recipe, method=FCNN(), colours=0.0)
    assert make_batch([COLOURS[0]], plain, np.random.default_rng(2)).clipped is None


@pytest.mark.parametrize("seed", range(8))
def test_a_mistaken_psf_is_near_the_right_one(seed: int) -> None:
    psf = CameraShake(size_px=21, seed=3)()
    guess = mistaken(psf, np.random.default_rng(seed))
    wide = np.pad(psf, [(a - b) // 2 for a, b in zip(guess.shape, psf.shape, strict=True)])
    assert guess.sum() == pytest.approx(1, abs=1e-5) and guess.min() >= 0
    similarity = float((guess * wide).sum() / np.linalg.norm(guess) / np.linalg.norm(wide))
    assert 0.5 < similarity < 0.99999


def test_photos_are_shrunk_by_up_to_the_factor() -> None:
    stripes = np.tile(np.arange(200, dtype=np.float32) % 20 < 10, (200, 1)).astype(np.float32)
    recipe = replace(RECIPE, shrunk=2.0, colours=0.0)
    truths = make_batch([stripes] * 30, recipe, np.random.default_rng(0)).truth.numpy()
    assert truths.shape == (30, 1, 64, 64) and truths.min() >= 0 and truths.max() <= 1
    lines = [max(truth[0].mean(0).std(), truth[0].mean(1).std()) for truth in truths]
    power = np.abs(np.fft.rfft2(truths[:, 0])) ** 2
    power[:, 0, 0] = 0
    strongest = [max(np.unravel_index(p.argmax(), p.shape)) for p in power]
    periods = [64 / min(n, 64 - n) for n in strongest]
    assert min(lines) > 0.3 and min(periods) < 13 and max(periods) > 17


def test_patches_grow_towards_the_end_and_the_rate_sinks_to_the_share_asked_for() -> None:
    recipe = replace(RECIPE, steps=100, batch=8, late_px=128, late_share=0.25, rate_end=0.001)
    assert [recipe.sizes(step) for step in (0, 74, 75, 99)] == [(64, 8)] * 2 + [(128, 2)] * 2
    assert recipe.least_px == 128 and replace(recipe, late_share=0.0).least_px == 64
    assert state.rate(recipe, 100) == pytest.approx(0.001 * recipe.rate)


def test_a_network_for_colour_learns_from_both_and_names_its_images(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(4):
        pixels = np.random.default_rng(i).integers(0, 255, (9, 9, 3), np.uint8)
        Image.fromarray(pixels.repeat(8, 0).repeat(8, 1)).save(folder / f"{i}.png")
    seen = list(fit(RECIPE, folder, tmp_path / "run", device="cpu"))
    assert seen[-1].scenes[-1] == "0.05, colour" and len(seen[-1].psnr) == 6
    _, header = read_weights(tmp_path / "run" / "best.safetensors", "unrolled")
    assert header["recipe"]["images"] == ["1.png", "3.png"]
    assert header["fields"]["colour"] is True


def test_colours_need_a_method_that_restores_them_together() -> None:
    with pytest.raises(DeconvError, match="colours one by one"):
        replace(RECIPE, method=Unrolled())
