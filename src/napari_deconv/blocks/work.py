"""One block: read, restore, write. Runs in this process or in a worker somewhere else."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import is_out_of_memory, release
from ..core.errors import DeconvError
from ..core.progress import Step, drain
from ..core.words import reason
from ..engine.readings import Reading, read_item
from ..engine.run import Run
from ..engine.tiling import Tile
from ..engine.unseen import Unseen
from ..io.atomic import FULL
from .grid import Grid
from .job import Job, Part
from .source import Source, open_source

_LEAST_PX = 16


class DiskFull(DeconvError):
    """The disk is full, so that no further block can be written."""


@dataclass(frozen=True)
class Finished:
    """A block that is on disk.

    Parameters
    ----------
    number : int
        Which.
    clipped : int
        Pixels that the data type could not hold.
    """

    number: int
    clipped: int


def read(job: Job, number: int) -> NDArray[Any]:
    """The pixels of a block and its surroundings, ``(1, [Z,] Y, X)``.

    Raises
    ------
    DeconvError
        If they cannot be read.
    """
    _, grid, own = job.find(number)
    item, tile = grid.block(own)
    try:
        return grid.layout.read(_source(job.source, job.axes), item, tile.read, slice(0, 1))
    except Exception as error:
        raise DeconvError(
            f"A chunk could not be read: {reason(error)}.",
            "Mend or replace it in the source.",
        ) from error


def compute(
    job: Job, number: int, block: NDArray[Any], cancel: threading.Event | None = None
) -> Generator[Step, None, tuple[NDArray[Any], int]]:
    """Restore what `read` gave; returns the pixels of the block, and how many were clipped."""
    part, grid, own = job.find(number)
    item, tile = grid.block(own)
    run = job.run(part, None, cancel)
    run.reading = _reading(job, part, grid, item)
    values = yield from _restored(run, block, tile, grid.halo)
    return values, run.clipped


def _restored(
    run: Run, block: NDArray[Any], tile: Tile, halo: tuple[int, ...]
) -> Generator[Step, None, NDArray[Any]]:
    if block.min() == block.max():
        return (yield from _constant(run, block, tile))
    try:
        return (yield from run.restored(block, tile, run.method.total, run.method.title))
    except Exception as error:
        axis = int(np.argmax([c.stop - c.start for c in tile.core]))
        if not is_out_of_memory(error) or _length(tile.core[axis]) < 2 * _LEAST_PX:
            raise
    release(run.device)
    run.done = 0
    halves = []
    for half in _halves(tile, axis, halo[axis]):
        inner = tuple(
            slice(h.start - t.start, h.stop - t.start)
            for h, t in zip(half.read, tile.read, strict=True)
        )
        halves.append((yield from _restored(run, block[(slice(None), *inner)], half, halo)))
    return np.concatenate(halves, axis + 1)


def _halves(tile: Tile, axis: int, halo: int) -> list[Tile]:
    """A tile cut in two, within what was read."""
    core, read = tile.core[axis], tile.read[axis]
    middle = (core.start + core.stop) // 2
    halves = []
    for start, stop in ((core.start, middle), (middle, core.stop)):
        seen = slice(max(read.start, start - halo), min(read.stop, stop + halo))
        cores, reads = list(tile.core), list(tile.read)
        cores[axis], reads[axis] = slice(start, stop), seen
        halves.append(Tile(tuple(cores), tuple(reads)))
    return halves


def _constant(run: Run, block: NDArray[Any], tile: Tile) -> Generator[Step, None, NDArray[Any]]:
    """Restore a few of many equal pixels: sparse images are mostly nothing."""
    sizes = [min(n, _LEAST_PX) for n in block.shape[1:]]
    small = tuple(slice(0, n) for n in sizes)
    whole = Tile(small, small)
    values = yield from run.restored(block[(slice(None), *small)], whole, run.method.total, "")
    middle = values[(0, *(n // 2 for n in sizes))]
    return np.full((1, *map(_length, tile.core)), middle, values.dtype)


def _length(cut: slice) -> int:
    return int(cut.stop - cut.start)


def write(job: Job, number: int, block: NDArray[Any]) -> None:
    """Store a block in the result.

    Raises
    ------
    DiskFull
        If there is no space left.
    DeconvError
        If the operating system refuses otherwise.
    """
    _, grid, own = job.find(number)
    item, tile = grid.block(own)
    with writing(job.target):
        grid.layout.write(_target(job.target), item, tile.core, slice(0, 1), block)


@contextmanager
def writing(target: str | Path) -> Iterator[None]:
    """What the operating system refuses, in words; see `write`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"No space is left for {target}.",
                "Free some and run the same again: finished blocks stay.",
            ) from error
        raise DeconvError(f"{target} could not be written: {error}.") from error


def whole(number: int, job: Job) -> Finished:
    """Read, restore and write a block; what a cluster's workers run."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # the worker's threads each have a block of their own
    values, clipped = drain(compute(job, number, read(job, number)))
    write(job, number, values)
    return Finished(number, clipped)


_sources: dict[tuple[str, str], Source] = {}


def _source(path: str, axes: str) -> Any:
    if (path, axes) not in _sources:
        _sources[path, axes] = open_source(path, axes)
    return _sources[path, axes].array


@lru_cache(maxsize=4)
def _target(path: str) -> Any:
    import zarr

    return zarr.open_group(path, mode="r+")["0"]


_readings: dict[tuple[str, int | None, tuple[int, ...]], Reading] = {}


def _reading(job: Job, part: Part, grid: Grid, item: dict[str, int]) -> Reading:
    """Intensities and noise of an item: every worker samples it once, and comes to the same."""
    if grid.layout.count == 1:
        return part.reading
    key = job.source, part.channel, tuple(item.values())
    if key not in _readings:
        try:
            image, unseen = _source(job.source, job.axes), Unseen(nan=job.nan)
            _readings[key], _ = read_item(image, grid.layout.at(item), unseen, part.noise)
        except Exception:  # constant, unseen or damaged: that is told where its pixels are read
            _readings[key] = part.reading
    return _readings[key]


def forget() -> None:
    """Close what was opened: the next run may find other files under the same names."""
    for source in _sources.values():
        source.close()
    _sources.clear()
    _readings.clear()
    _target.cache_clear()
