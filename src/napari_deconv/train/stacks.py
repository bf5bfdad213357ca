"""Training pairs of stacks: generated structures, random microscopes, photons and a camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..degradation import volumes
from ..engine.intensity import robust_maximum
from ..signal.fourier import Blur
from .microscopes import Bank
from .stack_recipe import StackRecipe

_EXAM = 8
"""Stacks per number of photons to validate on."""
_EXAM_PHOTONS = (20.0, 200.0, 1000.0)
_UNIFORM = 0.1
"""Share of stacks whose noise is told as if it were the same everywhere: no law was seen."""


@dataclass(frozen=True, eq=False)
class StackBatch:
    """Degraded stacks and what they were.

    Parameters
    ----------
    y, truth : Tensor
        float32 ``(B, 1, Z, Y, X)`` on the unit scale, blurred circularly.
    otf : Tensor
        Half spectra of the PSFs that a network is told, ``(B, 1, Z, Y, X // 2 + 1)``.
    sigma, slope, constant : Tensor
        Noise: root of its mean variance, and its variance by the mean of a voxel,
        ``(B, 1, 1, 1, 1)``.
    spacing : Tensor
        Voxel size over the smallest, ``(B, 3, 1, 1, 1)``.
    """

    y: Tensor
    truth: Tensor
    otf: Tensor
    sigma: Tensor
    slope: Tensor
    constant: Tensor
    spacing: Tensor

    @property
    def seen(self) -> tuple[Tensor, ...]:
        """What a network is shown."""
        return self.y, self.otf, self.sigma, self.slope, self.constant, self.spacing

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        return self.y, self.truth, *self.seen[1:]

    def split(self, parts: int) -> list[StackBatch]:
        """As equal parts, if it has as many stacks."""
        size = -(-len(self.y) // parts)
        columns = (t.split(size) for t in self._tensors)
        return [StackBatch(*part) for part in zip(*columns, strict=True)]

    @classmethod
    def joined(cls, parts: Sequence[StackBatch]) -> StackBatch:
        """Several as one."""
        columns = zip(*(part._tensors for part in parts), strict=True)
        return cls(*(torch.cat(column) for column in columns))

    def to(self, device: torch.device) -> StackBatch:
        """The same on a device."""
        return StackBatch(*(t.to(device) for t in self._tensors))


def exam(recipe: StackRecipe, bank: Bank) -> dict[str, StackBatch]:
    """Stacks to validate on, by their number of photons; the same every time."""
    rng = np.random.default_rng(12345)
    return {
        f"{photons:g} photons": StackBatch.joined(
            [stack_pair(recipe, bank, rng, photons) for _ in range(_EXAM)]
        )
        for photons in _EXAM_PHOTONS
    }


def draw(recipe: StackRecipe, bank: Bank, rng: np.random.Generator) -> StackBatch:
    """The next batch; a pure function of the generator."""

    def one() -> StackBatch:
        photons = _between(recipe.photons_low, recipe.photons_high, rng)
        return stack_pair(recipe, bank, rng, photons)

    return StackBatch.joined([one() for _ in range(recipe.batch)])


def stack_pair(
    recipe: StackRecipe, bank: Bank, rng: np.random.Generator, photons: float
) -> StackBatch:
    """A random stack of one item with its truth.

    Parameters
    ----------
    recipe : StackRecipe
        Sizes and structures.
    bank : Bank
        Microscopes.
    rng : Generator
        Draws everything.
    photons : float
        Expected at the brightest voxel, without background.
    """
    optics = bank.draw(rng)
    shape = (recipe.depth_px, recipe.patch_px, recipe.patch_px)
    # The background comes later, so that it is a share of what is seen, not of sharp points.
    dark = recipe.structures.but(background_low=1e-4, background_high=1e-3)
    sharp = torch.from_numpy(dark.stack(shape, rng, optics.spacing))
    otf = Blur(torch.from_numpy(optics.psf), shape).otf
    blurred = _blurred(sharp, otf)
    sharp = sharp / blurred.max()
    level = _between(0.003, 0.5, rng)
    haze = volumes.field(shape, optics.spacing, 2 * recipe.structures.cell_px, rng)
    sharp = sharp + torch.from_numpy(
        (level * np.exp(np.float32(rng.uniform(0, 0.4)) * haze)).astype(np.float32)
    )
    mean = photons * _blurred(sharp, otf).clamp(min=0)
    read = _between(0.3, 3, rng) if rng.integers(2) else 0.0
    offset = photons * rng.uniform(0, 0.3) if rng.random() < 0.3 else 0.0
    counts = rng.poisson(mean.numpy().astype(np.float64)).astype(np.float32)
    counts += np.float32(offset) + np.float32(read) * rng.standard_normal(shape, dtype=np.float32)
    # The engine's scale; a patch need not hold what is brightest in its stack.
    scale = robust_maximum(counts) / _between(0.4, 1, rng)
    law = (1 / scale, (read / scale) ** 2 - offset / scale**2)
    average = float(counts.mean()) / scale
    return StackBatch(
        torch.from_numpy(counts / np.float32(scale))[None, None],
        ((photons * sharp + offset) / scale).float()[None, None],
        Blur(torch.from_numpy(optics.believed), shape).otf[None, None],
        *_believed(law, average, rng),
        torch.tensor(optics.spacing, dtype=torch.float32).view(1, 3, 1, 1, 1),
    )


def _believed(
    law: tuple[float, float], average: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Sigma, slope and constant of the noise as an estimate would tell them."""
    slope, constant = law
    sigma = math.sqrt(max(slope * average + constant, 1e-8)) * math.exp(
        0.05 * rng.standard_normal()
    )
    slope *= math.exp(0.1 * rng.standard_normal())
    if rng.random() < _UNIFORM:
        slope = 0.0
    constant = sigma**2 - slope * average
    return tuple(torch.full((1, 1, 1, 1, 1), v) for v in (sigma, slope, constant))  # type: ignore[return-value]


def _blurred(sharp: Tensor, otf: Tensor) -> Tensor:
    return torch.fft.irfftn(torch.fft.rfftn(sharp) * otf, s=sharp.shape)


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    """Log-uniform."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))
