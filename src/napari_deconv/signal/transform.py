"""Real FFTs of large arrays on the CPU: axis by axis, in slabs that stay in the cache.

A whole 3-D transform walks through memory once per axis and faults in fresh pages for every
result. Here the last axes are transformed slab by slab and the first axis in chunks of columns,
in place, so that whatever happens between two transforms happens while a slab is still warm.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, lru_cache

import numpy as np
import torch
from scipy import fft as scipy_fft
from torch import Tensor

_SLAB_BYTES = 1 << 20
"""Work at a time: a few of these fit a core's share of the cache. Smaller ones lose more to the
calls than the cache gives back, larger ones gain nothing."""
_COLUMNS = 8
"""Slabs' worth of columns at a time: a chunk of narrow columns reads half cache lines."""
_CONJUGATED = 1 << 15
"""Numbers conjugated at a time."""
_WHOLE_BYTES = 8 << 20
"""Planes up to here are transformed in one call: 7 % less time, a further buffer, which of larger
ones would count and be faulted in anew every time."""
_MIN_SIZE = 1 << 18
"""Fewer elements are faster in one library call."""


def splits(x: Tensor, ndim: int) -> bool:
    """Whether slabs pay, and are right: large float32 on the CPU that no gradient flows through."""
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.complex64)
        and math.prod(x.shape[-ndim:]) >= _MIN_SIZE
        and not (x.requires_grad and torch.is_grad_enabled())
    )


