"""A list of values, each with where it came from."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
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
_HEADINGS = ("What", "Value", "From")


class FactTable(QTableWidget):
    """What, value with its unit, and source; what nobody stated is tinted and says so."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADINGS), parent)
        self.setHorizontalHeaderLabels(_HEADINGS)
        self.setAccessibleName("Where each value comes from")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWordWrap(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizeAdjustPolicy(QAbstractScrollArea.SizeAdjustPolicy.AdjustToContents)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these, in their order."""
        self.setRowCount(len(facts))
        for row, fact in enumerate(facts):
            source = f"assumed: {fact.source}" if fact.assumed else fact.source
            for column, text in enumerate((fact.word, fact.amount, source)):
                item = QTableWidgetItem(text)
                item.setToolTip(str(fact))
                if fact.assumed:
                    item.setBackground(_ASSUMED)
                self.setItem(row, column, item)
        rows = sum(self.rowHeight(row) for row in range(len(facts)))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows + 4)

    @property
    def text(self) -> str:
        """All of it, a line for each row."""
        cells = ([self.item(row, column) for column in range(3)] for row in range(self.rowCount()))
        return "\n".join(" | ".join(c.text() for c in row if c is not None) for row in cells)
