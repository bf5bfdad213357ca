"""Cutting a region into tiles with true surroundings, so that memory stays within a budget."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..core.errors import DeconvError

Shape = tuple[int, ...]
Region = tuple[slice, ...]


@dataclass(frozen=True)
class Tile:
    """One piece of work.

    Parameters
    ----------
    core : tuple of slice
        The part of the image this tile answers for; cores cover the image once.
    read : tuple of slice
        ``core`` with its halo, clipped to the image.
    """

    core: Region
    read: Region

    @property
    def crop(self) -> Region:
        """Position of ``core`` within ``read``."""
        return tuple(
            slice(c.start - r.start, c.stop - r.start)
            for c, r in zip(self.core, self.read, strict=True)
        )


@dataclass(frozen=True)
class Plan:
    """How many tiles each axis is cut into, and the halo between them."""

    shape: Shape
    pieces: Shape
    halo: Shape

    @property
    def count(self) -> int:
        """Number of tiles."""
        return math.prod(self.pieces)

    @property
    def largest(self) -> Shape:
        """Shape of the largest tile as read, halo included."""
        return tuple(
            min(n, -(-n // p) + (2 * h + 3 if p > 1 else 0))
            for n, p, h in zip(self.shape, self.pieces, self.halo, strict=True)
        )

    def tiles(self) -> Iterator[Tile]:
        """The tiles, in order of the array."""
        for position in itertools.product(*(range(p) for p in self.pieces)):
            # Multiples of four: networks at a quarter of the resolution then see the same grid in
            # every tile.
            bounds = [
                (n * i // p // 4 * 4, n * (i + 1) // p // 4 * 4 if i + 1 < p else n)
                for n, p, i in zip(self.shape, self.pieces, position, strict=True)
            ]
            yield Tile(
                core=tuple(slice(a, b) for a, b in bounds),
                read=tuple(
                    slice(max(0, a - h), min(n, b + h))
                    for (a, b), h, n in zip(bounds, self.halo, self.shape, strict=True)
                ),
            )


def plan_tiles(shape: Shape, halo: Shape, cost: Callable[[Shape], int], budget: int) -> Plan:
    """The coarsest cut whose largest tile costs at most ``budget`` bytes.

    Where no cut with the whole halo fits, half and a third of it are tried: `Plan.halo` says what
    it came to.

    Parameters
    ----------
    shape : tuple of int
        Region to cut.
    halo : tuple of int
        True surroundings each tile needs per side and axis.
    cost : callable
        Bytes needed to restore a tile of a shape (halo included).
    budget : int
        Bytes available.

    Raises
    ------
    DeconvError
        If even the smallest sensible tile does not fit.
    """
    for share in (1, 2, 3):
        least = tuple(h // share for h in halo)
        plan = _cut(shape, least, cost, budget)
        if cost(plan.largest) <= budget:
            return plan
    raise DeconvError(
        f"The smallest tile {plan.largest} needs {cost(plan.largest) / 1e6:.3g} MB, "
        f"but only {budget / 1e6:.3g} MB are allowed.",
        "Raise the memory budget or crop the PSF.",
    )


def _cut(shape: Shape, halo: Shape, cost: Callable[[Shape], int], budget: int) -> Plan:
    """The coarsest cut within the budget, or the finest that is sensible."""
    plan = Plan(shape, (1,) * len(shape), halo)
    while cost(plan.largest) > budget:
        # A core narrower than its halo would spend most of its work on surroundings.
        axes = [
            axis
            for axis, (n, p, h) in enumerate(zip(shape, plan.pieces, halo, strict=True))
            if n // (p + 1) >= max(16, h)
        ]
        if not axes:
            break
        widest = max(axes, key=lambda axis: shape[axis] / plan.pieces[axis])
        pieces = tuple(p + (axis == widest) for axis, p in enumerate(plan.pieces))
        plan = Plan(shape, pieces, halo)
    return plan
