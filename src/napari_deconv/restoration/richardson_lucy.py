"""Richardson-Lucy: the maximum-likelihood estimate under Poisson noise."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from ..core.progress import drain
from ..engine.coverage import Coverage, inverse
from ..engine.problem import Problem, Settled
from ..signal.fourier import Blur
from .base import Method
from .held_out import HeldOut, search
from .multiplicative import Accelerated, Walk, flat, like, observed_over_expected, shared_light


class RichardsonLucy(
    Method,
    title="Richardson-Lucy",
    ndim=(2, 3),
    citation="W. H. Richardson, Bayesian-based iterative method of image restoration, 1972; "
    "L. B. Lucy, An iterative technique for the rectification of observed distributions, 1974",
    buffers=4.5,
    unit_scale=False,
    non_negative=True,
    roomy=False,
    halo_factor=3.0,
):
    """Most likely image under photon noise; each iteration sharpens further.

    ``x <- x / A^T m * A^T (m y / (A x + b))``, where ``m`` is 1 where the image was observed: the
    estimate goes on beyond the border as far as the PSF reaches, so that light from there is
    accounted for and the border does not ring (M. Bertero and P. Boccacci, A simple method for the
    reduction of boundary effects in the Richardson-Lucy approach to image deconvolution, 2005). It
    starts from a flat image, keeps the flux and is never negative.

    Parameters
    ----------
    iterations : int
        More of them sharpen further and amplify noise; the number is the regularisation. 0 chooses
        it on a part of the image: as many as best predict pixels that were held out, in planes
        less a tenth, in volumes a third more.
    accelerate : bool
        Extrapolate between iterations: as sharp (and as noisy) in about a third of them
        (D. Biggs and M. Andrews, Acceleration of iterative image restoration algorithms, 1997).
    tv : float
        Weight of total variation, which flattens noise and keeps edges; 0.002 to 0.02 is usual
        (N. Dey et al., Richardson-Lucy algorithm with total variation regularization for 3D
        confocal microscope deconvolution, 2006).
    background : float
        Constant level of light that is no signal, in the image's own units, above the camera's
        offset. It has photon noise. The result is without it.
    tolerance : float
        Stop when an iteration changes the estimate by less than this share of its norm; 0 never.
    offset_counts : float
        What the camera adds to every pixel without light, in the image's own units. It has no
        photon noise. The result is without it.
    gain_counts_per_photon : float
        Image units per detected photon. It matters with read noise only.
    read_noise_photons : float
        Standard deviation of the camera's read noise in photons (electrons). Its variance is added
        to observed and expected photons (D. L. Snyder et al., Image recovery from data acquired
        with a charge-coupled-device camera, 1993), so that dark pixels are trusted less.
    """

    iterations: Annotated[int, Interval(ge=0, le=1000)] = 0
    accelerate: bool = False
    tv: Annotated[float, Interval(ge=0, le=0.1)] = 0.0
    background: Annotated[float, Interval(ge=0)] = 0.0
    tolerance: Annotated[float, Interval(ge=0, le=1)] = 0.0
    offset_counts: float = 0.0
    gain_counts_per_photon: Annotated[float, Interval(gt=0)] = 1.0
    read_noise_photons: Annotated[float, Interval(ge=0)] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        # The options need more than the class says; the tile planner asks the instance.
        more = 2 * self.accelerate + (self.tv > 0)
        object.__setattr__(self, "buffers", type(self).buffers + more)

    @property
    def total(self) -> int:
        return self.iterations or MOST

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        if self.iterations:
            return None
        problem, background = self._photons(problem)
        held = HeldOut(problem)
        share = shared_light(problem, held.use)
        ratio = held.watch(observed_over_expected(problem, background, held.use), background)
        walk = (Accelerated if self.accelerate else Walk)(flat(problem, background))

        def iterate() -> None:
            smooth = tv_factor(problem.blur, walk.point, self.tv, problem.spacing)
            walk.iterate(
                problem.blur, ratio, partial(_normalise_by, share, smooth), problem.window[1]
            )

        stop = yield from search(iterate, held, MOST)
        errors = [float(f"{error * held.unit:.6g}") for error in stop.error]
        chosen = {"iterations": stop.iterations, "held_out_error": errors}
        return Settled(self.but(iterations=stop.iterations), chosen)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        settled = drain(self.settle(problem))
        if settled is not None:  # nobody settled it before, on the image as a whole
            yield from settled.method.steps(problem)
            return
        problem, background = self._photons(problem)
        ratio = observed_over_expected(problem, background)
        if problem.observed is None:
            seen = Coverage(problem.psf, problem.grid, problem.offset, problem.seen.shape[1:])
            normalise = partial(_normalise, seen)
        else:
            normalise = partial(_normalise_by, shared_light(problem, problem.observed))
        walk = (Accelerated if self.accelerate else Walk)(flat(problem, background), self.tolerance)
        for _ in range(self.iterations):
            smooth = tv_factor(problem.blur, walk.point, self.tv, problem.spacing)
            walk.iterate(problem.blur, ratio, partial(normalise, smooth), problem.window[1])
            yield walk.point
            if walk.arrived:
                return

    def _photons(self, problem: Problem) -> tuple[Problem, float]:
        """The problem with values whose variance is their mean, up to a factor; its background."""
        read = self.read_noise_photons**2 * self.gain_counts_per_photon / problem.scale
        shift = read - self.offset_counts / problem.scale
        background = self.background / problem.scale + read
        if not shift:
            return problem, background
        return replace(problem, seen=problem.seen + shift, mean=problem.mean + shift), background


MOST = 200
"""Iterations that are made where nothing speaks against more."""


def _normalise_by(share: Tensor, smooth: Tensor | None, correction: Tensor, rows: slice) -> Tensor:
    """As `_normalise`, with ``A^T m`` as an array."""
    correction.clamp_(min=0).mul_(inverse(share[:, rows]))
    return correction if smooth is None else correction.mul_(smooth[:, rows])


def _normalise(seen: Coverage, smooth: Tensor | None, correction: Tensor, rows: slice) -> Tensor:
    """``correction / A^T m``, and Dey's factor; rounding must not make it negative."""
    seen.divide_(correction.clamp_(min=0), rows)
    return correction if smooth is None else correction.mul_(smooth[:, rows])


