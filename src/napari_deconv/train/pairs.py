"""Training pairs, made on the fly by the same PSFs and cameras that the panels use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.fourier import Blur
from ..degradation.sampling import Sampler

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
    """

    y: Tensor
    truth: Tensor
    otf: Tensor
    sigma: Tensor

    def split(self, parts: int) -> list[Batch]:
        """As equal parts, if it has as many patches."""
        size = -(-len(self.y) // parts)
        columns = (t.split(size) for t in (self.y, self.truth, self.otf, self.sigma))
        return [Batch(*part) for part in zip(*columns, strict=True)]

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(*(t.to(device) for t in (self.y, self.truth, self.otf, self.sigma)))


def make_batch(
    images: Images,
    sampler: Sampler,
    noise: tuple[float, float],
    patch_px: int,
    rng: np.random.Generator,
) -> Batch:
    """A random patch of every image under a random scene; a pure function of the generator.

    The noise is drawn log-uniformly, because what matters between 0.3 % and 10 % is the ratio;
    everything else is the sampler's.
    """
    drawn = [_pair(_patch(image, patch_px, rng), sampler, noise, rng) for image in images]
    return Batch(*(torch.stack(column) for column in zip(*drawn, strict=True)))


def _pair(
    sharp: NDArray[np.float32],
    sampler: Sampler,
    noise: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    scene = sampler.draw(rng)
    psf = _fitted(scene.psf(), sharp.shape)
    sigma = math.exp(rng.uniform(math.log(noise[0]), math.log(noise[1])))
    degraded, truth = replace(scene.chain, boundary="periodic", noise=sigma)(sharp, psf)
    otf = Blur(torch.from_numpy(psf), sharp.shape).otf
    y, x = (torch.from_numpy(np.ascontiguousarray(a, np.float32))[None] for a in (degraded, truth))
    return y, x, otf[None], torch.full((1, 1, 1), sigma)


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
