"""Before and after: a button that hides the last result, and shows it again."""

from __future__ import annotations

from napari.layers import Layer
from napari.utils.events import Event
from napari.viewer import Viewer
from qtpy.QtWidgets import QPushButton, QWidget

from ..kit.layers import follow


class Before(QPushButton):
    """There while the last result is.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("Show &before", parent)
        self.setCheckable(True)
        self.setToolTip("Hide the result to see the image as it was; press again to come back.")
        self._result: Layer | None = None
        self.toggled.connect(self._on_toggle)
        follow(self, viewer.layers.events.removed, self._on_removed)
        self.hide()

    def show_for(self, result: Layer) -> None:
        """Offer it for a result that was just added."""
        self.setChecked(False)
        self._result = result
        self.show()

    def _on_toggle(self, before: bool) -> None:
        self.setText("Show &after" if before else "Show &before")
        if self._result is not None:
            self._result.visible = not before

    def _on_removed(self, event: Event) -> None:
        if event.value is self._result:
            self._result = None
            self.hide()
