"""Training pairs, made on the fly by the same PSFs and cameras that the panels use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..engine.intensity import robust_maximum
from ..psf.base import PSF
from ..signal.fourier import Blur
from ..signal.noise_law import NoiseLaw
from .recipe import Recipe

Images = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Batch:
    """Degraded patches and what they were.

    Parameters
    ----------
    y, truth : Tensor
        float32 ``(B, 1, P, P)`` on the unit scale, blurred circularly.
    otf : Tensor
        Half spectra of the PSFs, complex64 ``(B, 1, P, P // 2 + 1)``.
    sigma : Tensor
        Noise per patch, ``(B, 1, 1, 1)``.
    local : Tensor, optional
        Where there is photon noise: noise around each pixel over ``sigma``, like ``y``.
    """

    y: Tensor
    truth: Tensor
    otf: Tensor
    sigma: Tensor
    local: Tensor | None = None

    @property
    def seen(self) -> tuple[Tensor, ...]:
        """What a network is shown."""
        shown = (self.y, self.otf, self.sigma)
        return shown if self.local is None else (*shown, self.local)

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        first = (self.y, self.truth, self.otf, self.sigma)
        return first if self.local is None else (*first, self.local)

    def split(self, parts: int) -> list[Batch]:
        """As equal parts, if it has as many patches."""
        size = -(-len(self.y) // parts)
        columns = (t.split(size) for t in self._tensors)
        return [Batch(*part) for part in zip(*columns, strict=True)]

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """Several as one."""
        columns = zip(*(part._tensors for part in parts), strict=True)
        return cls(*(torch.cat(column) for column in columns))

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(*(t.to(device) for t in self._tensors))


def make_batch(
    images: Images,
    recipe: Recipe,
    rng: np.random.Generator,
    *,
    side_px: int = 0,
    noise: float = 0.0,
    photons: float = 0.0,
) -> Batch:
    """A random patch of every image under a random scene; a pure function of the generator.

    Noise, photons and pixel sizes are drawn log-uniformly, because what matters between 0.3 % and
    10 % is the ratio; everything else is the sampler's.

    Parameters
    ----------
    images : sequence of ndarray
        Sharp, gray float32 on the unit scale.
    recipe : Recipe
        Scenes, ranges and patch size.
    rng : Generator
        Draws everything.
    side_px : int
        In place of the recipe's patch size.
    noise, photons : float
        In place of drawn ones.
    """
    side = side_px or recipe.patch_px
    fixed = (noise, photons) if noise or photons else None
    drawn = [_pair(image, side, recipe, fixed, rng) for image in images]
    return Batch(*(torch.stack(column) for column in zip(*drawn, strict=True)))


def misjudge(batch: Batch, share: float, rng: np.random.Generator) -> Batch:
    """The same pairs, told a noise that is off by a random factor of ``1 +- share``."""
    if share == 0:
        return batch
    factors = np.exp(share * rng.standard_normal((len(batch.sigma), 1, 1, 1)))
    return replace(batch, sigma=batch.sigma * torch.from_numpy(factors.astype(np.float32)))


def _pair(
    image: NDArray[np.float32],
    side_px: int,
    recipe: Recipe,
    fixed: tuple[float, float] | None,
    rng: np.random.Generator,
) -> tuple[Tensor, ...]:
    sharp = _patch(image, side_px, rng)
    scene = recipe.sampler.draw(rng)
    psf = _fitted(rendered(scene.psf, recipe, rng), sharp.shape)
    drawn = _noise(recipe, rng)  # even if not needed: what follows then stays as it is
    noise, photons = fixed or drawn
    otf = Blur(torch.from_numpy(psf), sharp.shape).otf
    if recipe.rescaled:
        sharp = sharp * np.float32(_gain(sharp, float(image.max()), otf, rng))
    chain = replace(scene.chain, boundary="periodic", noise=noise, photons=photons)
    degraded, truth = chain(sharp, psf)
    y, x = (torch.from_numpy(np.ascontiguousarray(a, np.float32))[None] for a in (degraded, truth))
    # One number for both kinds of noise: what an estimator would tell.
    seen = math.hypot(noise, math.sqrt(max(0.0, degraded.mean()) / photons)) if photons else noise
    told = min(max(seen, recipe.noise_low), recipe.noise_high) if photons else noise
    pair = (y, x, otf[None], torch.full((1, 1, 1), told))
    if not recipe.photon_share:
        return pair
    local = torch.ones_like(y)
    if photons:
        mean = chain.gain * _blurred(torch.from_numpy(sharp), otf)[None]
        law = NoiseLaw(slope=1 / photons, constant=noise**2)
        local = law.variance(mean).sqrt().clip(recipe.noise_low, recipe.noise_high) / told
    return *pair, local


def _blurred(sharp: Tensor, otf: Tensor) -> Tensor:
    return torch.fft.irfft2(torch.fft.rfft2(sharp) * otf, s=sharp.shape)


def _noise(recipe: Recipe, rng: np.random.Generator) -> tuple[float, float]:
    """Standard deviation of the read noise, and photons at intensity 1 or 0."""
    noise = _log_uniform(recipe.noise_low, recipe.noise_high, rng)
    if recipe.photon_share and rng.random() < recipe.photon_share:
        return noise / 10, _log_uniform(recipe.photons_low, recipe.photons_high, rng)
    return noise, 0.0


def _gain(sharp: NDArray[np.float32], most: float, otf: Tensor, rng: np.random.Generator) -> float:
    """Brings what is seen of a patch to the engine's scale; see `Recipe.rescaled`."""
    blurred = _blurred(torch.from_numpy(sharp), otf)
    # What is empty stays dark: an image is not scaled by its background.
    scale = max(robust_maximum(blurred.numpy()), most / 4)
    return _log_uniform(0.2, 1.0, rng) / max(scale, 1e-3)


def rendered(psf: PSF, recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    """A PSF; a calibrated one on pixels of a size that the recipe allows."""
    if not psf.calibrated:
        return psf()
    pixel_um = _log_uniform(recipe.pixel_um_low, recipe.pixel_um_high, rng)
    # Its own choice of a size takes longer than a training step.
    return psf((_CALIBRATED_PX, _CALIBRATED_PX), (pixel_um, pixel_um))


_CALIBRATED_PX = 49


def _log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _patch(
    image: NDArray[np.float32], patch_px: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A random square, turned and mirrored at random."""
    top, left = (int(rng.integers(n - patch_px + 1)) for n in image.shape)
    patch = np.rot90(image[top : top + patch_px, left : left + patch_px], int(rng.integers(4)))
    return np.ascontiguousarray(patch[:, ::-1] if rng.integers(2) else patch)


def _fitted(psf: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A PSF cropped around its centre to the patch."""
    starts = [max(0, n // 2 - size // 2) for n, size in zip(psf.shape, shape, strict=True)]
    cut = psf[tuple(slice(a, a + size) for a, size in zip(starts, shape, strict=True))]
    return np.ascontiguousarray(cut / cut.sum(), np.float32)
