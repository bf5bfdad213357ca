"""Training pairs, made on the fly by the same PSFs and cameras that the panels use."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from ..degradation.chain import Chain
from ..engine.intensity import robust_maximum
from ..engine.problem import INDEPENDENT
from ..psf.base import PSF
from ..restoration.networks.layers.opponent import noises
from ..signal.fourier import Blur
from ..signal.noise_law import NoiseLaw
from .cameras import chosen, measured
from .images import to_gray
from .mistakes import mistaken
from .recipe import Recipe

Images = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Batch:
    """Degraded patches and what they were.

    Parameters
    ----------
    y, truth : Tensor
        float32 ``(B, C, P, P)`` on the unit scale, blurred circularly; C is 1, or 3 for colours.
    otf : Tensor
        Half spectra of the PSFs, complex64 ``(B, 1, P, P // 2 + 1)``.
    sigma : Tensor
        Noise per patch, ``(B, 1, 1, 1)``; of colours, that of their mean and of how they differ,
        ``(B, 2, 1, 1)``.
    local : Tensor, optional
        Where there is photon noise: noise around each pixel over ``sigma``, like ``y``.
    clipped : Tensor, optional
        Where cameras clip: which pixels may have been brighter, like ``y``.
    """

    y: Tensor
    truth: Tensor
    otf: Tensor
    sigma: Tensor
    local: Tensor | None = None
    clipped: Tensor | None = None

    @property
    def seen(self) -> tuple[Tensor | None, ...]:
        """Arguments of the network's `unrolled`."""
        if self.clipped is not None:
            return (self.y, self.otf, self.sigma, self.local, self.clipped)
        shown = (self.y, self.otf, self.sigma)
        return shown if self.local is None else (*shown, self.local)

    @property
    def noise(self) -> Tensor:
        """Noise of a pixel, ``(B, 1, 1, 1)``."""
        if self.sigma.shape[1] == 1:
            return self.sigma
        mean, apart = self.sigma.split(1, 1)
        return (mean.square() + 2 * apart.square()).sqrt()

    def split(self, parts: int) -> list[Batch]:
        """Split into equal parts, if it has as many patches."""
        size = -(-len(self.y) // parts)
        return [self._part(slice(i, i + size)) for i in range(0, len(self.y), size)]

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """Join several batches."""

        def both(tensors: list[Tensor | None]) -> Tensor | None:
            given = [tensor for tensor in tensors if tensor is not None]
            return torch.cat(given) if given else None

        return cls(
            torch.cat([part.y for part in parts]),
            torch.cat([part.truth for part in parts]),
            torch.cat([part.otf for part in parts]),
            torch.cat([part.sigma for part in parts]),
            both([part.local for part in parts]),
            both([part.clipped for part in parts]),
        )

    def to(self, device: torch.device) -> Batch:
        """Move the batch to a device."""
        return self._each(lambda tensor: tensor.to(device))

    def _part(self, which: slice) -> Batch:
        return self._each(lambda tensor: tensor[which])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(
            change(self.y),
            change(self.truth),
            change(self.otf),
            change(self.sigma),
            None if self.local is None else change(self.local),
            None if self.clipped is None else change(self.clipped),
        )


def make_batch(
    images: Images,
    recipe: Recipe,
    rng: np.random.Generator,
    *,
    side_px: int = 0,
    noise: float = 0.0,
    photons: float = 0.0,
    colours: bool = False,
) -> Batch:
    """A random patch of every image under a random scene; a pure function of the generator.

    Noise, photons and pixel sizes are drawn log-uniformly, because what matters between 0.3 % and
    10 % is the ratio; everything else is the sampler's.

    Parameters
    ----------
    images : sequence of ndarray
        Sharp float32 on the unit scale, gray ``(Y, X)`` or of colours ``(3, Y, X)``.
    recipe : Recipe
        Scenes, ranges and patch size.
    rng : Generator
        Draws everything.
    side_px : int
        In place of the recipe's patch size.
    noise, photons : float
        In place of drawn ones; scenes that are so fixed have the sampler's camera and the right
        PSF.
    colours : bool
        Whether to keep the colours of images that have them.
    """
    side = side_px or recipe.patch_px
    fixed = (noise, photons) if noise or photons else None
    parts = []
    for image in images:
        sharp = _patch(image, side, recipe.shrunk, rng)
        sharp = sharp if colours or sharp.ndim == 2 else to_gray(sharp)
        most = float(image.max()) if recipe.rescaled else 1.0
        parts.append(_pair(sharp, most, recipe, fixed, rng))
    return Batch.joined(parts)


def misjudge(batch: Batch, share: float, rng: np.random.Generator) -> Batch:
    """The same pairs with their noise level off by a random factor of ``1 +- share``."""
    if share == 0:
        return batch
    factors = np.exp(share * rng.standard_normal(tuple(batch.sigma.shape)))
    return replace(batch, sigma=batch.sigma * torch.from_numpy(factors.astype(np.float32)))


def _pair(
    sharp: NDArray[np.float32],
    most: float,
    recipe: Recipe,
    fixed: tuple[float, float] | None,
    rng: np.random.Generator,
) -> Batch:
    scene = recipe.sampler.draw(rng)
    psf = _fitted(rendered(scene.psf, recipe, rng), sharp.shape[-2:])
    drawn = _noise(recipe, rng)  # even if not needed: what follows then stays as it is
    noise, photons = fixed or drawn
    otf = Blur(torch.from_numpy(psf), sharp.shape[-2:]).otf
    if recipe.rescaled:
        sharp = sharp * np.float32(_gain(sharp, most, otf, rng))
    chain, special = chosen(() if fixed else recipe.cameras, scene.chain, rng)
    chain = replace(chain, boundary="periodic", photons=photons)
    common, own = _common(sharp, special or fixed is not None, rng)
    degraded, truth = _degraded(replace(chain, noise=noise * own), sharp, psf)
    if own < 1:
        shared = math.sqrt(1 - own**2) * rng.standard_normal(sharp.shape[-2:], np.float32)
        degraded = degraded + np.float32(noise) * shared
    clipped = _clipped(degraded, chain) if _clips(recipe) else None
    # One number for both kinds of noise: what an estimator would tell.
    seen = math.hypot(noise, math.sqrt(max(0.0, degraded.mean()) / photons)) if photons else noise
    if special:
        clean = _blurred(torch.from_numpy(sharp), otf).mul_(chain.gain).numpy()
        none = np.zeros(degraded.shape, bool)
        seen, common = measured(degraded, clean, none if clipped is None else clipped)
    level = min(max(seen, recipe.noise_low), recipe.noise_high) if photons or special else noise
    sigma = torch.full((1, 1, 1, 1), level)
    local = None
    if recipe.photon_share:
        local = torch.ones((1, *degraded.shape))
        if photons:
            mean = chain.gain * _blurred(torch.from_numpy(sharp), otf).view(local.shape)
            law = NoiseLaw(slope=1 / photons, constant=noise**2)
            local = law.variance(mean).sqrt().clip(recipe.noise_low, recipe.noise_high) / level
    if not fixed and recipe.psf_off and rng.random() < recipe.psf_off:
        guess = _fitted(mistaken(psf, rng), sharp.shape[-2:])
        otf = Blur(torch.from_numpy(guess), sharp.shape[-2:]).otf
    return Batch(
        torch.from_numpy(np.ascontiguousarray(degraded))[None],
        torch.from_numpy(np.ascontiguousarray(truth))[None],
        otf[None, None],
        sigma if len(degraded) == 1 else noises(sigma, common),
        local,
        None if clipped is None else torch.from_numpy(clipped)[None],
    )


def _degraded(
    chain: Chain, sharp: NDArray[np.float32], psf: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Degrade ``(Y, X)`` or ``(3, Y, X)``: what the camera sees and the truth, ``(C, Y, X)``."""
    if sharp.ndim == 2:
        degraded, truth = chain(sharp, psf)
        return degraded[None], truth[None]
    pair = chain(np.moveaxis(sharp, 0, -1), psf, axes="YXS")
    degraded, truth = (np.moveaxis(each, -1, 0) for each in pair)
    return degraded, truth


def _common(
    sharp: NDArray[np.float32], independent: bool, rng: np.random.Generator
) -> tuple[float, float]:
    """Noise of the mean of three colours over that of one, and the part that each has alone.

    Half of the time the colours' noises are independent, as those of sensors are; otherwise they
    have a part in common, as after a camera's mixing.
    """
    if sharp.ndim == 2 or independent or rng.integers(2):
        return INDEPENDENT, 1.0
    own = float(rng.uniform(0.2, 1.0))
    return math.sqrt(1 - 2 / 3 * own**2), own


def _clips(recipe: Recipe) -> bool:
    """Whether to mark clipped pixels: where cameras clip and the network uses it."""
    some = any(camera.harshest.saturation for camera in recipe.cameras)
    return some and recipe.learned.heeds_clipping


def _clipped(degraded: NDArray[np.float32], chain: Chain) -> NDArray[np.bool_]:
    """Find highlights: pixels as bright as any, if the camera clips."""
    if not chain.saturation:
        return np.zeros(degraded.shape, bool)
    return degraded >= chain.saturation - _WHITE


_WHITE = 1e-3


def _blurred(sharp: Tensor, otf: Tensor) -> Tensor:
    return torch.fft.irfft2(torch.fft.rfft2(sharp) * otf, s=sharp.shape[-2:])


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
    image: NDArray[np.float32], patch_px: int, shrunk: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A random square, turned and mirrored at random, and shrunk by up to a factor."""
    most = min(shrunk, min(image.shape[-2:]) / patch_px)
    side = round(patch_px * _log_uniform(1, most, rng)) if most > 1 else patch_px
    top, left = (int(rng.integers(n - side + 1)) for n in image.shape[-2:])
    patch = image[..., top : top + side, left : left + side]
    patch = np.rot90(patch, int(rng.integers(4)), (-2, -1))
    patch = np.ascontiguousarray(patch[..., ::-1] if rng.integers(2) else patch)
    return patch if side == patch_px else _resized(patch, patch_px)


def _resized(patch: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    planes = torch.from_numpy(patch).view(1, -1, *patch.shape[-2:])
    small = interpolate(planes, (side, side), mode="bicubic", antialias=True).clamp_(0, 1)
    return small.view(*patch.shape[:-2], side, side).numpy()


def _fitted(psf: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A PSF cropped around its centre to the patch."""
    starts = [max(0, n // 2 - size // 2) for n, size in zip(psf.shape, shape, strict=True)]
    cut = psf[tuple(slice(a, a + size) for a, size in zip(starts, shape, strict=True))]
    return np.ascontiguousarray(cut / cut.sum(), np.float32)
