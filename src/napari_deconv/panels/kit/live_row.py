"""The check box that switches the live preview, and the line that says how it stands."""

from __future__ import annotations

from collections.abc import Callable

from napari.viewer import Viewer
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from .live import Live, Task
from .parts import read_out


class LiveRow(QWidget):
    """A live preview with its switch; out of sight it is off.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the preview is shown.
    ask : callable
        Returns the `Task` as the panel stands, or raises `DeconvError`.
    """

    def __init__(
        self, viewer: Viewer, ask: Callable[[], Task], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.box = QCheckBox("Live preview")
        self.box.setToolTip("Shows what you see, at most 512 x 512, as you change fields.")
        self.note = read_out()
        self.note.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        layout.addWidget(self.note)
        self.live = Live(self, viewer, ask, lambda text, _: self.note.setText(text))
        self.live.on_gone = self.off
        self.box.toggled.connect(self._on_box)

    def off(self) -> None:
        """Switch it off."""
        self.box.setChecked(False)

    def hideEvent(self, event: QHideEvent) -> None:
        """A panel out of sight shows no preview."""
        self.off()
        super().hideEvent(event)

    def _on_box(self, on: bool) -> None:
        self.note.setVisible(on)
        self.note.setText("")
        self.live.switch(on)
