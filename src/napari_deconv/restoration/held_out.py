"""When to stop iterating: when pixels that were held out stop being better predicted."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.problem import Problem
from .multiplicative import PerRows

_SHARE = 0.1
_BEFORE = {2: 0.9, 3: 1.0}
"""Part of the iterations to the best prediction after which the image itself is best: noise that
the blur hides from the prediction is in the image all the same. Chosen on photos of the training
set and on generated stacks by benchmarks/stopping.py."""
_PATIENCE = 1.6
_LEAST = 8


@dataclass(frozen=True)
class Stop:
    """Where to stop, and why.

    Parameters
    ----------
    iterations : int
        What was chosen.
    error : tuple of float
        Mean squared error of the held-out pixels' prediction before the first iteration, after
        it, and so on, on the problem's scale.
    """

    iterations: int
    error: tuple[float, ...]


class HeldOut:
    """A tenth of the observed pixels, kept from the iteration to test its predictions.

    Parameters
    ----------
    problem : Problem
        The noise must be white: then nothing but the object says what a held-out pixel shows.
    """

    def __init__(self, problem: Problem) -> None:
        draw = torch.rand(problem.seen.shape[1:], generator=torch.Generator().manual_seed(0))
        self.use = (draw >= _SHARE).to(problem.seen.device).expand_as(problem.seen)
        self.ndim = len(problem.grid)
        self._problem = problem
        self._sums: list[float] = []
        self._count = max(1, int((~self.use).sum()))

    def watch(self, ratio: PerRows, background: float) -> PerRows:
        """``ratio``, taking note of how well what it is given predicts the held-out pixels."""
        problem = self._problem
        first, n = problem.offset[0], problem.seen.shape[1]

        def watched(ax: Tensor, rows: slice) -> Tensor:
            start, stop = max(rows.start, first), min(rows.stop, first + n)
            if start < stop:
                here = (slice(None), slice(start - rows.start, stop - rows.start))
                there = (slice(None), slice(start - first, stop - first))
                gap = ax[(*here, *problem.window[2:])] + (background - problem.seen[there])
                gap.masked_fill_(self.use[there], 0)
                self._sums.append(float(gap.square_().sum(dtype=torch.float64)))
            return ratio(ax, rows)

        return watched

    def error(self) -> float:
        """Mean squared error since it was last asked for."""
        # fsum is exact, so it does not depend on which thread was first.
        error = math.fsum(self._sums) / self._count
        self._sums.clear()
        return error


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
        yield f"choosing the number of iterations, {len(errors)} tried"
    # An error that is falling still has no best.
    chosen = best if best >= most else round(_BEFORE[held.ndim] * best)
    return Stop(max(1, chosen), tuple(errors))
