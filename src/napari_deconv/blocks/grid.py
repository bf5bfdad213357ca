"""Cutting an image into blocks that are whole chunks of the file they are written to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..core.errors import DeconvError
from ..engine.axes import Layout
from ..engine.tiling import Shape, Tile


@dataclass(frozen=True)
class Grid:
    """Numbered blocks of an image.

    Parameters
    ----------
    layout : Layout
        The image's axes.
    core : tuple of int
        Pixels along every spatial axis that a block answers for.
    halo : tuple of int
        True surroundings that it is given on either side.
    """

    layout: Layout
    core: Shape
    halo: Shape

    @property
    def counts(self) -> Shape:
        """Blocks along every spatial axis."""
        return tuple(-(-n // c) for n, c in zip(self.layout.block_shape, self.core, strict=True))

    @property
    def total(self) -> int:
        """Blocks in all."""
        return self.layout.count * math.prod(self.counts)

    def block(self, number: int) -> tuple[dict[str, int], Tile]:
        """Position on the looped axes, and tile, of a block."""
        which, place = divmod(number, math.prod(self.counts))
        item = self.layout.item(which)
        corner = []
        for count in reversed(self.counts):
            place, index = divmod(place, count)
            corner.append(index)
        bounds = [
            (i * c, min(n, (i + 1) * c))
            for i, c, n in zip(reversed(corner), self.core, self.layout.block_shape, strict=True)
        ]
        read = tuple(
            slice(max(0, a - h), min(n, b + h))
            for (a, b), h, n in zip(bounds, self.halo, self.layout.block_shape, strict=True)
        )
        return item, Tile(core=tuple(slice(a, b) for a, b in bounds), read=read)

    def name(self, number: int) -> str:
        """Name of a block: where it lies, in words."""
        item, tile = self.block(number)
        places = [f"{axis} {index}" for axis, index in item.items()]
        spans = zip(self.layout.spatial, tile.core, strict=True)
        return ", ".join([*places, *(f"{a} {s.start} to {s.stop}" for a, s in spans)])


def cut(
    layout: Layout, unit: Shape, halo: Shape, cost: Callable[[Shape], int], budget: int
) -> tuple[Shape, Shape]:
    """The largest blocks of whole units that cost at most ``budget`` bytes; cores and halo.

    Raises
    ------
    DeconvError
        If a block of one unit costs more, even with a third of its halo.
    """
    shape = layout.block_shape
    for share in (1, 2, 3):
        less = tuple(h // share for h in halo)
        pieces = [1] * len(shape)
        while True:
            units = [-(-n // u) for n, u in zip(shape, unit, strict=True)]
            core = tuple(-(-n // p) * u for n, p, u in zip(units, pieces, unit, strict=True))
            read = tuple(
                min(n, c + 2 * h if c < n else n) for n, c, h in zip(shape, core, less, strict=True)
            )
            if cost(read) <= budget:
                return core, less
            axes = [a for a, (n, p) in enumerate(zip(units, pieces, strict=True)) if p < n]
            if not axes:
                break
            widest = max(axes, key=lambda a: core[a] / max(1, less[a]))
            pieces[widest] += 1
    raise DeconvError(
        f"A block of {unit} with its surroundings {read} needs {cost(read) / 1e6:.3g} MB, but only "
        f"{budget / 1e6:.3g} MB are allowed.",
        "Raise the memory budget, or crop the PSF.",
    )
