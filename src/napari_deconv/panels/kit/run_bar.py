"""Run, which turns into Cancel, with progress and the time left below it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ...core.errors import DeconvError
from .job import Job, Make
from .parts import Delay, Notice, primary, reveal

_COUNTED = 1000
_MESSAGE_PX = 120
"""Networks have much to say, and the fields above are wanted too."""


class RunBar(QWidget):
    """The button, the bar and the message of a panel's main job.

    Parameters
    ----------
    text : str
        What the button says while nothing runs.
    title : str
        What napari's activity dock calls the run.
    main : bool
        Whether it is the panel's main job; a panel has one button that the eye finds first.
    """

    pressed = Signal()
    """The person wants it to run."""
    done = Signal(object)
    """The run's result."""
    ended = Signal()
    """It ended, in whatever way."""

    def __init__(
        self, text: str, title: str, main: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._text = f"&{text}" if main else text
        self.message = Notice(most_px=_MESSAGE_PX)
        self.button = primary(f"&{text}") if main else QPushButton(text)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        # One line: text that wraps would move the whole window's layout at every step.
        self.left = _Line()
        self.left.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.left.setObjectName("small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.message, self.bar, self.left, self.button):
            layout.addWidget(part)
        self.bar.hide()
        self.left.hide()
        self.job = Job(self, title)
        self.job.on_step = self._on_step
        self.job.on_result = self.done.emit
        self.job.on_error = self.fail
        self.job.on_cancel = lambda: self.message.say("Cancelled. Nothing was changed.")
        self.job.on_end = self._on_end
        self._ready = True
        self.button.installEventFilter(self)
        # The layout settles first.
        self._reveal = Delay(self, 0, lambda: reveal(self))
        self.button.clicked.connect(self._on_click)

    @property
    def running(self) -> bool:
        """Whether the job is running."""
        return self.job.running

    def start(self, make: Make, previews: bool = False) -> None:
        """Run it; see `Job.start`."""
        self.message.say("")
        self.button.setText("&Cancel")
        self.bar.setRange(0, 0)
        self.bar.show()
        self.left.setText("Starting…")
        self.left.show()
        self.job.start(make, previews)
        self._reveal.start()

    def expect(self, text: str) -> None:
        """Say how long a run will take, while none is on."""
        if not self.running:
            self.left.setText(text)
            self.left.setToolTip(text)
            self.left.setVisible(bool(text))

    def set_ready(self, ready: bool) -> None:
        """Whether it can be started; what runs can be cancelled all the same."""
        self._ready = ready
        self.button.setEnabled(ready or self.running)

    def fail(self, error: DeconvError) -> None:
        """Say what is wrong and what to do about it."""
        self.message.say(str(error), "error")
        self._reveal.start()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take a double click on the button for one: the second would cancel."""
        return event is not None and event.type() == QEvent.Type.MouseButtonDblClick

    def _on_click(self) -> None:
        if self.running:
            self.job.cancel()
        else:
            self.pressed.emit()

    def _on_step(self, step: Any, left: str) -> None:
        self.bar.setRange(0, max(1, step.total))
        self.bar.setValue(step.done)
        steps = far(step.done, step.total)
        # One line of a narrow panel: the bar shows how far it is.
        self.left.setText(", ".join(filter(None, [left or steps, step.label])))
        self.left.setToolTip(", ".join(filter(None, [left, steps, step.label])))

    def _on_end(self) -> None:
        self.button.setText(self._text)
        self.button.setEnabled(self._ready)
        self.bar.hide()
        self.left.hide()
        self._reveal.start()
        self.ended.emit()


class _Line(QLabel):
    """One line, whose end is left out with an ellipsis where it does not fit."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw what fits."""
        painter, mode = QPainter(self), Qt.TextElideMode.ElideRight
        text = self.fontMetrics().elidedText(self.text(), mode, self.width())
        role, place = self.foregroundRole(), Qt.AlignmentFlag.AlignVCenter
        self.style().drawItemText(painter, self.rect(), place, self.palette(), True, text, role)


def far(done: int, total: int) -> str:
    """How far a run is: steps while a person would count them, else a percentage."""
    return f"{done} of {total}" if total < _COUNTED else f"{done / total:.0%}"
