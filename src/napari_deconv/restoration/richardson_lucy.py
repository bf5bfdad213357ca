"""Richardson-Lucy: the maximum-likelihood estimate under Poisson noise."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from ..core.errors import DeconvError
from ..core.fields import Shown, Zero
from ..core.progress import drain
from ..engine.coverage import Coverage, inverse
from ..engine.problem import Problem, Settled
from .back_projector import wiener_butterworth
from .base import Method
from .held_out import HeldOut, search
from .multiplicative import (
    Accelerated,
    Damping,
    PerRows,
    Walk,
    flat,
    like,
    observed_over_expected,
    pedestal,
    read_levels,
    shared_light,
    without_offset,
)

_CAMERA = "Camera"


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
    heeds_noise=False,
    dial="iterations",
    suits="Fluorescence and other images that count photons: the result is never negative "
    "and keeps the flux. The usual choice for stacks.",
    avoid="Strong read noise on a dark background. Images with values below zero, which it "
    "takes as zero. Many iterations without total variation turn noise into speckle.",
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
        it on a part of the image: as many as best predict pixels that were left out, in planes
        less a tenth, in volumes a third more.
    accelerate : bool
        Extrapolate between iterations: as sharp (and as noisy) in about a third of them
        (D. Biggs and M. Andrews, Acceleration of iterative image restoration algorithms, 1997).
    tv : float
        Weight of total variation, which flattens noise and keeps edges; 0.002 to 0.02 is usual
        (N. Dey et al., Richardson-Lucy algorithm with total variation regularization for 3D
        confocal microscope deconvolution, 2006).
    background : float or str
        Constant level of light that is no signal, in the image's own units, above the camera's
        offset. It has photon noise. The result is without it. ``"auto"`` takes the level of the
        image's darkest twentieth, which is right where that much of it is empty.
    tolerance : float
        Stop when an iteration changes the estimate by less than this share of its norm; 0 never.
    offset_counts : float or str
        What the camera adds to every pixel without light, in the image's own units. It has no
        photon noise. The result is without it. ``"auto"`` takes the level of the image's darkest
        hundredth.
    gain_counts_per_photon : float
        Image units per detected photon. It matters with read noise only.
    read_noise_photons : float
        Standard deviation of the camera's read noise in photons (electrons). Its variance is added
        to observed and expected photons (D. L. Snyder et al., Image recovery from data acquired
        with a charge-coupled-device camera, 1993), so that dark pixels are trusted less.
    damping : float
        Standard deviations of photon noise within which a pixel counts as explained and is left
        alone, which keeps smooth parts smooth; 0 does not damp, 1 to 3 is usual. It needs the gain
        and the offset (R. L. White, Image restoration using the damped Richardson-Lucy method,
        1994).
    back_projector : str
        ``"matched"`` is the blur's adjoint, as in the original. ``"wiener-butterworth"`` undoes the
        blur up to the PSF's resolution while going back: fewer iterations on some volumes, more on
        others (docs/benchmarks/back_projector.md); not for planes. Not together with
        ``accelerate`` (M. Guo et al., Rapid image deconvolution and multiview fusion for optical
        microscopy, 2020).
    """

    iterations: Annotated[int, Interval(ge=0, le=1000), Zero("auto")] = 0
    accelerate: bool = False
    tv: Annotated[float, Interval(ge=0, le=0.1), Zero("off")] = 0.0
    background: Annotated[float, Interval(ge=0)] | Literal["auto"] = 0.0
    tolerance: Annotated[float, Interval(ge=0, le=1), Zero("off")] = 0.0
    offset_counts: Annotated[
        float | Literal["auto"], Shown("Camera offset (counts)", aside=_CAMERA)
    ] = 0.0
    gain_counts_per_photon: Annotated[
        float, Interval(gt=0), Shown("Gain (counts per photon)", aside=_CAMERA)
    ] = 1.0
    read_noise_photons: Annotated[
        float, Interval(ge=0), Shown("Read noise (photons)", aside=_CAMERA)
    ] = 0.0
    damping: Annotated[float, Interval(ge=0, le=10), Zero("off")] = 0.0
    back_projector: Literal["matched", "wiener-butterworth"] = "matched"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.accelerate and self.back_projector != "matched":
            raise DeconvError(
                f"{self.title}: accelerate = True and back_projector = {self.back_projector!r} "
                "together run away.",
                "Use one of them.",
            )
        # The options need more than the class says; the tile planner asks the instance.
        unmatched = self.back_projector != "matched"
        more = 2 * self.accelerate + (self.tv > 0) + 2.5 * unmatched
        object.__setattr__(self, "buffers", type(self).buffers + more)

    @property
    def total(self) -> int:
        return self.iterations or MOST

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        levels = read_levels(problem, self.offset_counts, self.background)
        if levels:
            given = self.but(**{k: v for k, v in levels.items() if not k.endswith("_reason")})
            settled = yield from given.settle(problem)
            if settled is None:
                return Settled(given, levels)
            return Settled(settled.method, {**levels, **settled.chosen})
        if self.iterations:
            return None
        problem, background = self._photons(problem)
        held = HeldOut(problem)
        ratio, iterate = self._iteration(problem, background, held.use)
        walk = (Accelerated if self.accelerate else Walk)(flat(problem, background))
        watched = held.watch(ratio, background)
        stop = yield from search(partial(iterate, walk, watched), held, MOST)
        errors = [float(f"{error * held.unit:.6g}") for error in stop.error]
        chosen = {"iterations": stop.iterations, "held_out_error": errors}
        if stop.iterations == MOST:
            chosen["iterations_limit"] = MOST
        return Settled(self.but(iterations=stop.iterations), chosen)

    def steps(
        self,
        problem: Problem,
        start: Tensor | None = None,
        kind: Callable[[Tensor, float], Walk] | None = None,
    ) -> Iterator[Tensor]:
        """As `Method.steps`; from an estimate above 0, which is changed, or from a flat one.

        ``kind`` is how to walk, by default as `accelerate` says.
        """
        settled = drain(self.settle(problem))
        if settled is not None:  # nobody settled it before, on the image as a whole
            assert isinstance(settled.method, RichardsonLucy)
            yield from settled.method.steps(problem, start, kind)
            return
        problem, background = self._photons(problem)
        ratio, iterate = self._iteration(problem, background, problem.observed)
        start = flat(problem, background) if start is None else start
        walk = (kind or (Accelerated if self.accelerate else Walk))(start, self.tolerance)
        for _ in range(self.iterations):
            iterate(walk, ratio)
            yield walk.point
            if walk.arrived:
                return

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        return () if self.offset_counts or self.background else pedestal(problem)

    def _iteration(
        self, problem: Problem, background: float, use: Tensor | None
    ) -> tuple[PerRows, Callable[[Walk, PerRows], None]]:
        """The comparison with what was observed, and an iteration that goes by one."""
        matched = self.back_projector == "matched"
        photons = problem.scale / self.gain_counts_per_photon
        damping = Damping(self.damping, photons) if self.damping else None
        ratio = observed_over_expected(
            problem, background, use, damping=damping, excess=not matched
        )
        back = None if matched else wiener_butterworth(problem.blur, _UNDONE)
        normalise: Callable[[Tensor | None, Tensor, slice], Tensor]
        if not matched:
            observed = torch.ones_like(problem.seen, dtype=torch.bool) if use is None else use
            normalise = partial(_one_more, shared_light(problem, observed))
        elif use is None:
            seen = Coverage(problem.psf, problem.grid, problem.offset, problem.seen.shape[1:])
            normalise = partial(_normalise, seen)
        else:
            normalise = partial(_normalise_by, shared_light(problem, use))

        def iterate(walk: Walk, ratio: PerRows) -> None:
            smooth = tv_factor(problem, walk.point, self.tv)
            walk.iterate(problem.blur, ratio, partial(normalise, smooth), problem.window[1], back)

        return ratio, iterate

    def _photons(self, problem: Problem) -> tuple[Problem, float]:
        """The problem with values whose variance is their mean, up to a factor; its background."""
        # `settle` has replaced "auto".
        assert self.background != "auto" and self.offset_counts != "auto"
        read = self.read_noise_photons**2 * self.gain_counts_per_photon
        background = (self.background + read) / problem.scale
        return without_offset(problem, self.offset_counts - read), background


