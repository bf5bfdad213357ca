"""PSFs that change across a photo: overlapping regions, each with its own PSF, blended."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import Layout, parse_axes
from .engine import check_psf, prepare, translated
from .errors import DeconvError
from .fingerprint import array_hash
from .intensity import stored
from .problem import Solver
from .progress import Result, Step, Stream, placed
from .run import Run


@dataclass(frozen=True, eq=False)
class RegionPSF:
    """PSFs on a grid across an image; between the middles of its cells, results are blended.

    Parameters
    ----------
    grid : tuple of int
        Rows and columns of cells, which cover the image evenly.
    psfs : tuple of ndarray
        2-D, one per cell, row by row.

    Raises
    ------
    DeconvError
        If they do not go together.
    """

    grid: tuple[int, int]
    psfs: tuple[NDArray[Any], ...]

    def __post_init__(self) -> None:
        rows, columns = self.grid
        if min(self.grid) < 1 or rows * columns != len(self.psfs):
            raise DeconvError(
                f"There are {len(self.psfs)} PSFs for {rows} x {columns} regions.",
                "Give one PSF for each region.",
            )
        if any(np.ndim(psf) != 2 for psf in self.psfs):
            raise DeconvError("A PSF of a region is not 2-D.", "Give (Y, X) arrays.")

    @property
    def ndim(self) -> int:
        """Of each PSF."""
        return 2

    def weights(self, shape: tuple[int, ...]) -> Generator[tuple[NDArray[np.float32], ...]]:
        """Per cell, its share of every row and of every column; they sum to 1 over the cells."""
        down, across = (_shares(n, count) for n, count in zip(shape, self.grid, strict=True))
        for row in down:
            for column in across:
                yield row, column


def _shares(n: int, count: int) -> NDArray[np.float32]:
    """``(count, n)``: 1 in the middle of a cell, falling to 0 in the middle of the next."""
    middles = (np.arange(count) + 0.5) * n / count - 0.5
    return np.stack([np.interp(np.arange(n), middles, row) for row in np.eye(count)]).astype("f4")


def stream_regions(
    method: Solver, image: Any, psf: RegionPSF, *, axes: str | None = None, **options: Any
) -> Stream:
    """`engine.stream` with PSFs that change across the image.

    What the method chooses for itself is chosen on the image and holds for all regions, so that
    only PSFs differ; regions are given the surroundings that tiles have.

    Parameters
    ----------
    method, image, axes, options
        As in `engine.stream`.
    psf : RegionPSF
        The PSFs.

    Yields
    ------
    Step
        Progress of the whole.

    Returns
    -------
    Result

    Raises
    ------
    DeconvError
        As `engine.stream`.
    """
    with translated(method):
        run, block = prepare(method, image, psf.psfs[len(psf.psfs) // 2], axes=axes, **options)
        yield from run.settle(block)
        return (yield from _blended(run, psf))


def _blended(run: Run, psf: RegionPSF) -> Stream:
    layout, out = run.layout, np.array(run.image)
    regions = _regions(run.method, psf, layout)
    colours, found = slice(0, layout.colours), list[Result]()
    clipped, count = 0, layout.count * len(regions)
    whole = tuple(slice(0, n) for n in layout.block_shape)
    for item in layout.items():
        total = np.zeros((layout.colours, *layout.block_shape), np.float32)
        for number, region in enumerate(regions):
            label = f"region {number + 1} of {len(regions)}"
            found.append((yield from placed(region.restored(run, item), len(found), count, label)))
            part = found[-1].data[(slice(None), *region.inner)]
            total[(slice(None), *region.core)] += region.weights * part
            found[-1] = replace(found[-1], data=total[:0])  # the pixels are in the sum
        values, held = stored(total, run.intensity.dtype)
        clipped += held
        layout.write(out, item, whole, colours, values)
    run.clipped = clipped
    return Result(out, _recipe(found, psf), tuple(dict.fromkeys(n for f in found for n in f.notes)))


@dataclass(frozen=True, eq=False)
class _Region:
    """The pixels that a PSF has a share in, its share, and the pixels that have to be read."""

    psf: NDArray[np.float32]
    core: tuple[slice, ...]
    read: tuple[slice, ...]
    weights: NDArray[np.float32]

    @property
    def inner(self) -> tuple[slice, ...]:
        """Where the core lies in what is read."""
        pairs = zip(self.core, self.read, strict=True)
        return tuple(slice(c.start - r.start, c.stop - r.start) for c, r in pairs)

    def restored(self, run: Run, item: dict[str, int]) -> Generator[Step, None, Result]:
        """A run over the region, ``(S, Y, X)``; its values are not rounded yet."""
        block = run.layout.read(run.image, item, self.read, slice(0, run.layout.colours))
        one = len(block) == 1
        image = np.ascontiguousarray(block[0] if one else np.moveaxis(block, 0, -1))
        result = yield from replace(
            run,
            image=image,
            psf=self.psf,
            layout=parse_axes(image.shape, "YX" if one else "YXS", 2),
            intensity=replace(run.intensity, dtype=np.dtype(np.float32)),
            out=None,
            done=0,
            misfits=[],
            notes=list(run.notes),
        ).stream()
        return replace(result, data=result.data[None] if one else np.moveaxis(result.data, -1, 0))


def _regions(method: Solver, psf: RegionPSF, layout: Layout) -> list[_Region]:
    regions = []
    for one, shares in zip(psf.psfs, psf.weights(layout.block_shape), strict=True):
        kernel = check_psf(one, method)
        core, read = [], []
        halos = zip(shares, method.halo(kernel.shape), layout.block_shape, strict=True)
        for share, halo, n in halos:
            inside = np.flatnonzero(share > 0)
            first, last = int(inside[0]), int(inside[-1]) + 1
            core.append(slice(first, last))
            read.append(slice(max(0, first - halo), min(n, last + halo)))
        weights = np.outer(shares[0][core[0]], shares[1][core[1]])
        regions.append(_Region(kernel, tuple(core), tuple(read), weights))
    return regions


def _recipe(found: list[Result], psf: RegionPSF) -> dict[str, Any]:
    recipe = dict(found[0].recipe)
    recipe["seconds"] = round(sum(one.recipe["seconds"] for one in found), 3)
    recipe["psf"] = {
        "regions": list(psf.grid),
        "shape": list(psf.psfs[0].shape),
        "sha256": [array_hash(one) for one in psf.psfs],
    }
    return recipe
