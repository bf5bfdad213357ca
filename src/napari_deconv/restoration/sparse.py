"""Levin's sparse prior: most derivatives are zero, a few may be large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..engine.problem import Problem
from ..signal.gradients import gradient_power
from .base import Method

_ALPHA = 0.8
_LEAST = 0.01  # smaller derivatives count as this, or their weight would grow without bound
_SECOND = 0.25  # weight of the second derivatives against the first

Operator = Callable[[Tensor], Tensor]


class Sparse(
    Method,
    title="Sparse prior",
    name="sparse",
    citation="A. Levin, R. Fergus, F. Durand and W. T. Freeman, Image and Depth from a "
    "Conventional Camera with a Coded Aperture, SIGGRAPH 2007",
    buffers=42,
    shift_free=True,
    halo_factor=3.0,
    suits="Photos where a few sharp edges carry the image and the time does not matter.",
    avoid="Stacks (it is 2-D only), large images, quick looks: it solves a linear system "
    "per round.",
):
    """Least squares with a sparse prior on first and second derivatives.

    Minimises ``1/2 |k * x - y|^2 + weight sum_j rho_j |f_j * x|^0.8``, with rho 1 for the first and
    1/4 for the second derivatives (the paper's prior with the weights of its authors' code), by
    iteratively reweighted least squares: with ``v_j = rho_j max(|f_j * x|, 0.01)^(0.8 - 2)`` ::

        (K^T K + weight sum_j F_j^T v_j F_j) x = K^T y

    is solved by preconditioned conjugate gradients, then the ``v_j`` are taken anew. (The factor
    0.8 of the derivative is in the weight.) It starts from Wiener's estimate.

    Parameters
    ----------
    weight : float
        Weight of the prior on the unit scale; higher is smoother. 0 takes it from the noise level.
    reweightings : int
        Rounds, each with new weights of the derivatives.
    iterations : int
        Conjugate-gradient iterations per round.

    Notes
    -----
    The automatic weight is fitted by ``benchmarks/fit_weights.py``.
    """

    weight: Annotated[float, Interval(ge=0, le=10), Zero("auto")] = 0.0
    reweightings: Annotated[int, Interval(ge=1, le=20)] = 3
    iterations: Annotated[int, Interval(ge=1, le=500)] = 8

    @property
    def total(self) -> int:
        return self.reweightings * self.iterations

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        blur, y = problem.blur, problem.y
        weight = self.weight or automatic_weight(problem.sigma)
        power = blur.otf.abs() ** 2
        x = blur.filter(y, blur.otf.conj() / (power + problem.nsr))
        for _ in range(self.reweightings):
            v = reweight(x).mul_(weight)
            system, inverse = _system(problem, power, v)
            right, start = blur.adjoint(y), x
            for x in conjugate_gradients(system, right, start, inverse, self.iterations):
                yield x
            y = problem.with_ring(x)


def automatic_weight(sigma: float) -> float:
    """The best weight for a noise level, as fitted."""
    return 0.18 * sigma**1.4


def _system(problem: Problem, power: Tensor, v: Tensor) -> tuple[Operator, Operator]:
    """The normal equations' operator, and its inverse were the weights the same everywhere."""
    blur = problem.blur
    rough = gradient_power(problem.grid, device=power.device)
    level = power + v[:2].mean() * rough + v[2:].mean() * rough**2

    def system(x: Tensor) -> Tensor:
        return blur.filter(x, power).add_(derivatives_adjoint(derivatives(x).mul_(v)))

    return system, lambda x: blur.filter(x, 1 / level)


def reweight(x: Tensor) -> Tensor:
    """``rho_j max(|f_j * x|, least)^(alpha - 2)``, ``(5, C, Y, X)``."""
    v = derivatives(x).abs_().clamp_(min=_LEAST).pow_(_ALPHA - 2)
    v[2:] *= _SECOND
    return v


def derivatives(x: Tensor) -> Tensor:
    """Circular differences y, x, yy, xx, xy of ``(C, Y, X)``: ``(5, C, Y, X)``."""
    y1, x1 = x.roll(-1, -2) - x, x.roll(-1, -1) - x
    return torch.stack([y1, x1, y1 - y1.roll(1, -2), x1 - x1.roll(1, -1), y1.roll(-1, -1) - y1])


def derivatives_adjoint(d: Tensor) -> Tensor:
    """Adjoint of `derivatives`, ``(C, Y, X)``."""
    y1, x1, yy, xx, xy = d
    along_y = y1 + yy - yy.roll(-1, -2) + xy.roll(1, -1) - xy
    along_x = x1 + xx - xx.roll(-1, -1)
    return along_y.roll(1, -2) - along_y + along_x.roll(1, -1) - along_x


def conjugate_gradients(
    system: Operator, right: Tensor, x: Tensor, inverse: Operator, iterations: int
) -> Iterator[Tensor]:
    """Solve ``system(x) = right`` by preconditioned conjugate gradients, yielding every iterate."""
    rest = right - system(x)
    z = inverse(rest)
    direction, slope = z, torch.sum(rest * z)
    for _ in range(iterations):
        image = system(direction)
        # Where nothing is left to solve, 0 / 0 must not become NaN.
        length = slope / torch.sum(direction * image).clamp(min=1e-30)
        x = x + length * direction
        yield x
        rest = rest - length * image
        z = inverse(rest)
        slope, last = torch.sum(rest * z), slope
        direction = z + slope / last.clamp(min=1e-30) * direction