def tv_factor(blur: Blur, x: Tensor, weight: float, spacing: Sequence[float]) -> Tensor | None:
    """``1 / (1 - weight div(grad x / |grad x|))``, like ``x``; None without weight.

    Positive, as no divergence of a unit field passes 6 and the weight ends at 0.1. Gradients under
    5 % of the mean intensity are taken as flat, without which the acceleration sees only their
    flicker.
    """
    if not weight:
        return None
    factor = like(x)
    least = 0.05 * float(x.mean()) + 1e-15  # whose square is still a float32

    def fill(rows: slice) -> None:
        divergence = unit_divergence(x, rows, spacing or (1.0,) * (x.ndim - 1), least)
        factor[:, rows] = divergence.mul_(-weight).add_(1).reciprocal_()

    blur.each(fill, len(x))
    return factor


def unit_divergence(x: Tensor, rows: slice, spacing: Sequence[float], least: float) -> Tensor:
    """``div(grad x / sqrt(|grad x|^2 + least^2))`` on some rows, by circular differences."""
    index = torch.arange(rows.start - 1, rows.stop + 1, device=x.device) % x.shape[1]
    block = x.index_select(1, index)
    here = block[:, :-1]
    field = [block[:, 1:] - here, *(here.roll(-1, axis) - here for axis in range(2, x.ndim))]
    field = [part.div_(step) for part, step in zip(field, spacing, strict=True)]
    length = torch.full_like(here, least**2)
    for part in field:
        length.addcmul_(part, part)
    field = [part.div_(length.sqrt()) for part in field]
    total = (field[0][:, 1:] - field[0][:, :-1]) / spacing[0]
    for axis, part in enumerate(field[1:], 2):
        total += (part[:, 1:] - part[:, 1:].roll(1, axis)) / spacing[axis - 1]
    return total
