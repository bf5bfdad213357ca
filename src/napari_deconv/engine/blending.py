"""PSFs that change over z or across an image: overlapping parts, each with its own, blended."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Unpack

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.fingerprint import array_hash
from ..core.json_text import Json
from ..core.progress import Result, Step, Stream, placed
from ..core.record import clipping, totals
from .axes import Layout, parse_axes
from .depths import Shares
from .intensity import stored
from .options import Options
from .problem import Solver
from .readings import summary
from .run import Run
from .streaming import check_psf, prepare, translated
from .unseen import Unseen, with_mask


class VaryingPSF(Protocol):
    """Several PSFs and where each holds."""

    @property
    def psfs(self) -> tuple[NDArray[Any], ...]: ...
    @property
    def ndim(self) -> int: ...
    @property
    def place(self) -> str: ...
    def places(self) -> dict[str, Json]: ...
    def shares(self, shape: tuple[int, ...]) -> Sequence[tuple[NDArray[Any], Shares]]: ...


def stream_varying(
    method: Solver, image: Any, psf: VaryingPSF, **options: Unpack[Options]
) -> Stream:
    """`engine.stream` with PSFs that change over the image.

    What the method chooses for itself is chosen on the image and holds for all parts, so that only
    PSFs differ; parts are given the surroundings that tiles have.

    Parameters
    ----------
    method, image, options
        As in `engine.stream`.
    psf : DepthPSF or RegionPSF
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
        As `engine.stream`; and if the PSFs are 3-D and the image has colour samples.
    """
    with translated(method):
        image, options = with_mask(image, options)
        run, block = prepare(method, image, middle(psf), **options)
        yield from run.settle(block)
        return (yield from blended(run, psf))


def workload(run: Run, psf: VaryingPSF) -> int:
    """Predict the workload as `Run.workload`, for parts of one tile each."""
    sizes = ([r.stop - r.start for r in part.read] for part in _parts(run.method, psf, run.layout))
    each = sum(math.prod(run.grid(tuple(size))) for size in sizes)
    return run.layout.count * run.layout.colours * each


def middle(psf: VaryingPSF) -> NDArray[Any]:
    """The PSF in the middle of them."""
    return psf.psfs[len(psf.psfs) // 2]


def blended(run: Run, psf: VaryingPSF) -> Stream:
    """Restore a settled run's image part by part."""
    layout = run.layout
    if psf.ndim == 3 and layout.samples > 1:
        raise DeconvError(
            "PSFs over z are for grey stacks.", "Save the colours as channels, or give one PSF."
        )
    out = run.out
    if out is None:  # an alpha channel stays as it is
        opaque = layout.colours == layout.samples
        out = np.empty(layout.shape, run.dtype) if opaque else np.array(run.image, run.dtype)
    parts, results = _parts(run.method, psf, layout), list[Result]()
    clipped, count, colours = 0, layout.count * len(parts), slice(0, layout.colours)
    whole = tuple(slice(0, n) for n in layout.block_shape)
    for item in layout.items():
        run.attend(item)
        total = np.zeros((layout.colours, *layout.block_shape), np.float32)
        for number, part in enumerate(parts):
            label = f"{psf.place} {number + 1} of {len(parts)}"
            results.append(
                (yield from placed(part.restored(run, item), len(results), count, label))
            )
            total[(slice(None), *part.core)] += part.weighted(results[-1].data)
            results[-1] = replace(results[-1], data=total[:0])  # the pixels are in the sum
        values, held = stored(total, run.dtype)
        clipped += held
        layout.write(out, item, whole, colours, values)
    record = replace(
        results[0].record,
        keep_float=run.dtype != run.intensity.dtype,
        **totals([each.record for each in results]),
        items=summary(run.readings) if run.readings else {},
        psf={
            **psf.places(),
            "shape": list(middle(psf).shape),
            "sha256": [array_hash(each) for each in psf.psfs],
        },
    )
    notes = [*dict.fromkeys(n for f in results for n in f.notes)]
    notes += [clipping(clipped, out.size, out.dtype)] if clipped else []
    return Result(out, record, tuple(notes))


@dataclass(frozen=True, eq=False)
class _Part:
    """The pixels that a PSF has a share in, its share, and the pixels that have to be read."""

    psf: NDArray[np.float32]
    core: tuple[slice, ...]
    read: tuple[slice, ...]
    weights: NDArray[np.float32]

    def weighted(self, data: NDArray[Any]) -> NDArray[np.float32]:
        """Weigh a restored part with its share, ``(S, *core)``."""
        pairs = zip(self.core, self.read, strict=True)
        inner = tuple(slice(c.start - r.start, c.stop - r.start) for c, r in pairs)
        share: NDArray[np.float32] = self.weights * data[(slice(None), *inner)]
        return share

    def restored(self, run: Run, item: dict[str, int]) -> Generator[Step, None, Result]:
        """A run over the part, ``(S, *read)``; its values are not rounded yet."""
        colours = slice(0, run.layout.colours)
        block = run.layout.read(run.image, item, self.read, colours)
        hidden = run.unseen.read(run.image, run.layout, item, self.read, colours)
        single, ndim = len(block) == 1, block.ndim - 1
        image = np.ascontiguousarray(block[0] if single else np.moveaxis(block, 0, -1))
        mask = None if hidden is None else hidden[0] if single else np.moveaxis(hidden, 0, -1)
        axes = "ZYX"[-ndim:] + ("" if single else "S")
        layout = parse_axes(image.shape, axes, ndim)
        result = yield from replace(
            run,
            image=image,
            psf=self.psf,
            layout=layout,
            unseen=Unseen.of(image, layout, mask, run.unseen.nan),
            reading=replace(
                run.reading, intensity=replace(run.intensity, dtype=np.dtype(np.float32))
            ),
            readings=[],
            out=None,
            done=0,
            elements=0,
            misfits=[],
            notes=list(run.notes),
        ).stream()
        return replace(
            result, data=result.data[None] if single else np.moveaxis(result.data, -1, 0)
        )


def _parts(method: Solver, psf: VaryingPSF, layout: Layout) -> list[_Part]:
    parts = []
    for psf_part, shares in psf.shares(layout.block_shape):
        kernel = check_psf(psf_part, method)
        core, read, factors = [], [], []
        halos = zip(shares, method.halo(kernel.shape), layout.block_shape, strict=True)
        for axis, (share, halo, n) in enumerate(halos):
            inside = np.flatnonzero(share > 0)
            if not len(inside):
                break
            first, last = int(inside[0]), int(inside[-1]) + 1
            core.append(slice(first, last))
            read.append(slice(max(0, first - halo), min(n, last + halo)))
            even = bool((share == 1).all())  # spares memory where it counts everywhere
            shape = [1 if even or i != axis else last - first for i in range(len(shares))]
            factors.append((share[:1] if even else share[first:last]).reshape(shape))
        else:
            weights = math.prod(factors[1:], start=factors[0])
            parts.append(_Part(kernel, tuple(core), tuple(read), weights))
    return parts
