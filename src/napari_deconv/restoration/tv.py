"""Total variation by ADMM: flat regions with sharp borders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..engine.problem import Problem
from ..signal.gradients import gradient, gradient_adjoint, gradient_power
from .base import Method

_STEP = 0.05  # gradients that the first shrinkage removes, on the unit scale; speed only


class TotalVariation(
    Method,
    title="Total variation",
    name="tv",
    ndim=(2, 3),
    citation="L. I. Rudin, S. Osher and E. Fatemi, Nonlinear Total Variation Based Noise Removal "
    "Algorithms, Physica D 1992; S. Boyd et al., Distributed Optimization and Statistical Learning "
    "via the Alternating Direction Method of Multipliers, 2011",
    buffers=28,
    shift_free=True,
    suits="Objects of piecewise constant brightness: text, drawings, labelled structures, "
    "strong noise.",
    avoid="Fine texture, which becomes patches (staircases).",
):
    """Least squares with a penalty on the length of the gradient (isotropic total variation).

    Minimises ``1/2 |k * x - y|^2 + weight sum |grad x|`` over the observed pixels of ``y``, by
    ADMM on ``z = grad x`` with the scaled dual u and ``rho = weight / 0.05`` (Boyd et al.,
    Eqs. 3.5 to 3.7) ::

        x <- argmin 1/2 |k * x - y|^2 + rho/2 |grad x - z + u|^2     (closed form in Fourier)
        z <- shrink(grad x + u, weight / rho)
        u <- u + grad x - z

    The unseen ring of ``y`` is replaced by ``k * x`` in every iteration, which makes the data term
    that of the observed pixels alone (a majorisation step).

    Parameters
    ----------
    weight : float
        Weight of the total variation on the unit scale; higher is flatter. 0 takes it from the
        noise level.
    iterations : int
        Iterations of ADMM.

    Notes
    -----
    The automatic weight is fitted by ``benchmarks/fit_weights.py``.
    """

    weight: Annotated[float, Interval(ge=0, le=10), Zero("auto")] = 0.0
    iterations: Annotated[int, Interval(ge=1, le=1000)] = 50

    @property
    def total(self) -> int:
        return self.iterations

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        blur, y, spacing = problem.blur, problem.y, problem.spacing
        weight = self.weight or automatic_weight(problem.sigma)
        rho = weight / _STEP
        rough = gradient_power(problem.grid, spacing, y.device)
        system = rough.mul_(rho).add_(blur.otf.abs() ** 2)
        z = gradient(y, spacing)
        dual = torch.zeros_like(z)
        for done in range(1, self.iterations + 1):
            prior = blur.fft(gradient_adjoint(z - dual, spacing))
            spectrum = blur.fft(y).mul_(blur.otf.conj()).add_(prior, alpha=rho).div_(system)
            x = blur.ifft(spectrum)
            yield x
            if done < self.iterations:
                dual += gradient(x, spacing)
                z = shrink(dual, weight / rho)
                dual -= z
                y = problem.with_ring(x, blurred=blur.ifft(spectrum * blur.otf))


def automatic_weight(sigma: float) -> float:
    """The best weight for a noise level, as fitted."""
    return 1.0 * sigma**1.5


def shrink(v: Tensor, threshold: float) -> Tensor:
    """``argmin_z threshold |z| + 1/2 |z - v|^2`` for the vectors along the first axis."""
    length = v.square().sum(0, keepdim=True).sqrt_()
    return v * (1 - threshold / length.clamp_(min=threshold))
