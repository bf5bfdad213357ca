"""What a run says while it works, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .record import Note, RunRecord


@dataclass(frozen=True)
class Step:
    """Progress of a run.

    Parameters
    ----------
    done, total : int
        Estimates made so far, and at most needed.
    label : str
        What is being worked on.
    left_s : float, optional
        Seconds to its end, where the run itself can tell; NaN where nothing can, not even the
        time that was spent so far.
    """

    done: int
    total: int
    label: str
    _render: Callable[[], NDArray[Any] | None] | None = field(
        default=None, repr=False, compare=False
    )
    left_s: float | None = None

    def preview(self) -> NDArray[Any] | None:
        """The current tile's estimate, ``(S, [Z,] Y, X)``; only until the run is resumed."""
        return self._render() if self._render is not None else None


@dataclass(frozen=True, eq=False)
class Result:
    """What a run returns.

    Parameters
    ----------
    data : ndarray
        Restored image with the input's shape, axes, dtype and intensity scale.
    record : RunRecord
        How it was made.
    notes : tuple of Note
        What the person should know: clipped pixels, smaller tiles, and so on.
    psf : ndarray or None
        The PSF, where the run refined the one that was given.
    """

    data: NDArray[Any]
    record: RunRecord
    notes: tuple[Note, ...]
    psf: NDArray[np.float32] | None = None

    @property
    def recipe(self) -> dict[str, Any]:
        """The record as plain JSON values, which replays the run."""
        return self.record.to_dict()


Stream = Generator[Step, None, Result]

_S = TypeVar("_S")
_T = TypeVar("_T")
_R = TypeVar("_R")


def drain(generator: Generator[_S, None, _R], progress: Callable[[_S], Any] | None = None) -> _R:
    """Run a generator to its end, reporting each step; what it returns."""
    while True:
        try:
            step = next(generator)
        except StopIteration as stop:
            result: _R = stop.value
            return result
        if progress is not None:
            progress(step)


def changed_steps(
    steps: Generator[_S, None, _R], change: Callable[[_S], _T]
) -> Generator[_T, None, _R]:
    """Change every step of a generator; return what it returns."""
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            result: _R = stop.value
            return result
        yield change(step)


_FINE = 1000
"""Parts of one run's progress: runs of different length count alike."""


def placed(
    steps: Generator[Step, None, _R], number: int, count: int, label: str
) -> Generator[Step, None, _R]:
    """Show a run's steps as a share of the progress of several; return what the run returns."""

    def share(step: Step) -> Step:
        done = int((number + step.done / max(1, step.total)) * _FINE)
        return replace(step, done=done, total=count * _FINE, label=f"{label}: {step.label}")

    return changed_steps(steps, share)
