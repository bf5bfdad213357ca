"""How long a run will take, tried on a small part of its image."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from ..core.threads import SMALL
from .excerpt import excerpt
from .intensity import Block
from .problem import Problem, Solver
from .run import Run

_SHARE = 1 / 8
"""Of the run's work, at most, that is spent on the trial."""
_LEAST_PX = 24
_LIMIT_S = 1.0


@dataclass(frozen=True)
class Timing:
    """What a run, or a trial of one, took.

    Parameters
    ----------
    work : float
        Elements of all padded grids, times the estimates that the method makes at most.
    seconds : float
        For that.
    choosing : float
        Seconds for what a method chooses on a part of the image, whose size is always the same.
    """

    work: float
    seconds: float
    choosing: float = 0.0


def probe(run: Run, block: Block) -> Timing:
    """Time a method on a part of an image for about a second.

    Where the method is slow, it is timed for a few of its estimates only.

    Parameters
    ----------
    run : Run
        As `engine.prepare` made it; it can be used afterwards.
    block : Block
        Of the run's image.
    """
    sample = block[excerpt(block.pixels, run.psf.shape)]
    grid = run.grid(sample.pixels.shape[1:])
    part = _middle(run, sample)
    problem = run.problem(part, slice(0, run.layout.colours if run.method.joint_channels else 1))
    size = math.prod(problem.grid)
    total = run.method.total
    method, choosing = _settled(run.method, problem)
    if method is None:  # too slow to see the end of it; an estimate takes as long as an attempt
        seconds = choosing
    else:
        ready = replace(run, method=method)
        seconds = _seconds(ready, problem)
        if seconds < _LIMIT_S / 2:  # the first time includes what is done once
            seconds = _seconds(ready, problem)
    return Timing(size * len(problem.seen) * total, seconds, choosing * math.prod(grid) / size)


def _middle(run: Run, sample: Block) -> Block:
    """The middle of a block, of a padded size that is soon done."""
    shape = sample.pixels.shape[1:]
    most = min(2 * SMALL, _SHARE * run.workload() / run.layout.colours)
    sizes, share = shape, 1.0
    while math.prod(run.grid(sizes)) > most and share > 0.05:
        share *= 0.8
        sizes = tuple(min(n, max(_LEAST_PX, int(share * n))) for n in shape)
    starts = [(n - size) // 2 for n, size in zip(shape, sizes, strict=True)]
    where = (slice(a, a + size) for a, size in zip(starts, sizes, strict=True))
    return sample[(slice(None), *where)]


def _settled(method: Solver, problem: Problem) -> tuple[Solver | None, float]:
    """The method with what it chooses, None if that takes too long; and the seconds for it."""
    steps, attempts = method.settle(problem), 0
    began = time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            settled = stop.value
            return method if settled is None else settled.method, time.perf_counter() - began
        attempts += 1
        seconds = time.perf_counter() - began
        if seconds > _LIMIT_S:
            steps.close()
            return None, seconds * method.total / attempts


def _seconds(run: Run, problem: Problem) -> float:
    """Time all estimates, by as many as are made in about a second."""
    marks, began = list[float](), time.perf_counter()
    for _ in run.estimates(problem):
        marks.append(time.perf_counter() - began)
        if marks[-1] > _LIMIT_S:
            break
    else:
        return time.perf_counter() - began
    each = (marks[-1] - marks[0]) / (len(marks) - 1) if len(marks) > 1 else marks[0]
    return marks[0] + each * (run.method.total - 1)
