"""Gaussian blur in two or three dimensions."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core.errors import DeconvError
from .base import PSF
from .grid import Array, odd, pixel_edges

_REACH = 3.8
"""Standard deviations kept on each side: 0.015 % of the energy is cut per axis."""
_NODES = 8


class Gaussian(PSF, title="Gaussian", ndim=(2, 3)):
    """Gaussian integrated over each pixel, in 2-D or 3-D.

    Dimensions are chosen by the shape or pixel size it is rendered with, else by the number of
    sigmas, else 2.

    Parameters
    ----------
    sigma_px : float or tuple of float
        Standard deviation in pixels of the finest axis: one for all axes, or one per axis in the
        order (y, x) or (z, y, x).
    angle_deg : float
        Rotation in the YX plane in degrees, counter-clockwise as displayed (rows run down); at 0
        the last sigma lies along the horizontal.
    """

    sigma_px: Annotated[
        float | tuple[float, float] | tuple[float, float, float], Interval(ge=0.1, le=64)
    ] = 2.0
    angle_deg: Annotated[float, Interval(ge=-180, le=180)] = 0.0

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        sigmas = self._sigmas(len(steps) if steps else None)
        steps = steps or (1.0,) * len(sigmas)
        yy, _, xx = self._covariance(sigmas)
        spread = (*sigmas[:-2], math.sqrt(yy), math.sqrt(xx))
        return tuple(odd(_REACH * d / s - 0.5) for d, s in zip(spread, steps, strict=True))

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> Array:
        sigmas = self._sigmas(len(shape))
        edges = [pixel_edges(n, s) for n, s in zip(shape, steps, strict=True)]
        yy, yx, xx = self._covariance(sigmas)
        if abs(yx) < 1e-9 * math.sqrt(yy * xx):
            plane = _integral(edges[-2], math.sqrt(yy))[:, None] * _integral(
                edges[-1], math.sqrt(xx)
            )
        else:
            plane = _tilted(edges[-2], edges[-1], (yy, yx, xx))
        for edge, sigma in zip(edges[:-2], sigmas[:-2], strict=True):
            plane = _integral(edge, sigma)[:, None, None] * plane
        return plane

    def _sigmas(self, ndim: int | None) -> tuple[float, ...]:
        if isinstance(self.sigma_px, float):
            return (self.sigma_px,) * (ndim or 2)
        if ndim is not None and ndim != len(self.sigma_px):
            raise DeconvError(
                f"Gaussian: sigma_px = {self.sigma_px} has {len(self.sigma_px)} values, but the "
                f"PSF is to be {ndim}-D.",
                f"Give {ndim} sigmas, or one for all axes.",
            )
        return self.sigma_px

    def _covariance(self, sigmas: tuple[float, ...]) -> tuple[float, float, float]:
        """``(yy, yx, xx)`` after the rotation, rows running down."""
        angle = math.radians(self.angle_deg)
        c, s = math.cos(angle), math.sin(angle)
        v, h = sigmas[-2] ** 2, sigmas[-1] ** 2
        return c * c * v + s * s * h, c * s * (v - h), s * s * v + c * c * h


def _integral(edges: Array, sigma: float) -> Array:
    """Mass of a unit Gaussian between consecutive edges."""
    from scipy.special import ndtr

    # Evaluated on the lower tail on both sides, where it keeps its relative precision.
    low, high = edges[:-1] / sigma, edges[1:] / sigma
    flip = low + high > 0
    low, high = np.where(flip, -high, low), np.where(flip, -low, high)
    return np.asarray(ndtr(high) - ndtr(low), dtype=np.float64)


def _tilted(
    y_edges: Array,
    x_edges: Array,
    covariance: tuple[float, float, float],
) -> Array:
    """Mass of a correlated Gaussian per pixel: exact along x, Gauss-Legendre quadrature along y.

    Given y, x is Gaussian with mean ``yx / yy * y`` and variance ``xx - yx^2 / yy``.
    """
    yy, yx, xx = covariance
    conditional = math.sqrt(xx - yx**2 / yy)
    step = y_edges[1] - y_edges[0]
    # The mean of x moves with y; both it and the density must vary little within a part.
    parts = math.ceil(step * max(1 / math.sqrt(yy), abs(yx) / yy / conditional) / 2)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    total = np.zeros((len(y_edges) - 1, len(x_edges) - 1))
    for part in range(parts):
        for node, weight in zip(nodes, weights, strict=True):
            y = y_edges[:-1, None] + step * (part + (node + 1) / 2) / parts
            shifted = x_edges - yx / yy * y
            density = np.exp(-(y**2) / (2 * yy)) * weight
            total += density * _rows(shifted, conditional)
    return total


def _rows(edges: Array, sigma: float) -> Array:
    """`_integral` for one set of edges per row."""
    from scipy.special import ndtr

    return np.asarray(np.diff(ndtr(edges / sigma), axis=1), dtype=np.float64).clip(0)
