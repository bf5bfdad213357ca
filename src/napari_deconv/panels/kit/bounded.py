"""Text that takes no more than its share of a panel."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QWidget


class Bounded(QScrollArea):
    """Wrapped text as high as it needs to be, but no higher than a limit: then it scrolls.

    Parameters
    ----------
    label : QLabel
        The text.
    most_px : int
        The limit.
    """

    def __init__(self, label: QLabel, most_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most = most_px
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setStyleSheet("background: transparent;")
        self.setWidget(label)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A bar only where text is out of sight: it would take width from text that fits."""
        fits = self.widget().heightForWidth(self.width()) <= self._most
        policy = Qt.ScrollBarPolicy
        shown = policy.ScrollBarAlwaysOff if fits else policy.ScrollBarAsNeeded
        self.setVerticalScrollBarPolicy(shown)
        self.updateGeometry()
        super().resizeEvent(event)

    def heightForWidth(self, width: int) -> int:
        """Height of the text at a width, up to the limit."""
        return min(self.widget().heightForWidth(width), self._most)

    def sizeHint(self) -> QSize:
        """Preferred size at the present width."""
        return QSize(self.widget().sizeHint().width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """Smallest size; any width will do."""
        return QSize(40, self.heightForWidth(self.width()))
