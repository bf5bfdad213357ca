"""Iterations that multiply an estimate by ``A^T`` of observed over expected."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ..core.device import total
from ..engine.intensity import DARK, DARK_PX, DARKER
from ..engine.problem import Problem
from ..signal.fourier import Blur
from ..signal.transform import empty

PerRows = Callable[[Tensor, slice], Tensor]
"""Pixels ``(C, n, ...)`` and the rows of the grid they are, to new pixels; may work in place."""


_BOLD, _MOST_BOLD = 1.1, 0.95
_STEEP = 10
"""White's N: how sharply damping begins."""


class Walk:
    """An estimate that moves by being multiplied.

    Parameters
    ----------
    x : Tensor
        Where it starts, ``(C, *grid)``; changed in place. The estimate is `point`.
    tolerance : float
        `arrived` once an iteration changes the estimate by less than this share of its norm.
    """

    def __init__(self, x: Tensor, tolerance: float = 0.0) -> None:
        self.x = x
        self._tolerance = tolerance
        self._sums: list[tuple[float, float]] = []

    @property
    def point(self) -> Tensor:
        """The estimate, where the next correction is evaluated."""
        return self.x

    @property
    def arrived(self) -> bool:
        """Whether the last iteration changed next to nothing."""
        return self._tolerance > 0 and _ratio(self._sums) < self._tolerance**2

    def iterate(
        self,
        blur: Blur,
        ratio: PerRows,
        normalise: PerRows,
        within: slice | None = None,
        back: Tensor | None = None,
    ) -> None:
        """``x <- x * normalise(A^T ratio(A x))``.

        ``ratio`` is 0 outside the rows ``within``; ``back`` is a half spectrum in place of ``A^T``.
        """

        def multiply(correction: Tensor, rows: slice) -> None:
            self._multiply(normalise(correction, rows), rows)

        self._sums.clear()
        blur.sandwich(self.point, ratio, multiply, within, back)

    def _multiply(self, factor: Tensor, rows: slice) -> None:
        x = self.x[:, rows]
        if self._tolerance:
            self._sums.append((_energy(factor.sub(1).mul_(x)), _energy(x)))
        x *= factor


class Accelerated(Walk):
    """A walk that corrects a point ahead of itself, extrapolated from its last two steps.

    From the point ``p_k`` an iteration leads by ``g_k`` to ``x_k+1 = p_k + g_k``; the next point is
    ``x_k+1 + alpha (x_k+1 - x_k)`` with ``alpha = <g_k, g_k-1> / <g_k-1, g_k-1>`` within [0, 1]
    (D. Biggs and M. Andrews, Acceleration of iterative image restoration algorithms, 1997).
    """

    def __init__(self, x: Tensor, tolerance: float = 0.0) -> None:
        super().__init__(x, tolerance)
        self._point = like(x).copy_(x)
        self._step = like(x).zero_()
        self._overlaps: list[tuple[float, float]] = []

    @property
    def point(self) -> Tensor:
        return self._point

    def iterate(
        self,
        blur: Blur,
        ratio: PerRows,
        normalise: PerRows,
        within: slice | None = None,
        back: Tensor | None = None,
    ) -> None:
        self._overlaps.clear()
        super().iterate(blur, ratio, normalise, within, back)
        alpha = min(max(_BOLD * _ratio(self._overlaps), 0.0), _MOST_BOLD)

        def extrapolate(rows: slice) -> None:
            old, point = self.x[:, rows], self._point[:, rows]
            new = point + self._step[:, rows]
            point.copy_(torch.lerp(old, new, 1 + alpha)).clamp_(min=0)
            old.copy_(new)

        blur.each(extrapolate, len(self.x))

    def _multiply(self, factor: Tensor, rows: slice) -> None:
        point, last = self._point[:, rows], self._step[:, rows]
        step = factor.sub_(1).mul_(point)
        if self._tolerance:
            self._sums.append((_energy(step), _energy(point)))
        self._overlaps.append((_energy(step, last), _energy(last)))
        last.copy_(step)


