"""The block-wise run: begin or go on, block after block, then the smaller levels."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from ..core.errors import Cancelled, DeconvError
from ..core.json_text import JsonObject
from ..core.progress import Step
from ..core.record import Note
from ..engine.channels import check_channels, each_channel
from ..engine.options import Options
from ..engine.streaming import translated
from ..io import Guard
from ..io.atomic import sweep_folders
from ..io.locks import Busy, only_run
from ..restoration.base import Method
from . import work
from .executors import Block, in_cluster, in_process
from .job import Progress, sweep_chunks
from .order import Order, begin, create_for
from .outcome import Outcome, State, clear, finished, keep, notes_of, record_of
from .source import Source, open_source
from .target import VERSIONS, build_levels, check_version

log = logging.getLogger("napari_deconv")


def stream_blocks(
    method: Method,
    source: Source | str | Path,
    target: str | Path,
    psf: Any,
    *,
    sharded: bool = False,
    version: str = "",
    scheduler: str = "",
    overwrite: bool = False,
    psf_record: JsonObject | None = None,
    **options: Unpack[Options],
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
    sharded : bool
        Whether chunks are gathered in fewer, larger files (OME-Zarr 0.5 only).
    version : str
        ``"0.5"`` or ``"0.4"`` of OME-Zarr; by default the source's own, otherwise 0.5.
    scheduler : str
        Address of a dask.distributed scheduler, ``tcp://host:8786``; its workers must see both
        files under the same names. By default this process works alone.
    overwrite : bool
        Whether another Zarr that lies at ``target`` is removed first. By default only what the
        same call has begun is gone on with; what it has finished is left as it is.
    psf_record : mapping, optional
        How the PSF was made or where it lies, for the result's record.
    options
        See `core.options.Options`. Axes and voxel size are the file's own by default;
        ``memory_bytes`` is what a block may take, per worker.

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
        On bad input, if something else lies at ``target``, or when nothing more can be written.
        While another run is writing it, this one waits.
    """
    if options.get("keep_float"):
        raise DeconvError("Block by block, a result has the dtype of its image.", "Leave it.")
    opened = source if isinstance(source, Source) else open_source(source, options.get("axes"))
    if not isinstance(psf, Mapping):
        psf = each_channel(tuple(opened.array.shape), opened.picture.axes, psf) or psf
    psfs: dict[int | None, Any] = dict(psf) if isinstance(psf, Mapping) else {None: psf}
    if isinstance(psf, Mapping):
        check_channels(opened.array.shape, opened.picture.axes, psf)
    options["axes"] = opened.picture.axes
    if options.get("spacing") is None:
        ndim = np.ndim(next(iter(psfs.values())))
        options["spacing"] = opened.picture.spacing("ZYX"[-ndim:])
    if not version:
        version = opened.version if opened.version in VERSIONS else VERSIONS[0]
    check_version(version, sharded)
    order = Order(
        method=method,
        source=opened,
        target=Path(target),
        psfs=psfs,
        sharded=sharded,
        version=version,
        options=options,
        psf_record=psf_record or {},
    )
    try:
        with translated(method), ExitStack() as held:
            yield from _alone(order, held)
            return (yield from _run(order, scheduler, overwrite))
    finally:
        work.forget()
        if not isinstance(source, Source):
            opened.close()


def _alone(order: Order, held: ExitStack) -> Generator[Step, None, None]:
    """Wait for another run into the same target: it may finish, or die and be gone on with."""
    cancel = order.options.get("cancel")
    while True:
        try:
            held.enter_context(only_run(order.target))
        except Busy as busy:
            yield Step(0, _PARTS, f"{busy.what} {WAITING}")
            if cancel is not None and cancel.is_set():
                raise Cancelled from None
            time.sleep(_POLL_S)
        else:
            return


WAITING = "Waiting for it to end."
"""The last words of a step that only waits."""
_POLL_S = 0.3


def _run(order: Order, scheduler: str, overwrite: bool) -> Generator[Step, None, Outcome]:
    began, cancel = time.perf_counter(), order.options.get("cancel")
    progress = Progress(order.target)
    Guard.of([order.source.picture.path]).check_inputs(order.target)
    sweep_folders(progress.folder)
    resumed = progress.begun
    if resumed:
        job = progress.resume(order.request)
    elif (earlier := finished(order)) is not None:
        return earlier
    else:
        clear(order.target, overwrite)
        job = yield from begin(order, progress)
    with work.writing(order.target):
        progress.make(job, partial(create_for, order, job))
    work.forget()
    done, state = progress.done(), State()
    state.notes += [Note("file", text) for text in order.source.picture.notes]
    state.notes += job.notes
    todo = [number for number in range(job.total) if number not in done]
    if done:
        text = f"{len(done)} of {job.total} blocks were there already."
        state.notes.append(Note("resumed", text))
    workers = in_cluster(job, todo, scheduler) if scheduler else in_process(job, todo, cancel)
    ready = len(done)
    for event in workers:
        if isinstance(event, str):
            state.notes.append(Note("worker", event))
            continue
        ready += isinstance(event, Block)
        with work.writing(progress.folder):
            _note(event, progress, state)
        share = event.share if not isinstance(event, Block) else 0.0
        yield _step(ready + share, job.total, order.method.title, ready)
    if not state.failed:
        yield from _levels(order.target, job.total, cancel)
    record = record_of(order, job, time.perf_counter() - began)
    if not state.failed:
        if resumed:
            sweep_chunks(order.target)
        with work.writing(order.target):
            keep(order.target, record, order)
            progress.finish()
    return Outcome(
        target=order.target,
        blocks=job.total,
        finished_before=len(done),
        failed={job.name(number): why for number, why in sorted(state.failed.items())},
        notes=notes_of(state, order),
        record=record,
    )


def _note(event: Any, progress: Progress, state: State) -> None:
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


def _levels(
    target: Path, total: int, cancel: threading.Event | None
) -> Generator[Step, None, None]:
    with work.writing(target):
        for done, count in build_levels(target):
            yield Step(total * _PARTS, total * _PARTS, f"Smaller levels, {done} of {count}")
            if cancel is not None and cancel.is_set():
                raise Cancelled
