"""Circular differences, the one thing every regulariser of images is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor


def gradient(x: Tensor, spacing: Sequence[float] = ()) -> Tensor:
    """Forward circular differences ``x[i + 1] - x[i]`` per spatial axis.

    Parameters
    ----------
    x : Tensor
        ``(C, [Z,] Y, X)``.
    spacing : sequence of float, optional
        Voxel size per spatial axis; differences are divided by it.

    Returns
    -------
    Tensor
        ``(axes, C, [Z,] Y, X)``.
    """
    steps = _steps(spacing, x.ndim - 1)
    return torch.stack([(x.roll(-1, axis) - x) / h for axis, h in enumerate(steps, 1)])


def gradient_adjoint(g: Tensor, spacing: Sequence[float] = ()) -> Tensor:
    """Adjoint of `gradient`: minus the divergence, ``(C, [Z,] Y, X)``."""
    steps = _steps(spacing, g.shape[0])
    parts = [(d.roll(1, axis) - d) / h for axis, (d, h) in enumerate(zip(g, steps, strict=True), 1)]
    return torch.stack(parts).sum(0) if len(parts) > 2 else sum(parts[1:], parts[0])


def gradient_power(
    grid: Sequence[int], spacing: Sequence[float] = (), device: torch.device | str = "cpu"
) -> Tensor:
    """Eigenvalues of ``gradient_adjoint(gradient(x))`` on a half spectrum.

    Parameters
    ----------
    grid : sequence of int
        Shape of the spatial axes.
    spacing : sequence of float, optional
        Voxel size per spatial axis.
    device : torch.device or str
        Where the result lives.

    Returns
    -------
    Tensor
        float32, ``(*grid[:-1], grid[-1] // 2 + 1)``; about the squared angular frequency.
    """
    total = torch.zeros((), device=device)
    for axis, (n, h) in enumerate(zip(grid, _steps(spacing, len(grid)), strict=True)):
        last = axis == len(grid) - 1
        # sin^2 rather than 1 - cos: exact at low frequencies, in float32 too (mps has no float64).
        k = torch.arange(n // 2 + 1 if last else n, device=device)
        term = (2 / h * torch.sin(k * (math.pi / n))) ** 2
        total = total + term.reshape([-1] + [1] * (len(grid) - 1 - axis))
    return total


@cache
def spectrum_mean(ndim: int, spacing: tuple[float, ...], corner: float, power: float) -> float:
    """Mean of ``(gradient_power + corner^2)^-power`` over the frequencies of a large grid.

    Parameters
    ----------
    ndim : int
        2 or 3 axes.
    spacing : tuple of float
        Voxel size per spatial axis; empty for equal ones.
    corner : float
        Angular frequency below which the law is flat.
    power : float
        Exponent of the law.
    """
    # Tiles must agree, so it is not the mean over the grid at hand. One octant of frequencies
    # ``pi t^2`` at the midpoints of t: dense at the low ones, where nearly all of the sum lies.
    t = (torch.arange(_NODES[ndim], dtype=torch.float64) + 0.5) / _NODES[ndim]
    law, weight = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    for axis, h in enumerate(_steps(spacing, ndim)):
        shape = [-1] + [1] * (ndim - 1 - axis)
        law = law + ((2 / h * torch.sin(math.pi / 2 * t**2)) ** 2).reshape(shape)
        weight = weight * (2 * t).reshape(shape)
    return float((law.add_(corner**2).pow_(-power) * weight).sum() / weight.sum())


_NODES = {2: 256, 3: 64}


def _steps(spacing: Sequence[float], ndim: int) -> tuple[float, ...]:
    return tuple(spacing) or (1.0,) * ndim
