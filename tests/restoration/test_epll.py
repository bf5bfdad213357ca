"""EPLL: its mixture against SciPy's, its patches against all the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from skimage.data import camera
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from napari_deconv import deconvolve, degrade
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Disk
from napari_deconv.restoration.epll import EPLL
from napari_deconv.restoration.patch_prior import Denoiser, Prior, denoised
from napari_deconv.restoration.weights import locate, read_header, read_weights

NOISE = 0.1


@pytest.fixture
def mixture() -> tuple[Prior, np.ndarray, np.ndarray]:
    """Three components of very different spread; prior, weights and covariances."""
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 64, 64)) * np.array([0.002, 0.02, 0.1])[:, None, None]
    roots *= np.linspace(1, 0, 64) ** 4  # few strong directions, as patches have
    covariances = roots @ roots.transpose(0, 2, 1)
    weights = np.array([0.5, 0.3, 0.2])
    return Prior.of(weights, covariances), weights, covariances


def test_the_likeliest_component_and_its_wiener_filter(
    mixture: tuple[Prior, np.ndarray, np.ndarray],
) -> None:
    prior, weights, covariances = mixture
    rng = np.random.default_rng(1)
    noisy = [c + NOISE**2 * np.eye(64) for c in covariances]
    x = np.concatenate([rng.multivariate_normal(np.zeros(64), c, 40) for c in noisy])
    flat = x - x.mean(1, keepdims=True)
    pairs = zip(weights, noisy, strict=True)
    laws = [np.log(w) + multivariate_normal(None, c).logpdf(flat) for w, c in pairs]
    best = np.argmax(laws, 0)
    chosen = prior.at(NOISE).choose(torch.from_numpy(flat).float()).numpy()
    assert (chosen == best).mean() > 0.95
    assert set(chosen) == {0, 1, 2}
    picked = zip(chosen, flat, strict=True)
    wanted = [covariances[k] @ np.linalg.solve(noisy[k], f) for k, f in picked]
    found = prior.at(NOISE)(torch.from_numpy(x).float()).numpy() - x.mean(1, keepdims=True)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


class _Untouched(Denoiser):
    def __init__(self) -> None: ...

    def __call__(self, patches: Tensor) -> Tensor:
        return patches


@pytest.mark.parametrize("stride", [1, 3, 8])
@pytest.mark.parametrize("shape", [(8, 9), (19, 25), (1, 40)])
def test_patches_cover_every_pixel_in_whatever_slabs(stride: int, shape: tuple[int, int]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    for most in (1, 30, 10000):
        found = denoised(x, _Untouched(), stride, lambda: None, most)
        torch.testing.assert_close(found, x)


def test_slabs_do_not_matter(mixture: tuple[Prior, np.ndarray, np.ndarray]) -> None:
    denoiser = mixture[0].at(NOISE)
    x = torch.rand((30, 33), generator=torch.Generator().manual_seed(0))
    a, b = (denoised(x, denoiser, 2, lambda: None, most) for most in (40, 10000))
    torch.testing.assert_close(a, b)


def test_beats_the_hyper_laplacian() -> None:
    # A photo that the mixture was not learned from.
    sharp = camera()[100:228, 180:308].astype(np.float32) / 255
    psf = Disk(radius_px=3)()
    image, truth = degrade(sharp, psf, noise=0.01, seed=1)
    epll, other = (
        peak_signal_noise_ratio(truth, deconvolve(image, psf, name, noise=0.01), data_range=1)
        for name in ("epll", "hyper-laplacian")
    )
    assert epll > other + 0.4


def test_the_shipped_mixture_is_one() -> None:
    tensors, header = read_weights(locate("epll"), "epll")
    assert tensors["log_weights"].float().exp().sum().item() == pytest.approx(1, abs=5e-3)
    one = tensors["directions"][7].float()
    torch.testing.assert_close(one @ one.T, torch.eye(64), atol=5e-3, rtol=0)
    assert header["trained_on"] and header["licence"]
    assert locate("epll").stat().st_size < 3e6
    assert EPLL().network().log_weights.shape == tensors["log_weights"].shape


def test_the_recipe_names_the_mixture() -> None:
    image = np.pad(np.ones((6, 6), np.float32), 5)
    found = drain(stream(EPLL(stride_px=8), image, Disk(radius_px=1)()))
    digest = read_header(locate("epll"))["sha256"]
    assert found.recipe["chosen"] == {"weights": "epll", "sha256": digest}
