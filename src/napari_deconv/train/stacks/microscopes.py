"""Microscopes at random: PSFs of stacks with the voxels they are seen on, rendered beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DeconvError
from ...io.atomic import replacing
from ...psf import PSF
from ...psf.microscope import Microscope

_MEDIA = ((1.0, 0.4, 0.95), (1.333, 0.5, 1.2), (1.45, 0.6, 1.3), (1.515, 0.7, 1.45))
"""Index of an immersion, and the apertures that are made for it."""
_SAMPLES = (1.333, 1.38, 1.45, 1.515)
_KINDS = (*4 * ("wide-field",), "confocal", "light-sheet", "two-photon", "gaussian")
"""Each drawn equally often: wide-field, which is hardest, half of the time."""
_WRONG = 0.3
"""Share of PSFs that are told slightly wrong."""


@dataclass(frozen=True, eq=False)
class Optics:
    """A PSF and the grid it lives on.

    Parameters
    ----------
    psf, believed : ndarray
        float32 ``(Z, Y, X)`` of unit sum: what blurs, and what a network is told.
    spacing : tuple of float
        Voxel size over the smallest, ``(z, y, x)``.
    """

    psf: NDArray[np.float32]
    believed: NDArray[np.float32]
    spacing: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Bank:
    """Several hundred of them, as half-precision roots: all fit memory.

    Parameters
    ----------
    roots : ndarray
        Roots of PSFs over their peaks, float16 ``(N, 2, Z, Y, X)``: what blurs, what is told.
    spacings : ndarray
        ``(N, 3)``.
    """

    roots: NDArray[np.float16]
    spacings: NDArray[np.float64]

    @classmethod
    def of(cls, drawn: Sequence[Optics]) -> Bank:
        """From microscopes."""
        roots = np.stack([[_root(one.psf), _root(one.believed)] for one in drawn])
        return cls(roots, np.array([one.spacing for one in drawn]))

    def save(self, file: Path) -> None:
        """Write it to ``NAME.npz``, which `bank` then takes."""
        with replacing(file) as beside, beside.open("wb") as out:
            np.savez(out, roots=self.roots, spacings=self.spacings)

    def draw(self, rng: np.random.Generator) -> Optics:
        """Draw one PSF of the bank, upside down half of the time."""
        number = int(rng.integers(len(self.roots)))
        pair = self.roots[number].astype(np.float32) ** 2
        if rng.integers(2):
            pair = pair[:, ::-1]
        psf, believed = (np.ascontiguousarray(psf_ / psf_.sum()) for psf_ in pair)
        z, y, x = map(float, self.spacings[number])
        return Optics(psf, believed, (z, y, x))


def bank(file: Path, count: int, shape: tuple[int, int, int], seed: int) -> Bank:
    """The bank of a seed: read from ``file``, or rendered and written there.

    Parameters
    ----------
    file : Path
        ``NAME.npz``.
    count : int
        How many.
    shape : tuple of int
        Of the PSFs; even sides lose their last row.
    seed : int
        Draws everything.
    """
    if file.exists():
        with np.load(file) as data:
            kept = Bank(data["roots"], data["spacings"])
        if len(kept.roots) == count:
            return kept
    rng = np.random.default_rng(seed)
    odd = tuple(n - 1 + n % 2 for n in shape)
    rendered = Bank.of([optics((odd[0], odd[1], odd[2]), rng) for _ in range(count)])
    rendered.save(file)
    return rendered


def optics(shape: tuple[int, int, int], rng: np.random.Generator) -> Optics:
    """A random microscope, or a Gaussian, with voxels from half to twice Nyquist's."""
    while True:
        kind = _KINDS[int(rng.integers(len(_KINDS)))]
        try:
            if kind == "gaussian":
                return _gaussian(shape, rng)
            return _microscope(kind, shape, rng)
        except DeconvError:  # an aperture that its immersion does not have, a PSF that misses
            continue


def _gaussian(shape: tuple[int, int, int], rng: np.random.Generator) -> Optics:
    ratio = _between(1, 5, rng)
    across = _between(0.7, 3.0, rng)
    along = max(0.5, across * _between(1.5, 4, rng) / ratio)
    sigmas = (along, across, across)
    psf = _bell(sigmas, shape)
    wrong = tuple(s * math.exp(0.07 * rng.standard_normal()) for s in sigmas)
    believed = _bell(wrong, shape) if rng.random() < _WRONG else psf
    return Optics(psf, believed, (ratio, 1.0, 1.0))


def _bell(sigmas: tuple[float, ...], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A Gaussian of three widths in voxels."""
    axes = [np.arange(n) - n // 2 for n in shape]
    z, y, x = (np.exp(-0.5 * (a / s) ** 2) for a, s in zip(axes, sigmas, strict=True))
    psf = z[:, None, None] * y[:, None] * x
    return np.asarray(psf / psf.sum(), np.float32)


def _microscope(kind: str, shape: tuple[int, int, int], rng: np.random.Generator) -> Optics:
    immersion, low, high = _MEDIA[int(rng.integers(len(_MEDIA)))]
    matched = rng.random() < 0.5
    sample = immersion if matched else _SAMPLES[int(rng.integers(len(_SAMPLES)))]
    fields: dict[str, float] = {
        "numerical_aperture": rng.uniform(low, high),
        "refractive_index_immersion": immersion,
        "refractive_index_sample": max(sample, 1.333),
        "depth_um": 0.0 if matched else _between(0.5, 15, rng),
    }
    emission = rng.uniform(440, 700)
    if kind == "two-photon":
        fields["excitation_nm"] = rng.uniform(780, 1050)
    else:
        fields["emission_nm"] = emission
    if kind == "confocal":
        fields["excitation_nm"] = emission - rng.uniform(20, 40)
        fields["pinhole_airy"] = _between(0.5, 2.5, rng)
    if kind == "light-sheet":
        fields["numerical_aperture"] = min(1.1, fields["numerical_aperture"])
        fields["sheet_um"] = _between(1, 8, rng)
    spec = PSF.make(kind, **fields)
    assert isinstance(spec, Microscope)
    pixel, step = spec.band().steps_um
    if kind == "confocal":  # what passes a pinhole at the very edge of its band is next to nothing
        pixel, step = 1.4 * pixel, 1.4 * step
    pixel *= _between(0.5, 2, rng)
    # Of low apertures, people take many more planes than Nyquist asks for.
    step = min(max(step * _between(0.15, 2, rng), 0.1, pixel), 1.0, 8 * pixel)
    voxel = (max(step, pixel), pixel, pixel)
    psf = spec(shape, voxel)
    believed = psf
    if rng.random() < _WRONG:
        off = np.exp(0.06 * rng.standard_normal(2))
        wrong = replace(spec, depth_um=fields["depth_um"] * math.exp(0.3 * rng.standard_normal()))
        believed = wrong(shape, (voxel[0] * off[0], pixel * off[1], pixel * off[1]))
    least = min(voxel)
    return Optics(psf, believed, (voxel[0] / least, voxel[1] / least, voxel[2] / least))


def _root(psf: NDArray[np.float32]) -> NDArray[np.float16]:
    return np.sqrt(psf / psf.max()).astype(np.float16)


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    """Draw a number log-uniformly."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))
