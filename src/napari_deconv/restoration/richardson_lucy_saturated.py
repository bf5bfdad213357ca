"""Richardson-Lucy for images with clipped highlights."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..core.progress import drain
from ..engine.coverage import LEAST
from ..engine.problem import Problem, Settled
from .base import Method
from .multiplicative import (
    Accelerated,
    Walk,
    flat,
    observed_over_expected,
    pedestal,
    read_levels,
    shared_light,
    tiny,
    without_offset,
)


class RichardsonLucySaturated(
    Method,
    title="Richardson-Lucy, saturated",
    name="richardson-lucy-saturated",
    ndim=(2, 3),
    citation="O. Whyte, J. Sivic, A. Zisserman, Deblurring shaken and partially saturated images, "
    "2011 and 2014",
    buffers=7,
    unit_scale=False,
    non_negative=True,
    roomy=False,
    halo_factor=3.0,
    heeds_noise=False,
    dial="iterations",
    suits="Photos with clipped highlights (street lamps, reflections), where the other "
    "methods ring around every light. Give a float image to keep highlights above the "
    "clip level.",
    avoid="Images that are not clipped: it then only needs more memory than plain Richardson-Lucy.",
):
    """Richardson-Lucy that leaves clipped highlights out of account.

    ``x <- x / A^T m * A^T (m y / (A x + b))``, where ``m`` is 1 on observed pixels below the clip
    level and 0 elsewhere, for good: this is the variant that Whyte et al. discuss first, in which
    clipped pixels are treated as missing. Their other two, a smooth response of the sensor in the
    forward model and a separate update of the latent highlights, are not used. The estimate starts
    from the image itself and, where less than 1 % of a pixel's light reached an unclipped pixel,
    stays what it was: there the clip level is all that is known. Highlights come back brighter
    than the clip level; keep the result as float.

    Parameters
    ----------
    iterations : int
        More of them sharpen further and amplify noise; the number is the regularisation.
    threshold : float
        Pixels at or above this share of the clip level are left out.
    clip_level : float
        Level at which the camera clips, in the image's own units. 0 takes the brightest that does
        not stand out alone, as hot pixels do.
    accelerate : bool
        Extrapolate between iterations: as sharp (and as noisy) in about a third of them
        (D. Biggs and M. Andrews, Acceleration of iterative image restoration algorithms, 1997).
    background : float or str
        Constant level of the image that is no signal, in the image's own units, above the camera's
        offset. The result is without it. ``"auto"`` takes the level of the image's darkest
        twentieth.
    offset_counts : float or str
        What the camera adds to every pixel without light, in the image's own units. The result is
        without it. ``"auto"`` takes the level of the image's darkest hundredth.
    tolerance : float
        Stop when an iteration changes the estimate by less than this share of its norm; 0 never.
    """

    iterations: Annotated[int, Interval(ge=1, le=1000)] = 50
    threshold: Annotated[float, Interval(ge=0.5, le=1)] = 0.95
    clip_level: Annotated[float, Interval(ge=0), Zero("auto")] = 0.0
    accelerate: bool = False
    background: Annotated[float, Interval(ge=0)] | Literal["auto"] = 0.0
    offset_counts: float | Literal["auto"] = 0.0
    tolerance: Annotated[float, Interval(ge=0, le=1), Zero("off")] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        # The option needs more than the class says; the tile planner asks the instance.
        object.__setattr__(self, "buffers", type(self).buffers + 2 * self.accelerate)

    @property
    def total(self) -> int:
        return self.iterations

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        yield from ()
        levels = read_levels(problem, self.offset_counts, self.background)
        given = {k: v for k, v in levels.items() if not k.endswith("_reason")}
        return Settled(self.but(**given), levels) if levels else None

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        settled = drain(self.settle(problem))
        if settled is not None:  # nobody settled it before
            yield from settled.method.steps(problem)
            return
        assert self.background != "auto" and self.offset_counts != "auto"
        background = self.background / problem.scale
        use = problem.seen < self.threshold * (self.clip_level / problem.scale or problem.white)
        problem = without_offset(problem, self.offset_counts)
        use = use if problem.observed is None else use & problem.observed
        ratio = observed_over_expected(problem, background, use)
        share = shared_light(problem, use)

        def normalise(correction: Tensor, rows: slice) -> Tensor:
            observed = share[:, rows]
            correction.clamp_(min=0).div_(observed.clamp(min=LEAST))
            return correction.masked_fill_(observed <= LEAST, 1)

        x = flat(problem, background)
        torch.clamp(problem.seen - background, min=tiny(problem), out=x[problem.window])
        walk = (Accelerated if self.accelerate else Walk)(x, self.tolerance)
        for _ in range(self.iterations):
            walk.iterate(problem.blur, ratio, normalise, problem.window[1])
            yield walk.point
            if walk.arrived:
                return

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        return () if self.offset_counts or self.background else pedestal(problem)