def empty(shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """An uninitialised CPU tensor, float32 or complex64, in numpy's memory.

    numpy asks for huge pages where the system has them: 500 times fewer page faults, and strided
    columns that do not miss the TLB.
    """
    kind = np.complex64 if dtype == torch.complex64 else np.float32
    return torch.from_numpy(np.empty(tuple(shape), kind))


class SlabFFT:
    """Half spectra of float32 arrays ``(N, *grid)``, piece by piece.

    Parameters
    ----------
    grid : sequence of int
        Spatial shape, 2 or 3 axes.
    check : callable
        Called before every piece; may raise to stop.
    """

    def __init__(self, grid: Sequence[int], check: Callable[[], None]) -> None:
        self.grid = tuple(grid)
        self._inner = tuple(range(1 - len(self.grid), 0))
        self._check = check
        self.whole = len(self.grid) == 2 and _has_mkl() and 4 * math.prod(self.grid) <= _WHOLE_BYTES
        """Whether a plane's transform is faster in one call than row by row and in place."""

    def spectrum(self, batch: int = 1) -> Tensor:
        """An uninitialised half spectrum ``(batch, *grid[:-1], grid[-1] // 2 + 1)``."""
        return empty((batch, *self.grid[:-1], self.grid[-1] // 2 + 1), torch.complex64)

    def rows(
        self, work: Callable[[slice], None], batch: int = 1, within: slice | None = None
    ) -> None:
        """Run ``work`` on slices that cover the first spatial axis, in parallel.

        Parameters
        ----------
        work : callable
            Takes a slice of that axis.
        batch : int
            How many arrays it works on.
        within : slice, optional
            The part of the axis to cover.
        """
        first, stop, _ = (within or slice(None)).indices(self.grid[0])
        bytes_each = 4 * batch * math.prod(self.grid[1:])
        pieces = spans(stop - first, bytes_each)
        moved = [slice(first + piece.start, first + piece.stop) for piece in pieces]
        in_parallel(work, moved, self._check)

    def analyse(self, x: Tensor) -> Tensor:
        """Rows ``(N, n, ...)`` transformed over all but the first spatial axis."""
        if _has_mkl():
            return torch.fft.rfftn(x, dim=self._inner)
        return torch.from_numpy(scipy_fft.rfftn(x.numpy(), axes=self._inner))

    def synthesise(self, rows: Tensor) -> Tensor:
        """Inverse of `analyse`; may overwrite its argument."""
        if _has_mkl():
            return torch.fft.irfftn(rows, s=self.grid[1:], dim=self._inner)
        if len(self._inner) > 1:
            transform_(rows, inverse=True)
        return torch.from_numpy(scipy_fft.irfft(rows.numpy(), n=self.grid[-1]))

    def columns(self, work: Callable[..., None], *arrays: Tensor) -> None:
        """Run ``work`` on chunks of columns ``(..., grid[0], n)``, cut alike from every array."""
        flat = [a.reshape(*a.shape[: a.ndim - len(self.grid)], self.grid[0], -1) for a in arrays]
        bytes_each = 8 * self.grid[0] * math.prod(flat[0].shape[:-2])
        # Transforms of neighbouring columns share vector registers: no chunk may end half-full.
        pieces = spans(flat[0].shape[-1], -(-bytes_each // _COLUMNS), multiple=16)
        in_parallel(lambda cut: work(*(f[..., cut] for f in flat)), pieces, self._check)


def multiplied(x: Tensor, factor: Tensor, out: Tensor, conjugate: bool = False) -> None:
    """``x * factor``, or times its conjugate, of complex columns ``(..., n, c)``, into ``out``."""
    if not conjugate:
        torch.mul(x, factor, out=out)
        return
    # torch would conjugate all of the factor first, in fresh pages.
    size = max(1, _CONJUGATED // factor.shape[-1])
    for parts in zip(*(a.split(size, -2) for a in (x, factor, out)), strict=True):
        torch.mul(parts[0], parts[1].conj_physical(), out=parts[2])


def real_rows(spectrum: Tensor, n: int) -> Tensor:
    """The memory of a half spectrum's rows, as rows of ``n`` real numbers."""
    return torch.view_as_real(spectrum).flatten(-2)[..., :n]


@cache
def _has_mkl() -> bool:
    """Whether torch transforms by MKL: on contiguous rows a third faster than SciPy."""
    return torch.backends.mkl.is_available()


def transform_(columns: Tensor, *, inverse: bool = False) -> None:
    """Transform columns along their second-last axis, in place."""
    # SciPy works in place on strided columns; torch would copy them out and back.
    call = scipy_fft.ifft if inverse else scipy_fft.fft
    data = columns.numpy()
    result = call(data, axis=-2, overwrite_x=True)
    if result is not data:
        data[...] = result


def spans(total: int, bytes_each: int, multiple: int = 1) -> list[slice]:
    """Slices over ``total`` items whose slabs fit the cache and keep every thread busy."""
    threads = torch.get_num_threads()
    pieces = -(-total * bytes_each // _SLAB_BYTES)
    pieces = threads * -(-pieces // threads)  # or the last piece runs alone
    size = -(-total // pieces)
    size += -size % multiple
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def in_parallel(
    work: Callable[[slice], None], pieces: Sequence[slice], check: Callable[[], None]
) -> None:
    """Run ``work`` on every piece, on as many threads as torch uses.

    The first error stops all of them and is raised.
    """
    threads, mode = min(torch.get_num_threads(), len(pieces)), torch.is_inference_mode_enabled()
    queue = iter(pieces)
    if threads == 1:
        return _drain(work, queue, check, mode)
    pool = _pool(torch.get_num_threads())
    futures = [pool.submit(_drain, work, queue, check, mode) for _ in range(threads)]
    wait(futures)
    for future in futures:
        future.result()
    return None


def _drain(
    work: Callable[[slice], None],
    queue: Iterator[slice],
    check: Callable[[], None],
    inference: bool,
) -> None:
    try:
        with torch.inference_mode(inference):  # which every thread has for itself
            for piece in queue:
                check()
                work(piece)
    except BaseException:
        for _ in queue:  # leaves nothing for the other threads
            pass
        raise


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Workers whose own torch calls are single-threaded: no barriers, no oversubscription."""
    started = threading.Barrier(threads)

    def start() -> None:
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(threads, "napari-deconv-fft", initializer=start)
    wait([pool.submit(int) for _ in range(threads)])
    torch.set_num_threads(threads)  # the workers' setting must not become that of new threads
    return pool


def _after_fork() -> None:
    """Drop the pool in a forked child: the parent's threads do not exist there."""
    _pool.cache_clear()
    # The same holds for those of OpenMP, whose barriers nobody else would reach.
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
