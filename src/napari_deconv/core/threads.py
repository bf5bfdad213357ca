"""How many threads small work gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TypeVar

import threadpoolctl

_T = TypeVar("_T")
SMALL = 1 << 17
"""Elements of a plane or volume below which threads wait for each other longer than they save.

With two threads on a machine that others use as well, a hyper-Laplacian of 256x256 takes five times
as long as with one, and three to seven times the processor's time; of 512x512, as long.
"""


def one_thread() -> AbstractContextManager[object]:
    """A context in which the calling thread computes alone.

    Only that thread's own OpenMP setting is touched. `torch.set_num_threads` would also set what
    threads that start meanwhile get, and MKL's setting for the whole process.
    """
    limiter: AbstractContextManager[object] = _openmp().limit(limits=1)
    return limiter


@lru_cache(maxsize=1)
def _openmp() -> threadpoolctl.ThreadpoolController:
    """The OpenMP libraries that are loaded; looking for them takes 20 ms."""
    return threadpoolctl.ThreadpoolController().select(internal_api="openmp")


def alone(steps: Iterator[_T]) -> Iterator[_T]:
    """The items of a generator, each made by the calling thread alone."""
    while True:
        with one_thread():
            try:
                item = next(steps)
            except StopIteration:
                return
        yield item
