"""Tikhonov regularisation: the smoothest image that explains the data, in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..engine.problem import Problem
from ..signal.gradients import gradient_power
from .base import Method


class Tikhonov(
    Method,
    title="Tikhonov",
    ndim=(2, 3),
    citation="A. N. Tikhonov and V. Y. Arsenin, Solutions of Ill-Posed Problems, 1977",
    buffers=10,
    shift_free=True,
    suits="As Wiener, but with one weight to set by eye instead of a noise-to-signal ratio.",
    avoid="Where edges should stay sharp: a penalty on the squared gradient rounds them.",
):
    """Least squares with a penalty on the squared gradient, in one step.

    Minimises ``1/2 |k * x - y|^2 + weight/2 |grad x|^2``; with the circular differences D ::

        X = conj(K) Y / (|K|^2 + weight sum |D|^2)

    Parameters
    ----------
    weight : float
        Weight of the penalty on the unit scale; higher is smoother. 0 takes it from the noise
        level.

    Notes
    -----
    R. C. Gonzalez and R. E. Woods, Digital Image Processing, 3rd ed., Eq. 5.9-4, with the
    gradient where they have the Laplacian. The automatic weight is fitted by
    ``benchmarks/fit_weights.py``.
    """

    weight: Annotated[float, Interval(ge=0, le=10), Zero("auto")] = 0.0

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        otf = problem.blur.otf
        weight = self.weight or automatic_weight(problem.sigma)
        rough = gradient_power(problem.grid, problem.spacing, problem.seen.device)
        yield problem.blur.filter(problem.y, otf.conj() / (otf.abs() ** 2 + weight * rough))


def automatic_weight(sigma: float) -> float:
    """The best weight for a noise level, as fitted."""
    return 44.0 * sigma**1.8
