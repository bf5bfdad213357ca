"""A list of values, each with where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QColor, QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from ...psf.metadata import Fact

_ASSUMED = QColor(255, 165, 0, 60)
_HEADINGS = ("Value", "From")
_LONGEST = 44
"""Characters of a source; the tip has it whole."""


class FactTable(QTableWidget):
    """Values with their units, and their sources; what nobody stated is tinted and says so."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADINGS), parent)
        self.setHorizontalHeaderLabels(_HEADINGS)
        self.setAccessibleName("Sources of the values")
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(self.fontMetrics().height() + 2)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizeAdjustPolicy(QAbstractScrollArea.SizeAdjustPolicy.AdjustToContents)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these, in their order."""
        self.setRowCount(len(facts))
        for row, fact in enumerate(facts):
            source = f"assumed: {fact.source}" if fact.assumed else fact.source
            for column, text in enumerate((fact.text, shorten(source, _LONGEST, placeholder="…"))):
                item = QTableWidgetItem(text)
                item.setToolTip(str(fact))
                if fact.assumed:
                    item.setBackground(_ASSUMED)
                self.setItem(row, column, item)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap anew."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Wrap anew: folded away it had no width."""
        super().showEvent(event)
        QTimer.singleShot(0, self._fit)

    def _fit(self) -> None:
        """Be as high as all of it."""
        self.resizeRowsToContents()
        rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows + 4)

    @property
    def text(self) -> str:
        """All of it, a line for each row."""
        cells = ([self.item(row, column) for column in range(2)] for row in range(self.rowCount()))
        return "\n".join(" | ".join(c.text() for c in row if c is not None) for row in cells)
