"""Training pairs of stacks: generated structures, random microscopes, photons and a camera."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.progress import drain
from ...degradation import volumes
from ...engine.intensity import robust_maximum
from ...engine.problem import Problem
from ...engine.readings import image_noise
from ...io.atomic import replacing
from ...restoration.networks.unrolled3d import looked_at
from ...signal.fourier import Blur, fast_shape
from .microscopes import Bank, Optics
from .recipe import StackRecipe

_EXAM = 3
"""Stacks per number of photons to validate on."""
_EXAM_PHOTONS = (20.0, 200.0, 1000.0)
_FIRST = 24
"""Stacks that there are before the first step."""


@dataclass(frozen=True, eq=False)
class StackBatch:
    """What a network is shown of degraded stacks, and what they were.

    Parameters
    ----------
    images, levels : Tensor
        As `unrolled3d.Views`, ``(B, IMAGES, Z, Y, X)`` and ``(B, LEVELS, 1, 1, 1)``.
    truth : Tensor
        float32 ``(B, 1, Z, Y, X)`` on the unit scale.
    """

    images: Tensor
    levels: Tensor
    truth: Tensor

    @property
    def y(self) -> Tensor:
        """The first tensor, which has the number of stacks and the device."""
        return self.images

    @property
    def noise(self) -> Tensor:
        """Zeros, ``(B, 1, 1, 1, 1)``: by default stacks weigh alike, whatever their noise."""
        return self.truth.new_zeros((len(self.truth), 1, 1, 1, 1))

    @property
    def seen(self) -> tuple[Tensor, ...]:
        """Arguments of the network's `unrolled`."""
        return self.images, self.levels

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        return self.images, self.levels, self.truth

    def split(self, parts: int) -> list[StackBatch]:
        """Split into equal parts, if it has as many stacks."""
        size = -(-len(self.images) // parts)
        columns = (t.split(size) for t in self._tensors)
        return [StackBatch(*part) for part in zip(*columns, strict=True)]

    @classmethod
    def joined(cls, parts: Sequence[StackBatch]) -> StackBatch:
        """Join several batches."""
        columns = zip(*(part._tensors for part in parts), strict=True)
        return cls(*(torch.cat(column) for column in columns))

    def to(self, device: torch.device) -> StackBatch:
        """Move the batch to a device."""
        return StackBatch(*(t.to(device) for t in self._tensors))

    def turned(self, rng: np.random.Generator) -> StackBatch:
        """Mirrored along some axes, rows and columns swapped or not: as good as new."""
        axes = [axis for axis in (-3, -2, -1) if rng.integers(2)]
        swapped = self.images.shape[-2] == self.images.shape[-1] and rng.integers(2)

        def turn(x: Tensor) -> Tensor:
            x = x.flip(axes) if axes else x
            return x.transpose(-2, -1) if swapped else x

        return StackBatch(turn(self.images), self.levels, turn(self.truth))


@dataclass(frozen=True, eq=False)
class Shelf:
    """Stacks by number, each made when it is first asked for and kept as a file.

    Parameters
    ----------
    recipe : StackRecipe
        Sizes and structures.
    bank : Bank
        Microscopes.
    folder : Path
        Where files lie.
    """

    recipe: StackRecipe
    bank: Bank
    folder: Path

    def take(self, number: int, photons: float = 0.0) -> StackBatch:
        """A stack; a pure function of the recipe, its number and its photons (0: any)."""
        exam = f"exam-{photons:g}-" if photons else ""
        file = self.folder / f"{exam}{number:06d}.npz"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            seed = (self.recipe.seed, number, *([round(photons)] if photons else []))
            rng = np.random.default_rng(seed)
            photons = photons or _between(self.recipe.photons_low, self.recipe.photons_high, rng)
            fresh = stack_pair(self.recipe, self.bank, rng, photons)
            images, truth = (x.half().numpy() for x in (fresh.images, fresh.truth))
            with replacing(file) as beside, beside.open("wb") as out:
                np.savez(out, images=images, levels=fresh.levels.numpy(), truth=truth)
        with np.load(file) as data:
            parts = (data[key].astype(np.float32) for key in ("images", "levels", "truth"))
            return StackBatch(*map(torch.from_numpy, parts))

    def draw(self, step: int, rng: np.random.Generator) -> StackBatch:
        """The batch of a step, of the stacks that there are by then."""
        count = min(self.recipe.stacks, _FIRST + step // self.recipe.steps_per_stack)
        numbers = rng.integers(count, size=self.recipe.batch)
        if step % self.recipe.steps_per_stack == 0 and count > _FIRST:
            numbers[0] = count - 1  # a new one is used at once
        return StackBatch.joined([self.take(int(n)).turned(rng) for n in numbers])


def exam(shelf: Shelf) -> Iterator[tuple[str, StackBatch]]:
    """Stacks to validate on, by their number of photons; the same every time."""
    low, high = shelf.recipe.photons_low, shelf.recipe.photons_high
    levels = [photons for photons in _EXAM_PHOTONS if low <= photons <= high]
    for photons in levels or [float(f"{math.sqrt(low * high):.3g}")]:
        pairs = [shelf.take(number, photons) for number in range(_EXAM)]
        yield f"{photons:g} photons", StackBatch.joined(pairs)


def stack_pair(
    recipe: StackRecipe, bank: Bank, rng: np.random.Generator, photons: float
) -> StackBatch:
    """A random stack of one item with its truth, cut out of a larger object.

    Light from beyond the borders is in it, as it is in a real one.

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
    sizes = (recipe.depth_px, recipe.patch_px, recipe.patch_px)
    rings = optics.psf.shape
    whole = tuple(n + k - 1 for n, k in zip(sizes, rings, strict=True))
    inside = tuple(slice(k // 2, k // 2 + n) for n, k in zip(sizes, rings, strict=True))
    shape = (whole[0], whole[1], whole[2])
    # The background comes later, so that it is a share of what is seen, not of sharp points.
    dark = recipe.structures.but(background_low=1e-4, background_high=1e-3)
    sharp = torch.from_numpy(dark.stack(shape, rng, optics.spacing))
    otf = Blur(torch.from_numpy(optics.psf), shape).otf
    blurred = _blurred(sharp, otf)
    sharp = sharp / blurred[inside].max()
    level = _between(recipe.background_low, recipe.background_high, rng)
    haze = volumes.field(shape, optics.spacing, 2 * recipe.structures.cell_px, rng)
    sharp = sharp + torch.from_numpy(
        (level * np.exp(np.float32(rng.uniform(0, 0.4)) * haze)).astype(np.float32)
    )
    mean = photons * _blurred(sharp, otf).clamp(min=0)[inside]
    read = offset = 0.0
    if rng.random() < recipe.read_share:
        read = _between(recipe.read_low, recipe.read_high, rng)
    if rng.random() < recipe.offset_share:
        offset = photons * rng.uniform(recipe.offset_low, recipe.offset_high)
    counts = rng.poisson(mean.numpy().astype(np.float64)).astype(np.float32)
    counts += np.float32(offset) + np.float32(read) * rng.standard_normal(sizes, dtype=np.float32)
    # The engine's scale; a patch need not hold what is brightest in its stack.
    scale = robust_maximum(counts) / (_between(0.4, 1, rng) if rng.integers(2) else 1.0)
    problem = _problem((counts.clip(0) / scale).astype(np.float32), optics)
    views = drain(looked_at(problem))
    truth = (photons * sharp[inside] + offset) / scale
    return StackBatch(views.images, views.levels, truth.float()[None, None])


def _problem(seen: NDArray[np.float32], optics: Optics) -> Problem:
    """A stack as the engine hands it on, with what the engine reads of its noise."""
    noise = image_noise(seen, "ZYX")
    grid = fast_shape([n + k - 1 for n, k in zip(seen.shape, optics.believed.shape, strict=True)])
    return Problem(
        seen=torch.from_numpy(seen)[None],
        psf=torch.from_numpy(optics.believed),
        grid=grid,
        offset=tuple(k // 2 for k in optics.believed.shape),
        noise=noise.level,
        law=noise.law,
        white=float(seen.max()),
        spacing=optics.spacing,
    )


def _blurred(sharp: Tensor, otf: Tensor) -> Tensor:
    return torch.fft.irfftn(torch.fft.rfftn(sharp) * otf, s=sharp.shape)


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    """Draw a number log-uniformly."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))