class Scheduled(Walk):
    """A walk that corrects a point ahead of itself, by a schedule: no place hangs on another's.

    The next point is ``x_k+1 + alpha_k (x_k+1 - x_k)`` with ``alpha_k = (k - 1) / (k + 2)``, at
    most 0.95 (Y. Nesterov, A method for solving the convex programming problem with convergence
    rate O(1/k^2), 1983). It takes one array less than `Accelerated`, and tiles equal the whole as
    far as the PSF reaches, where sums over all voxels would differ.

    Parameters
    ----------
    x, tolerance
        As of `Walk`.
    box : tuple of slice, optional
        Of ``(C, *grid)``: what lies around it stays as it is from iteration ``free`` on.
    free : int
        Iterations that change what lies around the box as well.
    """

    def __init__(
        self,
        x: Tensor,
        tolerance: float = 0.0,
        box: tuple[slice, ...] | None = None,
        free: int = 0,
    ) -> None:
        super().__init__(x, tolerance)
        self._point = like(x).copy_(x)
        self._count = 0
        self._box, self._free = box, free

    @property
    def point(self) -> Tensor:
        return self._point

    def iterate(
        self,
        blur: Blur,
        ratio: PerRows,
        normalise: PerRows,
        within: slice | None = None,
        back: Tensor | None = None,
    ) -> None:
        self._count += 1
        super().iterate(blur, ratio, normalise, within, back)

    def _multiply(self, factor: Tensor, rows: slice) -> None:
        point, old = self._point[:, rows], self.x[:, rows]
        if self._box is not None and self._count > self._free:
            here = _part(self._box, rows)
            factor, point, old = factor[here], point[here], old[here]
        alpha = min((self._count - 1) / (self._count + 2), _MOST_BOLD)
        new = factor.mul_(point)
        if self._tolerance:
            self._sums.append((_energy(new - point), _energy(point)))
        torch.lerp(old, new, 1 + alpha, out=point).clamp_(min=0)
        old.copy_(new)


def _part(box: tuple[slice, ...], rows: slice) -> tuple[slice, ...]:
    """Index of a box of ``(C, *grid)`` in some rows of it; empty where they do not meet."""
    _, first, *across = box
    start = min(max(rows.start, first.start), rows.stop) - rows.start
    stop = max(min(rows.stop, first.stop) - rows.start, start)
    return (slice(None), slice(start, stop), *across)


@dataclass(frozen=True)
class Damping:
    """White's damping: what lies within the noise of its expectation changes nothing.

    Parameters
    ----------
    threshold : float
        Standard deviations of photon noise from which on a misfit counts in full.
    photons : float
        Photons per unit of the problem's scale.
    """

    threshold: float
    photons: float

    def weight(self, seen: Tensor, expected: Tensor) -> Tensor:
        """Share of ``seen / expected - 1`` to keep, 0 to 1.

        ``U^9 (10 - 9 U)``, ``U`` the Poisson deviance over the threshold's square, at most 1
        (R. L. White, Image restoration using the damped Richardson-Lucy method, 1994, eq. 7).
        """
        deviance = torch.xlogy(seen, seen / expected).sub_(seen).add_(expected)
        u = deviance.mul_(2 * self.photons / self.threshold**2).clamp_(min=0, max=1)
        return u.pow(_STEEP - 1).mul_(u.mul_(1 - _STEEP).add_(_STEEP))


def observed_over_expected(
    problem: Problem,
    background: float,
    use: Tensor | None = None,
    *,
    damping: Damping | None = None,
    excess: bool = False,
) -> PerRows:
    """``m y / (A x + b)`` as a function of some rows of ``A x``.

    Parameters
    ----------
    problem : Problem
        Gives ``y``, and the window that ``m`` is 1 in.
    background : float
        ``b``, on the problem's scale.
    use : Tensor, optional
        False where a pixel is left out of ``m``; like ``problem.seen``. By default those that were
        not observed.
    damping : Damping, optional
        Draws ratios that noise explains towards 1.
    excess : bool
        Whether to give ``m (y / (A x + b) - 1)`` instead.
    """
    use = problem.observed if use is None else use
    seen = problem.seen if float(problem.seen.min()) >= 0 else problem.seen.clamp(min=0)
    least, first, n = tiny(problem), problem.offset[0], seen.shape[1]

    def ratio(ax: Tensor, rows: slice) -> Tensor:
        start, stop = max(rows.start, first), min(rows.stop, first + n)
        if start >= stop:
            return ax.zero_()
        here = (slice(None), slice(start - rows.start, stop - rows.start), *problem.window[2:])
        there = (slice(None), slice(start - first, stop - first))
        expected = ax[here]
        if background:
            expected += background
        expected.clamp_(min=least)
        weight = None if damping is None else damping.weight(seen[there], expected)
        torch.div(seen[there], expected, out=expected)
        if weight is not None:
            expected.sub_(1).mul_(weight)
        if excess != (weight is not None):
            expected += -1 if excess else 1
        if use is not None:
            expected *= use[there]
        return zero_outside(ax, here)

    return ratio


Level = float | Literal["auto"]


