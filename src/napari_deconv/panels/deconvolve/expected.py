"""How long a run will take, said beside the button before it is pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.errors import DeconvError
from ...core.words import duration
from ..kit.job import Job
from ..kit.layers import axes_of, pixels
from ..kit.parts import Delay
from ..kit.run_bar import RunBar
from .order import Order

_WAIT_MS = 600


class Expectation:
    """Keeps the time to be expected in sight; silent while something is missing.

    Parameters
    ----------
    bar : RunBar
        Where it is said.
    ask : callable
        Returns the layer, the order as the panel stands and what comes before it in words, or
        raises `DeconvError`.
    """

    def __init__(self, bar: RunBar, ask: Callable[[], tuple[Any, Order, str]]) -> None:
        self._bar, self._ask = bar, ask
        self.job = Job(bar)
        self._before = ""
        self.job.on_result = self._say
        self._delay = Delay(bar, _WAIT_MS, self._start)
        bar.ended.connect(self.refresh)

    def refresh(self) -> None:
        """Something changed: what was said may be wrong."""
        self.stop()
        self._bar.expect("")
        self._delay.start()

    def stop(self) -> None:
        """Stop the estimate, to leave the processor to the run."""
        self._delay.stop()
        self.job.stop()

    def _start(self) -> None:
        if self._bar.running:
            return
        try:
            layer, order, self._before = self._ask()
            data, axes = pixels(layer), axes_of(layer)
        except DeconvError:
            return  # pressing Run will say it
        self.job.start(lambda cancel: order.expected(data, axes, cancel))

    def _say(self, seconds: float) -> None:
        words = f"{self._before} takes" if self._before else "takes"
        self._bar.expect(f"{words} {duration(seconds)}".capitalize())
