"""Blurs of few parameters, found by maximum likelihood on the photo's power spectrum."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..psf import PSF, Disk, Gaussian, Motion
from .spectrum import Spectrum

Array = NDArray[np.float64]

FAMILIES = ("gaussian", "disk", "motion")
_SIGMAS = tuple(np.geomspace(0.4, 8, 16))
_RADII = tuple(np.arange(1, 16.1, 0.5))
_LENGTHS = tuple(np.geomspace(3, 60, 22))
_TURNS = tuple(np.arange(0, 180, 3.75))
_FEW = 6
_FULL = 0.97


@dataclass(frozen=True, eq=False)
class Fit:
    """The best member of a family, and the criterion along the way.

    Parameters
    ----------
    spec : PSF
        That member.
    cost : float
        The criterion: deviance and a price per parameter; less is better.
    curve : ndarray
        ``(n, 2)``: main parameter (sigma, radius or length, in pixels) and criterion.
    full : bool
        Whether it is as large as it may be: what is sought lies beyond, or is no such blur.
    """

    spec: PSF
    cost: float
    curve: Array
    full: bool = False

    @property
    def family(self) -> str:
        """Name of the family."""
        return self.spec.name


def fits(spectrum: Spectrum, family: str, most_px: float) -> Iterator[Fit | None]:
    """Search a family; yields None while it works and the fit at last.

    Parameters
    ----------
    spectrum : Spectrum
        Of the blurred photo.
    family : str
        One of `FAMILIES`.
    most_px : float
        Extent that the kernel may have.
    """
    search = _Search(spectrum, family, most_px)
    yield None
    starts = _motion_starts(search) if family == "motion" else _line_starts(search)
    yield None
    best = min((search.descend(s, 25) for s in starts), key=lambda fit: fit[1])[0]
    yield None
    whole = _Search(spectrum, family, most_px, 1)
    values, cost = whole.descend(best, 40)
    curve = np.array([(v, whole.cost((v, *values[1:]))) for v in _around(values[0])])
    curve = np.concatenate([curve, [(values[0], cost)]])
    price = len(values) * math.log(max(2.0, spectrum.count * len(spectrum.power)))
    curve = curve[np.argsort(curve[:, 0])] + [0.0, price]
    yield Fit(make(family, values), cost + price, curve, values[0] > _FULL * whole.most)


def make(family: str, values: tuple[float, ...]) -> PSF:
    """A member by its parameters."""
    if family == "gaussian":
        return Gaussian(sigma_px=float(values[0]))
    if family == "disk":
        return Disk(radius_px=float(values[0]))
    return Motion(length_px=float(values[0]), angle_deg=float(values[1] % 180))


class _Search:
    """The criterion of one family as a function of its parameters, on part of the frequencies."""

    def __init__(self, spectrum: Spectrum, family: str, most_px: float, thin: int = _FEW) -> None:
        self.family = family
        # A Gaussian's extent is about 6 sigma.
        share = {"gaussian": 1 / 5, "disk": 1 / 2, "motion": 1.0}[family]
        self.most = max(1.0, most_px * share)
        self.spectrum = thinned(spectrum, thin)
        self._c: Array | None = None

    def cost(self, values: tuple[float, ...]) -> float:
        """Deviance; infinite outside the bounds."""
        if not 0.3 <= values[0] <= self.most:
            return math.inf
        kernel = make(self.family, values)().astype(np.float64)
        if max(kernel.shape) > self.spectrum.size:
            return math.inf
        value, self._c = self.spectrum.deviance(kernel, self._c)
        return value

    def descend(self, start: tuple[float, ...], steps: int) -> tuple[tuple[float, ...], float]:
        """Nelder and Mead from a start."""
        from scipy.optimize import minimize

        corners = np.array([start] * (len(start) + 1), dtype=float)
        corners[1, 0] *= 1.06
        if len(start) > 1:
            corners[2, 1] += min(4.0, 60 / start[0])
        minimum = minimize(
            lambda v: self.cost(tuple(v)),
            np.array(start),
            method="Nelder-Mead",
            options={"initial_simplex": corners, "maxfev": steps, "xatol": 1e-3, "fatol": 1e-2},
        )
        return tuple(float(v) for v in minimum.x), float(minimum.fun)


def thinned(spectrum: Spectrum, step: int) -> Spectrum:
    """The spectrum on a fixed random subset of its frequencies."""
    if step == 1:
        return spectrum
    keep = np.random.default_rng(0).random(len(spectrum.power)) < 1 / step
    used = spectrum.used.copy()
    used[used] = keep
    return replace(
        spectrum, power=spectrum.power[keep], used=used, basis=spectrum.basis[:, keep],
        law=spectrum.law[keep], noise=spectrum.noise[keep], count=spectrum.count * step,
    )  # fmt: skip


def _line_starts(search: _Search) -> list[tuple[float, ...]]:
    values = _SIGMAS if search.family == "gaussian" else _RADII
    return _best([(float(v),) for v in values if v <= search.most], search.cost, 2)


def _motion_starts(search: _Search) -> list[tuple[float, ...]]:
    """Directions first, at lengths that a longer motion looks like, too; then lengths."""
    lengths = [v for v in (5.0, 10.0, 20.0) if v <= search.most] or [search.most]
    turned: list[tuple[float, ...]] = [(v, a) for v in lengths for a in _TURNS]
    angles = _best(turned, search.cost, 8)
    apart: list[float] = []
    for _, angle in angles:
        if all(abs((angle - a + 90) % 180 - 90) > 6 for a in apart):
            apart.append(angle)
    grid: list[tuple[float, ...]] = [
        (float(v), a) for a in apart[:3] for v in _LENGTHS if v <= search.most
    ]
    return _best(grid, search.cost, 3)


def _best(
    grid: list[tuple[float, ...]], cost: Callable[[tuple[float, ...]], float], most: int
) -> list[tuple[float, ...]]:
    return sorted(grid, key=cost)[:most]


def _around(value: float) -> Array:
    return np.asarray(value * np.geomspace(0.5, 1.6, 17))
