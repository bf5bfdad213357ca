"""Cho's expectation maximisation: pixels that the blur does not explain are left out of account."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..engine.problem import Problem
from ..signal.gradients import gradient_power
from .base import Method
from .sparse import (
    Operator,
    automatic_weight,
    conjugate_gradients,
    derivatives,
    derivatives_adjoint,
    reweight,
)

_INLIERS = 0.9
"""Share of inliers that is expected beforehand, as in the paper."""
_NEAR_WHITE = 0.98
"""Pixels from this share of the clipping level on are left out to begin with."""


class OutlierEM(
    Method,
    title="Outlier EM",
    name="em-outliers",
    citation="S. Cho, J. Wang and S. Lee, Handling Outliers in Non-blind Image Deconvolution, "
    "ICCV 2011",
    buffers=50,
    shift_free=True,
    halo_factor=3.0,
    suits="Photos with small lights that are clipped, hot or dead pixels, dust, scratches: "
    "what no blurred scene can be is left out of account.",
    avoid="Images with none of these, where the prior alone does as well in a fraction of "
    "the time. Large clipped areas such as skies hardly ring anyway. Stacks (it is "
    "2-D only).",
):
    """Least squares with a sparse prior over the pixels that blur and noise can explain.

    Clipped highlights, hot and dead pixels, dust and whatever else is not a blurred scene ring all
    over a linear filter's result. Here every pixel has a probability m of being an inlier, and two
    steps take turns (Sec. 3 there). The first takes the probabilities from the last estimate ::

        m = 0.9 N / (0.9 N + 0.1 / range)  where k * x is inside the camera's range, else 0

    with ``N`` the normal density of ``y - k * x`` under the noise. The second minimises
    ``1/2 sum m (y - k * x)^2 + weight sum_j rho_j |f_j * x|^0.8`` by conjugate gradients on the
    prior reweighted, which is that of the method `sparse`. What the highlights were comes back
    brighter than the clipping level as far as its surroundings tell; keep the result as float.

    Where this differs from the paper: the prior knows second derivatives, too; it starts from
    Wiener's estimate without the clipped pixels; the unseen ring has m = 0.

    Parameters
    ----------
    weight : float
        Weight of the prior on the unit scale; higher is smoother. 0 takes it from the noise level.
    rounds : int
        How often the inliers are judged anew.
    iterations : int
        Conjugate-gradient iterations per round.
    clip_level : float
        Level at which the camera clips, in the image's own units. 0 takes the brightest that does
        not stand out alone, as hot pixels do.

    Notes
    -----
    The automatic weight is that of `sparse`.
    """

    weight: Annotated[float, Interval(ge=0, le=10), Zero("auto")] = 0.0
    rounds: Annotated[int, Interval(ge=1, le=50)] = 6
    iterations: Annotated[int, Interval(ge=1, le=500)] = 10
    clip_level: Annotated[float, Interval(ge=0), Zero("auto")] = 0.0

    @property
    def total(self) -> int:
        return self.rounds * self.iterations

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        weight = self.weight or automatic_weight(problem.sigma)
        white = problem.white
        if self.clip_level:
            white = (self.clip_level - problem.zero) / problem.scale
        # What is brighter than the camera can see is a fault of its, and must not ring from the
        # start.
        problem = replace(problem, seen=problem.seen.clamp(max=white))
        blur, y = problem.blur, problem.y
        x = blur.filter(y, blur.otf.conj() / (blur.otf.abs().square() + problem.nsr))
        m = unclipped(problem, white)
        for done in range(1, self.rounds + 1):
            system, inverse = _system(problem, m, reweight(x).mul_(weight))
            right, start = blur.adjoint(m * y), x
            for x in conjugate_gradients(system, right, start, inverse, self.iterations):
                yield x
            if done < self.rounds:
                m = inliers(problem, blur.forward(x), white)


def unclipped(problem: Problem, white: float) -> Tensor:
    """1 where a pixel was observed and is not clipped, else 0, ``(C, *grid)``."""
    m = torch.zeros_like(problem.y)
    threshold = white - (1 - _NEAR_WHITE) * _range(problem, white)
    m[problem.window] = (problem.seen < threshold).float()
    return m if problem.unseen is None else m.mul_(problem.mask)


def _range(problem: Problem, white: float) -> float:
    """Range from the least level to the one that clips."""
    return max(white - problem.black, problem.sigma)


def inliers(problem: Problem, blurred: Tensor, white: float) -> Tensor:
    """Probability that a pixel is what blur and noise make of an estimate (the paper's E-step).

    Parameters
    ----------
    problem : Problem
        The observed image, its noise, and the least level there is.
    blurred : Tensor
        The estimate blurred, ``(C, *grid)``.
    white : float
        The level at which it clips.

    Returns
    -------
    Tensor
        Like ``blurred``; 0 where nothing was observed.
    """
    expected, sigma = blurred[problem.window], problem.sigma
    # Dark scenes go below 0 by their noise.
    inside = (expected < white) & (expected > problem.black - 3 * sigma)
    normal = torch.exp(-0.5 * ((problem.seen - expected) / sigma).square())
    likely = normal * (_INLIERS / (math.sqrt(2 * math.pi) * sigma))
    m = torch.zeros_like(blurred)
    m[problem.window] = likely / (likely + (1 - _INLIERS) / _range(problem, white)) * inside
    return m if problem.unseen is None else m.mul_(problem.mask)


def _system(problem: Problem, m: Tensor, v: Tensor) -> tuple[Operator, Operator]:
    """The normal equations' operator, and its inverse were all weights the same everywhere."""
    blur = problem.blur
    rough = gradient_power(problem.grid, device=m.device)
    level = blur.otf.abs().square().mul_(m[problem.window].mean())
    level += v[:2].mean() * rough + v[2:].mean() * rough**2
    # Where everything is an outlier, nothing else holds the mean.
    level.clamp_(min=1e-6)

    def system(x: Tensor) -> Tensor:
        data = blur.adjoint(blur.forward(x).mul_(m))
        return data.add_(derivatives_adjoint(derivatives(x).mul_(v)))

    return system, lambda x: blur.filter(x, 1 / level)
