"""When to stop iterating: when pixels that were held out stop being better predicted."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..core.device import total
from ..engine.problem import Problem
from .multiplicative import PerRows, tiny

_SHARE = 0.1
_TIMES = {2: 0.9, 3: 1.35}
"""Iterations after which the image itself is best, over those to the best prediction: noise that
the blur hides from the prediction is in the image all the same, but a volume of few structures on
black goes on to gain by more than its noise costs. Chosen on photos of the training set and on
generated stacks, accelerated and not, by benchmarks/stopping.py."""
_PATIENCE = 2.0
"""Iterations to try, over those to the best prediction so far: the momentum of acceleration makes
ripples, and a better prediction can come after nearly as many iterations again."""
_LEAST = 8


@dataclass(frozen=True)
class Stop:
    """Where to stop, and why.

    Parameters
    ----------
    iterations : int
        What was chosen.
    error : tuple of float
        Of the held-out pixels' prediction before the first iteration, after it, and so on, on the
        problem's scale; see `HeldOut`.
    """

    iterations: int
    error: tuple[float, ...]


class HeldOut:
    """A tenth of the observed pixels, kept from the iteration to test its predictions.

    The error of a plane's prediction is its mean square, as fits photos and their noise; that of a
    volume's is the mean Poisson deviance ``2 (y log(y / e) - y + e)``, which does not let a few
    bright spots speak for all.

    Parameters
    ----------
    problem : Problem
        The noise must be white: then nothing but the object says what a held-out pixel shows.
    """

    def __init__(self, problem: Problem) -> None:
        draw = torch.rand(problem.seen.shape[1:], generator=torch.Generator().manual_seed(0))
        self.use = (draw >= _SHARE).to(problem.seen.device).expand_as(problem.seen)
        self._aside = self.use  # not looked at when predictions are tested
        if problem.unseen is not None:
            self.use, self._aside = self.use & ~problem.unseen, self.use | problem.unseen
        self.ndim = len(problem.grid)
        self._problem = problem
        self._sums: list[float] = []
        self._count = max(1, int((~self._aside).sum()))

    def watch(self, ratio: PerRows, background: float) -> PerRows:
        """``ratio``, taking note of how well what it is given predicts the held-out pixels."""
        problem = self._problem
        measure = _square if self.ndim == 2 else partial(_deviance, tiny(problem))
        first, n = problem.offset[0], problem.seen.shape[1]

        def watched(ax: Tensor, rows: slice) -> Tensor:
            start, stop = max(rows.start, first), min(rows.stop, first + n)
            if start < stop:
                here = (slice(None), slice(start - rows.start, stop - rows.start))
                there = (slice(None), slice(start - first, stop - first))
                expected = ax[(*here, *problem.window[2:])] + background
                error = measure(problem.seen[there], expected).masked_fill_(self._aside[there], 0)
                self._sums.append(total(error))
            return ratio(ax, rows)

        return watched

    @property
    def unit(self) -> float:
        """Size of an error of 1 in the image's own units."""
        return self._problem.scale ** (2 if self.ndim == 2 else 1)

    def error(self) -> float:
        """Mean error since the last call."""
        # fsum is exact, so it does not depend on which thread was first.
        error = math.fsum(self._sums) / self._count
        self._sums.clear()
        return error


def _square(seen: Tensor, expected: Tensor) -> Tensor:
    return expected.sub_(seen).square_()


def _deviance(least: float, seen: Tensor, expected: Tensor) -> Tensor:
    seen, expected = seen.clamp(min=0), expected.clamp_(min=least)
    return torch.xlogy(seen, seen / expected).sub_(seen).add_(expected).mul_(2)


def search(iterate: Callable[[], None], held: HeldOut, most: int) -> Generator[str, None, Stop]:
    """Iterate until the prediction has been getting worse for a while.

    Parameters
    ----------
    iterate : callable
        One iteration on the pixels in use, watched by ``held``.
    held : HeldOut
        Tells the error of the estimate that the iteration began with.
    most : int
        The most iterations to allow.

    Yields
    ------
    str
        What is being done, in words.

    Returns
    -------
    Stop
    """
    errors: list[float] = []
    best = 0
    while len(errors) <= most:
        iterate()
        errors.append(held.error())
        if errors[-1] < errors[best]:
            best = len(errors) - 1
        if len(errors) > _PATIENCE * best + _LEAST:
            break
        yield f"when to stop, {len(errors)} tried"
    # An error that is falling still has no best.
    chosen = best if best >= most else round(_TIMES[held.ndim] * best)
    return Stop(min(most, max(1, chosen)), tuple(errors))
