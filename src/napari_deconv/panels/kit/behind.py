"""A panel behind another one's tab comes to the front where its menu entry would hide it."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow


class Raised(QObject):
    """Brings a dock to the front when it is hidden from behind another, or shown again there.

    napari hides a panel that is shown when its menu entry is chosen, and takes one behind a tab
    for shown, though nobody sees it; what was hidden it shows behind the others. What is closed or
    taken out of the window stays away.

    Parameters
    ----------
    dock : QDockWidget
        Its owner.
    """

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._dock, self._seen, self._away = dock, True, False
        # Whoever hides it may be about to take it out.
        self._show = QTimer(self)
        self._show.setSingleShot(True)
        self._show.timeout.connect(self._come)
        dock.visibilityChanged.connect(self._on_visibility)
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Note that the dock is hidden or shown."""
        kind = QEvent.Type.None_ if event is None else event.type()
        if kind == QEvent.Type.Close:
            self._seen = True
        elif kind == QEvent.Type.Hide and self._dock.isHidden():
            self._away = self._seen
            if not self._seen:
                self._show.start()
        elif kind == QEvent.Type.Show and self._away:
            self._away = False
            self._show.start()
        return False

    def _on_visibility(self, seen: bool) -> None:
        self._seen = seen

    def _come(self) -> None:
        window, dock = self._dock.parentWidget(), self._dock
        if not isinstance(window, QMainWindow):
            return
        if window.dockWidgetArea(dock) != Qt.DockWidgetArea.NoDockWidgetArea:
            dock.show()
            dock.raise_()


def raise_when_chosen(dock: QDockWidget) -> None:
    """See to it that a dock comes to the front when its menu entry is chosen."""
    if dock.findChild(Raised) is None:
        Raised(dock)