MOST = 200
"""Iterations that are made where nothing speaks against more."""
_UNDONE = 0.01
"""Power of the blur's response down to which the unmatched back projector undoes it."""
_KEPT = 0.05
"""Share of a pixel that an iteration leaves at least: 0 would be for good."""


def _one_more(share: Tensor, smooth: Tensor | None, correction: Tensor, rows: slice) -> Tensor:
    """``1 + A^T m correction``, of what an unmatched back projector makes of ratios less 1.

    Where little was seen it is not the inverse that it is elsewhere: unweighted, the ring grows
    without end.
    """
    correction.mul_(share[:, rows]).add_(1).clamp_(min=_KEPT)
    return correction if smooth is None else correction.mul_(smooth[:, rows])


def _normalise_by(share: Tensor, smooth: Tensor | None, correction: Tensor, rows: slice) -> Tensor:
    """As `_normalise`, with ``A^T m`` as an array."""
    correction.clamp_(min=0).mul_(inverse(share[:, rows]))
    return correction if smooth is None else correction.mul_(smooth[:, rows])


def _normalise(seen: Coverage, smooth: Tensor | None, correction: Tensor, rows: slice) -> Tensor:
    """``correction / A^T m``, and Dey's factor; rounding must not make it negative."""
    seen.divide_(correction.clamp_(min=0), rows)
    return correction if smooth is None else correction.mul_(smooth[:, rows])


def tv_factor(problem: Problem, x: Tensor, weight: float) -> Tensor | None:
    """``1 / (1 - weight div(grad x / |grad x|))``, like ``x``; None without weight.

    Positive, as no divergence of a unit field passes 6 and the weight ends at 0.1. Gradients under
    5 % of the mean intensity, where the image was seen, are taken as flat, without which the
    acceleration sees only their flicker.
    """
    if not weight:
        return None
    factor = like(x)
    least = 0.05 * float(x[problem.window].mean()) + 1e-15  # whose square is still a float32
    spacing = problem.spacing or (1.0,) * (x.ndim - 1)

    def fill(rows: slice) -> None:
        divergence = unit_divergence(x, rows, spacing, least)
        factor[:, rows] = divergence.mul_(-weight).add_(1).reciprocal_()

    problem.blur.each(fill, len(x))
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
