"""The block-wise run: begin or go on, block after block, then the smaller levels."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.channels import check_channels
from ..core.engine import translated
from ..core.errors import Cancelled
from ..core.progress import Step
from ..restoration.base import Method
from . import work
from .executors import Block, in_cluster, in_process
from .job import Job, Progress
from .order import Order, begin, create_for
from .source import Source, open_source
from .target import VERSIONS, build_levels, check_version

log = logging.getLogger("napari_deconv")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a block-wise run came to.

    Parameters
    ----------
    target : Path
        The OME-Zarr.
    blocks : int
        How many there are.
    found : int
        How many of them an earlier run had finished.
    failed : mapping of str to str
        Where a block lies, and why it is missing: it holds 0, and running the same again tries it
        again.
    notes : tuple of str
        What the person should know.
    recipe : dict
        How it was made; in the result's attributes as well.
    """

    target: Path
    blocks: int
    found: int
    failed: Mapping[str, str]
    notes: tuple[str, ...]
    recipe: dict[str, Any]


def stream_blocks(
    method: Method,
    source: Source | str | Path,
    target: str | Path,
    psf: Any,
    *,
    axes: str | None = None,
    noise: float | None = None,
    spacing: Sequence[float] | None = None,
    device: str = "auto",
    memory_bytes: int | None = None,
    sharded: bool = False,
    version: str = "",
    scheduler: str = "",
    cancel: threading.Event | None = None,
) -> Generator[Step, None, Outcome]:
    """Restore an image larger than memory into an OME-Zarr, or go on with that.

    Intensities, noise and what a method chooses are taken from samples of the whole image, once, so
    that blocks match. Which blocks are on disk is kept in ``TARGET.progress``: after a kill the
    same call goes on where it was, and the result is the same to the bit. A block that cannot be
    restored is named, and the others go on.

    Parameters
    ----------
    method : Method
        A configured method.
    source : Source, str or Path
        OME-Zarr or TIFF.
    target : str or Path
        A folder ending in ``.zarr``; made here.
    psf : ndarray, or mapping of int to ndarray
        One for all, or one for every channel.
    axes, noise, spacing, device, cancel
        As in `core.engine.stream`; the voxel size is the file's own by default.
    memory_bytes : int, optional
        What a block may take, per worker.
    sharded : bool
        Whether chunks are gathered in fewer, larger files (OME-Zarr 0.5 only).
    version : str
        ``"0.5"`` or ``"0.4"`` of OME-Zarr; by default the source's own, otherwise 0.5.
    scheduler : str
        Address of a dask.distributed scheduler, ``tcp://host:8786``; its workers must see both
        files under the same names. By default this process works alone.

    Yields
    ------
    Step
        After every block.

    Returns
    -------
    Outcome

    Raises
    ------
    DeconvError
        On bad input, or when nothing more can be written.
    """
    opened = source if isinstance(source, Source) else open_source(source, axes)
    psfs: dict[int | None, Any] = dict(psf) if isinstance(psf, Mapping) else {None: psf}
    if isinstance(psf, Mapping):
        check_channels(opened.array.shape, opened.picture.axes, psf)
    if spacing is None:
        ndim = np.ndim(next(iter(psfs.values())))
        spacing = opened.picture.spacing("ZYX"[-ndim:])
    if not version:
        version = opened.version if opened.version in VERSIONS else VERSIONS[0]
    check_version(version, sharded)
    order = Order(
        method=method,
        source=opened,
        target=Path(target),
        psfs=psfs,
        noise=noise,
        spacing=spacing,
        device=device,
        memory_bytes=memory_bytes,
        sharded=sharded,
        version=version,
        cancel=cancel,
    )
    try:
        with translated(method):
            return (yield from _run(order, scheduler))
    finally:
        work.forget()
        if not isinstance(source, Source):
            opened.close()


@dataclass(eq=False)
class _State:
    """What happened so far."""

    failed: dict[int, str] = field(default_factory=dict)
    clipped: int = 0
    notes: list[str] = field(default_factory=list)


def _run(order: Order, scheduler: str) -> Generator[Step, None, Outcome]:
    began = time.perf_counter()
    progress = Progress(order.target)
    if progress.begun:
        job = progress.resume(order.request)
    else:
        job = yield from begin(order, progress)
    if not progress.made:
        with work.writing(order.target):
            progress.make(order.target, lambda: create_for(order, job))
    work.forget()
    done, state = progress.done(), _State(notes=list(order.source.picture.notes))
    todo = [number for number in range(job.total) if number not in done]
    if done:
        state.notes.append(f"{len(done)} of {job.total} blocks were there already.")
    workers = in_cluster(job, todo, scheduler) if scheduler else in_process(job, todo, order.cancel)
    finished = len(done)
    for event in workers:
        if isinstance(event, str):
            state.notes.append(event)
            continue
        finished += isinstance(event, Block)
        with work.writing(progress.folder):
            _note(event, progress, state)
        share = event.share if not isinstance(event, Block) else 0.0
        yield _step(finished + share, job.total, order.method.title, finished)
    if not state.failed:
        yield from _levels(order, job.total)
    recipe = _recipe(order, job, time.perf_counter() - began)
    if not state.failed:
        _record(order.target, recipe)
        progress.finish()
    return Outcome(
        target=order.target,
        blocks=job.total,
        found=len(done),
        failed={job.name(number): why for number, why in sorted(state.failed.items())},
        notes=tuple(_said(state, order)),
        recipe=recipe,
    )


def _note(event: Any, progress: Progress, state: _State) -> None:
    if not isinstance(event, Block):
        return
    if event.error:
        state.failed[event.number] = event.error
        return
    progress.add(event.number)
    state.clipped += event.clipped


_PARTS = 1000


def _step(done: float, total: int, title: str, blocks: int) -> Step:
    label = f"{title}, {blocks} of {total} blocks"
    return Step(int(done * _PARTS), total * _PARTS, label)


def _levels(order: Order, total: int) -> Generator[Step, None, None]:
    with work.writing(order.target):
        for done, count in build_levels(order.target):
            yield Step(total * _PARTS, total * _PARTS, f"Smaller levels, {done} of {count}")
            if order.cancel is not None and order.cancel.is_set():
                raise Cancelled


def _recipe(order: Order, job: Job, seconds: float) -> dict[str, Any]:
    from .. import __version__

    first, *others = job.parts
    about: dict[str, Any] = {
        "method": order.method.to_dict(),
        **first.recipe,
        "axes": job.axes,
        "noise_estimated": order.noise is None,
        "blocks": {"core": list(job.core), "halo": list(job.halo), "count": job.total},
        "seconds": round(seconds, 3),
        "source": str(order.source.picture.path),
        "versions": {"napari-deconv": __version__},
    }
    if others or first.channel is not None:
        about["channels"] = [{"channel": part.channel, **part.recipe} for part in job.parts]
    return about


def _record(target: Path, recipe: dict[str, Any]) -> None:
    import zarr

    group = zarr.open_group(str(target), mode="r+")
    group.attrs["napari_deconv"] = json.loads(json.dumps(recipe))


def _said(state: _State, order: Order) -> list[str]:
    notes = list(dict.fromkeys(state.notes))
    if state.clipped:
        notes.append(
            f"{state.clipped} pixels lay outside the range of {order.source.array.dtype} and were "
            "clipped."
        )
    return notes