def read_levels(problem: Problem, offset: Level, background: Level) -> dict[str, object]:
    """Read the camera's offset and the background light above it, where they are left open.

    Parameters
    ----------
    problem : Problem
        Knows how dark the whole image gets.
    offset, background : float or str
        In the image's own units; ``"auto"`` takes the level of the darkest hundredth for the
        offset, and what the darkest twentieth has above the offset for the background.

    Returns
    -------
    dict
        ``offset_counts`` and ``background`` as far as they were ``"auto"``, and the reason of each.
    """
    levels: dict[str, object] = {}
    if offset == "auto":
        levels["offset_counts"] = offset = _own_units(problem, problem.darkest)
        levels["offset_counts_reason"] = _quantile(DARKER)
    if background == "auto":
        level = max(0.0, _own_units(problem, problem.dark) - offset)
        levels["background"] = float(f"{level:.6g}")
        above = f" above the offset of {offset:g}" if offset else ""
        levels["background_reason"] = _quantile(DARK) + above
    return levels


def _own_units(problem: Problem, level: float) -> float:
    return float(f"{level * problem.scale + problem.zero:.6g}")


def _quantile(share: float) -> str:
    return f"{100 * share:g} % quantile of the means of {DARK_PX}x{DARK_PX} pixels"


_COUNTS = 10.0
_PEDESTAL = 0.05
"""Share of the mean from which on a level under everything is worth a word."""


def pedestal(problem: Problem) -> tuple[str, ...]:
    """Remark on a pedestal of counts that all pixels have and no field accounts for."""
    looks = pedestal_remark(problem)
    if not looks:
        return ()
    return (
        f"{looks} It was taken for light and sharpened with it: give offset_counts, or "
        f'offset_counts="auto" ({_quantile(DARKER)}).',
    )


def pedestal_remark(problem: Problem) -> str:
    """What a pedestal of counts that all pixels have looks like; empty if there is none."""
    darkest = problem.black * problem.scale + problem.zero
    mean = problem.mean * problem.scale + problem.zero
    level = _own_units(problem, problem.darkest)
    # Counts of a camera, neither a photo nor an image on a scale of its own; and steadier than
    # photons are.
    if problem.bits <= 8 or len(problem.seen) > 1 or darkest < max(_COUNTS, _PEDESTAL * mean):
        return ""
    if level - darkest > 1.5 * math.sqrt(level):
        return ""
    return (
        f"The darkest pixel is {darkest:g}, which looks like a camera offset of about {level:.4g}."
    )


def without_offset(problem: Problem, offset: float) -> Problem:
    """The problem with counts above the camera's offset (in the image's own units)."""
    shift = offset / problem.scale
    if not shift:
        return problem
    return replace(problem, seen=problem.seen - shift, mean=problem.mean - shift)


def shared_light(problem: Problem, use: Tensor) -> Tensor:
    """``A^T m``, ``(C, *grid)``: the share of each pixel's light that the pixels in use saw."""
    mask = problem.seen.new_zeros((len(use), *problem.grid))
    mask[problem.window] = use.float()
    return problem.blur.adjoint(mask)


def zero_outside(x: Tensor, box: tuple[slice, ...]) -> Tensor:
    """``x`` with everything outside a box of it set to 0, in place."""
    for axis, cut in enumerate(box):
        start, stop, _ = cut.indices(x.shape[axis])
        x.narrow(axis, 0, start).zero_()
        x.narrow(axis, stop, x.shape[axis] - stop).zero_()
    return x


def tiny(problem: Problem) -> float:
    """An intensity that is nothing beside the image's, yet above the rounding of transforms."""
    return 1e-6 * (abs(problem.mean) + problem.std) or 1e-6


def flat(problem: Problem, background: float) -> Tensor:
    """A flat image of the observed flux, ``(C, *grid)``: the start that favours no detail."""
    level = max(problem.mean - background, 1e-3 * problem.std, tiny(problem))
    shape = (len(problem.seen), *problem.grid)
    return like(problem.seen, shape).fill_(level)


def like(x: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    """An uninitialised float32 tensor of this or ``x``'s shape, on its device."""
    shape = tuple(x.shape) if shape is None else shape
    return empty(shape) if x.device.type == "cpu" else x.new_empty(shape)


def _energy(a: Tensor, b: Tensor | None = None) -> float:
    return total(a * (a if b is None else b))


def _ratio(sums: list[tuple[float, float]]) -> float:
    # fsum is exact, so it does not depend on which thread was first.
    below = math.fsum(s[1] for s in sums)
    return math.fsum(s[0] for s in sums) / below if below > 0 else 0.0
