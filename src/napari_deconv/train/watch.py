"""The time a training may take, and the person who looks on."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeVar

_T = TypeVar("_T")
_LEAST_APART = 9
"""Validations lie at least so many times their own duration apart: a tenth of the time at most."""


@dataclass(eq=False)
class Watch:
    """A clock that stands still while the one who looks on is busy, or has paused.

    Parameters
    ----------
    seconds : float
        Time budget; infinity for none.
    look_seconds : float
        How often to validate for somebody who looks on; 0 if nobody does.
    stop : threading.Event, optional
        Ends it.
    """

    seconds: float = math.inf
    look_seconds: float = 0.0
    stop: threading.Event | None = None
    _began: float = field(default_factory=time.monotonic)
    _looked: float = field(default_factory=time.monotonic)
    _due_at: float = math.inf
    _took: float = 0.0

    @property
    def on(self) -> bool:
        """Whether somebody watches."""
        return self.look_seconds > 0

    @property
    def share(self) -> float:
        """Share of the time budget that is gone."""
        return min(1.0, (time.monotonic() - self._began) / self.seconds)

    @property
    def goes_on(self) -> bool:
        """Whether there is time left and no stop was requested."""
        stopped = self.stop is not None and self.stop.is_set()
        return not stopped and time.monotonic() - self._began < self.seconds

    def due(self, otherwise: bool) -> bool:
        """Whether to validate now; ``otherwise`` decides if nobody watches."""
        if not self.on:
            return otherwise
        self._due_at = time.monotonic()
        return self._due_at - self._looked > max(self.look_seconds, _LEAST_APART * self._took)

    def show(self, progress: _T) -> Generator[_T, None, None]:
        """Yield progress; the time until the generator goes on does not count."""
        left = time.monotonic()
        yield progress
        now = time.monotonic()
        self._began += now - left
        if getattr(progress, "psnr", ()):
            self._looked, self._took = now, left - self._due_at
        else:
            self._looked += now - left
