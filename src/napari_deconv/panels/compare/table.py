"""The numbers as a table that sorts, with what each column means in its tooltip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

if TYPE_CHECKING:
    from ...comparison.run import Row

_NUMBER = 256
_VALUE = 257
_ROW_PX = 24
_GREEN = QColor(60, 170, 90, 90)
_RED = QColor(229, 57, 53, 75)


class _Cell(QTableWidgetItem):
    """A number that sorts as one; what is missing comes last in either direction's bad end."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = self.data(_VALUE), other.data(_VALUE)
        if mine is None or theirs is None:
            return self.text().casefold() < other.text().casefold()
        return float(mine) < float(theirs)


class Table(QTableWidget):
    """One line per method, in the order of a click on a heading."""

    chosen = Signal(int)
    """Number of the row of the comparison that was selected."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Numbers of the comparison")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.itemSelectionChanged.connect(self._on_selection)
        self.setMinimumWidth(60)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.hide()

    def show_rows(self, rows: Sequence[Any], unit: str = "") -> None:
        """Show these rows of a comparison; the best number of each column is tinted."""
        from ...comparison.run import best
        from ...comparison.table import columns

        measures = columns(rows)
        self.setSortingEnabled(False)
        self.blockSignals(True)
        self.setColumnCount(1 + len(measures))
        self.setRowCount(len(rows))
        self._head(measures, unit)
        winners = {m.key: best(tuple(rows), m.key) for m in measures}
        for i, row in enumerate(rows):
            self._line(i, row, measures, winners if len(rows) > 1 else {})
        self.blockSignals(False)
        self.setSortingEnabled(True)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setFixedHeight(34 + _ROW_PX * min(10, max(2, len(rows))) + 20)
        self._fit()
        self.setVisible(bool(rows))

    def _head(self, measures: Sequence[Any], unit: str) -> None:
        first = QTableWidgetItem("Method")
        first.setToolTip("Click a heading to sort. Rest on it to read what it means.")
        self.setHorizontalHeaderItem(0, first)
        for j, measure in enumerate(measures, 1):
            title = f"FRC ({unit})" if measure.key == "frc_unit" and unit else measure.heading
            item = QTableWidgetItem(title)
            item.setToolTip(f"<b>{title}</b><br>{measure.tip}")
            self.setHorizontalHeaderItem(j, item)

    def _line(self, i: int, row: Row, measures: Sequence[Any], winners: dict[str, Any]) -> None:
        name = QTableWidgetItem(row.label)
        name.setData(_NUMBER, row.number)
        name.setToolTip("\n".join(filter(None, [str(row.method), row.error, *row.notes])))
        if row.error:
            name.setText(f"{row.label}: {row.error}")
            name.setBackground(_RED)
        self.setItem(i, 0, name)
        for j, measure in enumerate(measures, 1):
            value = row.figure(measure.key)
            cell = _Cell("" if row.error else measure.shown_value(value))
            cell.setData(_VALUE, value if not math.isnan(value) else math.inf)
            cell.setData(_NUMBER, row.number)
            cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            cell.setToolTip(measure.tip)
            if winners.get(measure.key) is row:
                cell.setBackground(_GREEN)
                cell.setToolTip(f"The best of this column. {measure.tip}")
            self.setItem(i, j, cell)

    def _fit(self) -> None:
        self.resizeColumnsToContents()
        # A long name must not push every number out of a narrow dock.
        self.setColumnWidth(0, min(self.columnWidth(0), max(120, self.width() // 3)))

    def _on_selection(self) -> None:
        items = self.selectedItems()
        if items:
            self.chosen.emit(int(items[0].data(_NUMBER)))
