"""One worker for everything that takes time: a generator of steps, run beside the window."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from napari.utils import cancelable_progress
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QWidget

from ...core.errors import Cancelled, DeconvError
from ...core.words import duration, in_words

log = logging.getLogger("napari_deconv")

_POLL_MS = 30
_PREVIEW_S = 0.5
_SHOW_S = 0.15

Make = Callable[[threading.Event], Generator[Any, None, Any]]
"""Called in the worker with the event that asks it to stop; returns the generator to run."""


@dataclass(eq=False)
class _Run:
    """What worker and window share; the worker only ever assigns whole values."""

    make: Make
    previews: bool
    cancel: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.perf_counter)
    shown: float = 0.0
    step: Any = None
    preview: Any = None
    result: Any = None
    error: DeconvError | None = None
    finished: threading.Event = field(default_factory=threading.Event)

    def work(self, lane: threading.Lock) -> None:
        """Drain the generator; runs in the worker, one at a time per lane."""
        with lane:
            try:
                if not self.cancel.is_set():
                    self.result = self._drain()
            except DeconvError as error:
                self.error = error
            except BaseException as error:
                log.exception("A run failed unexpectedly")
                self.error = _words_for(error)
            finally:
                self.finished.set()

    def _drain(self) -> Any:
        generator = self.make(self.cancel)
        shown = time.perf_counter()
        try:
            while not self.cancel.is_set():
                try:
                    step = next(generator)
                except StopIteration as stop:
                    return stop.value
                self.step = step
                now = time.perf_counter()
                if self.previews and self.preview is None and now - shown > _PREVIEW_S:
                    self.preview, shown = step.preview(), now
        finally:
            generator.close()
        raise Cancelled


def _words_for(error: BaseException) -> DeconvError:
    if isinstance(error, (OSError, MemoryError, RecursionError, ModuleNotFoundError)):
        return in_words(error, "This failed", "The log has the details.")
    return DeconvError(
        f"This failed unexpectedly ({type(error).__name__}: {error}).",
        "The log has the details; please report it.",
    )


class Job:
    """Runs one generator of steps at a time for a widget, and never blocks the window.

    The worker is polled by a timer that belongs to the widget: when the widget or the viewer goes
    away, so does the timer, the worker is asked to stop, and no callback is made any more.
    Cancelling gives the window back at once; the next run waits, in its own worker, until the
    cancelled one has noticed.

    Parameters
    ----------
    owner : QWidget
        The panel it runs for.
    title : str
        What napari's activity dock calls it; empty for runs too short to be shown there.
    """

    def __init__(self, owner: QWidget, title: str = "") -> None:
        self.title = title
        self.on_step: Callable[[Any, str], object] = _ignore
        self.on_preview: Callable[[Any], object] = _ignore
        self.on_result: Callable[[Any], object] = _ignore
        self.on_error: Callable[[DeconvError], object] = _ignore
        self.on_cancel: Callable[[], object] = _ignore
        self.on_end: Callable[[], object] = _ignore
        self._lane = threading.Lock()
        self._run: _Run | None = None
        self._bar: cancelable_progress | None = None
        self._polling = False
        self._timer = QTimer(owner)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(lambda: self._poll())
        owner.destroyed.connect(lambda: self.stop())
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether a run is on that was not cancelled."""
        return self._run is not None

    def start(self, make: Make, previews: bool = False) -> None:
        """Run ``make(cancel)`` in a worker; a run that is still on is cancelled first.

        Parameters
        ----------
        make : callable
            Given the event that asks it to stop, returns a generator of steps with ``done``,
            ``total``, ``label`` and, for previews, ``preview()``. Called in the worker.
        previews : bool
            Whether to render previews, at most twice a second.
        """
        self.stop()
        if self.title:
            # Putting up a bar takes napari tens of ms, so it is done before the worker is busy; it
            # processes events, so it is done before there is a run. Its total comes later.
            bar = cancelable_progress(total=0, desc=self.title, leave=False)
            if self._run is not None:  # pressed again meanwhile
                bar.close()
                return
            self._bar = bar
        run = self._run = _Run(make, previews)
        # No daemon: an interpreter that shuts down under a running transform crashes.
        threading.Thread(target=run.work, args=(self._lane,), name="napari-deconv").start()
        self._timer.start()

    def cancel(self) -> None:
        """What the Cancel button does: stop, and say so."""
        if self._run is not None:
            self.stop()
            self.on_cancel()
            self.on_end()

    def stop(self) -> None:
        """Stop without a word; stale results are thrown away. Safe after the widget is gone."""
        run, self._run = self._run, None
        if run is not None:
            run.cancel.set()
        self._close_bar()

    def _poll(self) -> None:
        # napari's progress bars process events, so this may be called from within itself.
        run = self._run
        if run is None:
            self._timer.stop()
            return
        if self._polling:
            return
        self._polling = True
        try:
            self._report(run)
        finally:
            self._polling = False

    def _report(self, run: _Run) -> None:
        finished = run.finished.is_set()
        if run.step is not None and not finished:
            self._show(run, run.step)
        if run.preview is not None and self._run is run:
            preview = run.preview
            self.on_preview(preview)
            run.preview = None
        if finished and self._run is run:
            self._run = None
            self._timer.stop()
            self._close_bar()
            self._deliver(run)
            self.on_end()

    def _show(self, run: _Run, step: Any) -> None:
        elapsed = time.perf_counter() - run.began
        if self._bar is not None and self._bar.is_canceled:
            self.cancel()
            return
        if elapsed - run.shown < _SHOW_S:
            return
        run.shown = elapsed
        self.on_step(step, remaining(elapsed, step.done, step.total, step.left_s))
        bar = self._bar
        if bar is None:
            return
        if bar.total != step.total:
            bar.total = step.total
        if step.done != bar.n and self._run is run:
            bar.update(step.done - bar.n)

    def _deliver(self, run: _Run) -> None:
        if isinstance(run.error, Cancelled):
            self.on_cancel()
        elif run.error is not None:
            self.on_error(run.error)
        else:
            self.on_result(run.result)

    def _close_bar(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            # The window it is shown in may be half gone.
            with suppress(RuntimeError, KeyError):
                bar.close()


def steps_of(call: Callable[[], Any]) -> Make:
    """A plain function as a run of no steps."""

    def make(cancel: threading.Event) -> Generator[Any, None, Any]:
        yield from ()
        return call()

    return make


def remaining(elapsed: float, done: int, total: int, left_s: float | None = None) -> str:
    """Time left in words; empty while it is unknown."""
    if left_s is not None:
        return "" if math.isnan(left_s) else f"{duration(left_s)} left"
    if not (0 < done <= total) or elapsed < 0.5:
        return ""
    return f"{duration(elapsed * (total - done) / done)} left"


def _ignore(*_: object) -> None:
    """Do nothing; the default of the callbacks."""
