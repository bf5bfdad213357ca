"""PSFs that change over z: overlapping slabs of a stack, each with its own PSF, blended."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import Layout
from .depths import DepthPSF
from .engine import check_psf, prepare, translated
from .errors import DeconvError
from .fingerprint import array_hash
from .intensity import stored
from .problem import Solver
from .progress import Result, Step, Stream, placed
from .run import Run


def stream_depths(
    method: Solver, image: Any, psf: DepthPSF, *, axes: str | None, **options: Any
) -> Stream:
    """`engine.stream` with PSFs that change over z.

    Parameters
    ----------
    method, image, axes, options
        As in `engine.stream`.
    psf : DepthPSF
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
        As `engine.stream`; and if the image has colour samples.
    """
    with translated(method):
        run, block = prepare(method, image, psf.middle, axes=axes, **options)
        yield from run.settle(block)
        return (yield from blended(run, psf))


def blended(run: Run, psf: DepthPSF) -> Stream:
    """Restore a settled run's image slab by slab; each has the surroundings that tiles have.

    What the method chose on the image holds for all slabs, so that only PSFs differ.
    """
    layout = run.layout
    if layout.samples > 1:
        raise DeconvError(
            "PSFs over z are for grey stacks.", "Save the colours as channels, or give one PSF."
        )
    slabs = _slabs(run.method, psf, layout.block_shape[0])
    out = np.empty(layout.shape, run.intensity.dtype) if run.out is None else run.out
    region = tuple(slice(0, n) for n in layout.block_shape)
    found: list[Result] = []
    clipped, count = 0, layout.count * len(slabs)
    for item in layout.items():
        total = np.zeros(layout.block_shape, np.float32)
        for number, slab in enumerate(slabs):
            label = f"depth {number + 1} of {len(slabs)}"
            steps = slab.restored(run, item)
            found.append((yield from placed(steps, len(found), count, label)))
            total[slab.core] += slab.weights[:, None, None] * found[-1].data[slab.inner]
            found[-1] = replace(found[-1], data=total[:0])  # the pixels are in the sum
        values, held = stored(total, run.intensity.dtype)
        clipped += held
        layout.write(out, item, region, slice(0, 1), values[None])
    run.clipped = clipped
    return Result(out, _recipe(found, psf), tuple(dict.fromkeys(n for f in found for n in f.notes)))


@dataclass(frozen=True, eq=False)
class _Slab:
    """The planes that a PSF has a share in, its share, and the planes that have to be read."""

    psf: NDArray[np.float32]
    core: slice
    read: slice
    weights: NDArray[np.float32]

    @property
    def inner(self) -> slice:
        """Where the core lies in what is read."""
        return slice(self.core.start - self.read.start, self.core.stop - self.read.start)

    def restored(self, run: Run, item: dict[str, int]) -> Generator[Step, None, Result]:
        """A run over the slab; its values are not rounded yet."""
        region = (self.read, *(slice(0, n) for n in run.layout.block_shape[1:]))
        block = run.layout.read(run.image, item, region, slice(0, 1))[0]
        return replace(
            run,
            image=block,
            psf=self.psf,
            layout=Layout("ZYX", block.shape, "ZYX"),
            intensity=replace(run.intensity, dtype=np.dtype(np.float32)),
            out=None,
            done=0,
            misfits=[],
            notes=list(run.notes),
        ).stream()


def _slabs(method: Solver, psf: DepthPSF, depth: int) -> list[_Slab]:
    shares: dict[str, tuple[NDArray[Any], NDArray[np.float64]]] = {}
    for one, row in zip(psf.psfs, psf.weights(depth), strict=True):
        # Equal PSFs are one: the same everywhere gives the plain result to the bit.
        key = array_hash(one)
        shares[key] = (one, shares[key][1] + row if key in shares else row)
    slabs = []
    for one, row in shares.values():
        planes = np.flatnonzero(row > 0)
        if not len(planes):
            continue
        kernel = check_psf(one, method)
        first, last = int(planes[0]), int(planes[-1]) + 1
        halo = method.halo(kernel.shape)[0]
        read = slice(max(0, first - halo), min(depth, last + halo))
        slabs.append(_Slab(kernel, slice(first, last), read, row[first:last].astype(np.float32)))
    return slabs


def _recipe(found: list[Result], psf: DepthPSF) -> dict[str, Any]:
    recipe = dict(found[0].recipe)
    recipe["seconds"] = round(sum(one.recipe["seconds"] for one in found), 3)
    recipe["psf"] = {
        "shape": list(psf.middle.shape),
        "planes": list(psf.planes),
        "sha256": [array_hash(one) for one in psf.psfs],
    }
    return recipe
