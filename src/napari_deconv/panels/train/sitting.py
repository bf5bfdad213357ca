"""One sitting of a training: what the worker does, and what it leaves for the window to show."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...core.progress import Step
from ..kit.settings import Settings

if TYPE_CHECKING:
    from ...train.loop import Trained

_NAP_S = 0.05
_PARTS = 1000
"""Of a training: so many that the run bar tells percent."""


@dataclass(eq=False)
class Sitting:
    """A training while it runs; the worker only ever appends and assigns.

    Parameters
    ----------
    make : callable
        Returns the `Project`; called in the worker.
    settings : Settings
        Where and how to compute.
    """

    make: Callable[[], Any]
    settings: Settings
    project: Any = None
    stop: threading.Event = field(default_factory=threading.Event)
    paused: threading.Event = field(default_factory=threading.Event)
    leave: threading.Event = field(default_factory=threading.Event)
    losses: list[tuple[int, float]] = field(default_factory=list)
    scores: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)
    scenes: tuple[str, ...] = ()
    baseline: tuple[float, ...] = ()
    first: Any = None
    picture: Any = None
    notes: list[str] = field(default_factory=list)
    busy: threading.Event = field(default_factory=threading.Event)
    """Set until the weights, if there are any, are in the library."""

    def run(self, cancel: threading.Event) -> Generator[Step, None, Any]:
        """Train; returns the entry of the library, or None."""
        from ...train.project import run

        steps = None
        self.busy.set()
        try:
            self.project = self.make()
            if self.leave.is_set():
                self.project.keep.set()
            where = self.settings
            steps = run(self.project, where.device, self.stop, where.precision)
            while True:
                try:
                    seen = next(steps)
                except StopIteration as end:
                    return end.value
                self._take(seen)
                yield Step(round(_PARTS * seen.share), _PARTS, self._label(seen))
                while self.paused.is_set() and not (cancel.is_set() or self.stop.is_set()):
                    time.sleep(_NAP_S)
        finally:
            if steps is not None:
                steps.close()
            self.busy.clear()

    def go_away(self) -> None:
        """The window closes: leave everything on disk for the next start."""
        self.leave.set()
        if self.project is not None:
            self.project.keep.set()

    def _take(self, seen: Trained) -> None:
        if seen.baseline:
            self.baseline = seen.baseline
        if seen.note:
            self.notes.append(seen.note)
        repeated = bool(self.losses) and self.losses[-1][0] == seen.step
        if seen.loss == seen.loss and not repeated:  # the last step is told again, with its score
            self.losses.append((seen.step, seen.loss))
        if seen.psnr:
            self.scenes = seen.scenes
            self.scores.append((seen.step, seen.psnr))
        if seen.picture:
            self.first = self.first or seen.picture
            self.picture = seen.picture

    @property
    def reached(self) -> tuple[float, float, float]:
        """Means over scenes in dB: before, at best, and without any training; NaN if unknown."""
        means = [sum(values) / len(values) for _, values in self.scores]
        levels = self.baseline
        without = sum(levels) / len(levels) if levels else math.nan
        return (means[0], max(means), without) if means else (math.nan, math.nan, without)

    def _label(self, seen: Trained) -> str:
        if seen.note:
            return str(seen.note)
        return f"step {seen.step} of {seen.steps}"
