"""Work through the blocks in this process, or on the workers of a cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..core.errors import Cancelled, DeconvError
from ..core.words import in_words
from . import work
from .job import Job

_LOST_S = 60.0
"""How long a cluster may be without a worker."""
_POLL_S = 0.2


@dataclass(frozen=True)
class Block:
    """A block that is on disk, or failed.

    Parameters
    ----------
    number : int
        Which.
    clipped : int
        Pixels that the data type could not hold.
    error : str
        Why it failed; empty if it did not.
    """

    number: int
    clipped: int = 0
    error: str = ""


@dataclass(frozen=True)
class Within:
    """Progress within a block, a share of it."""

    share: float


Event = Block | Within | str
"""A string is something worth saying."""


def in_process(job: Job, todo: Sequence[int], cancel: threading.Event | None) -> Iterator[Event]:
    """Block after block here, while the next one is read and the last one is written."""
    with (
        ThreadPoolExecutor(1, "napari-deconv-read") as reader,
        ThreadPoolExecutor(1, "napari-deconv-write") as writer,
    ):
        ahead: Future[Any] | None = reader.submit(work.read, job, todo[0]) if todo else None
        behind: tuple[Block, Future[None]] | None = None
        try:
            for place, number in enumerate(todo):
                assert ahead is not None
                current, ahead = ahead, None
                error = current.exception()
                if error is not None and not isinstance(error, Exception):
                    raise error
                if place + 1 < len(todo):
                    ahead = reader.submit(work.read, job, todo[place + 1])
                values, block = None, Block(number, error=str(error) if error else "")
                if error is None:
                    values, block = yield from _computed(job, number, current.result(), cancel)
                del current
                if behind is not None:
                    yield _written(*behind)
                    behind = None
                if values is None:
                    yield block
                else:
                    behind = block, writer.submit(work.write, job, number, values)
        finally:
            if ahead is not None:
                ahead.cancel()
        if behind is not None:
            yield _written(*behind)


def _computed(job: Job, number: int, data: Any, cancel: threading.Event | None) -> Any:
    """The block's values, or None and a block that says why not."""
    steps = work.compute(job, number, data, cancel)
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            values, clipped = stop.value
            return values, Block(number, clipped)
        except Cancelled:
            raise
        except Exception as error:
            return None, Block(number, error=_words(error))
        yield Within(min(0.999, step.done / max(1, step.total)))


def _written(block: Block, future: Future[None]) -> Block:
    error = future.exception()
    if error is None:
        return block
    if isinstance(error, work.DiskFull) or not isinstance(error, Exception):
        raise error
    return Block(block.number, error=_words(error))


def in_cluster(job: Job, todo: Sequence[int], scheduler: str) -> Iterator[Event]:
    """Blocks as the workers of a dask.distributed cluster finish them, in any order."""
    with _connected(scheduler) as client:
        workers = set(client.nthreads())
        shared = client.scatter(job, broadcast=True, hash=False)
        pending = {client.submit(work.whole, n, shared, pure=False): n for n in todo}
        lost = time.monotonic()
        while pending:
            ready = [future for future in pending if future.done()]
            if not ready:
                time.sleep(_POLL_S)
            for future in ready:
                yield _outcome(future, pending.pop(future))
                future.release()
            now = set(client.nthreads())
            for gone in sorted(workers - now):
                yield f"The worker {gone} went away; its blocks went to the others."
            workers = now
            lost = time.monotonic() if now else lost
            if time.monotonic() - lost > _LOST_S:
                raise DeconvError(
                    f"The scheduler {scheduler} has had no workers for {_LOST_S:.0f} s.",
                    "Start some and run the same again: finished blocks stay.",
                )


def _connected(scheduler: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise DeconvError(
            "A scheduler needs the package distributed.",
            'Install it: pip install "napari-deconv[cluster]".',
        ) from error
    try:
        client: Any = Client
        return client(scheduler, timeout=15, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DeconvError(
            f"No scheduler answers at {scheduler}: {error}.", "Give its address: tcp://host:8786."
        ) from error


def _outcome(future: Any, number: int) -> Block:
    error = future.exception() if future.status in ("error", "cancelled", "lost") else None
    if isinstance(error, work.DiskFull):
        raise error
    if future.status != "finished":
        return Block(number, error=_words(error))
    return Block(number, future.result().clipped)


def _words(error: BaseException | None) -> str:
    if isinstance(error, DeconvError):
        return str(error)
    kind = type(error).__name__
    if kind == "KilledWorker":
        return "Every worker that took it died (out of memory, most likely): give it less memory."
    if isinstance(error, OSError):
        return str(in_words(error, "It failed"))
    return f"{kind}: {error}"
