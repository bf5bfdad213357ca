"""The numbers as a table that sorts, with what each column means in its tooltip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QCursor, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

if TYPE_CHECKING:
    from ...comparison.run import Row

_NUMBER = 256
_VALUE = 257
_FIRST = ("psnr_db", "ssim", "seconds", "discrepancy", "whiteness", "frc_px", "frc_unit")
"""The order of the measures; the rest follow as they are."""
_WITH_TRUTH = ("psnr_db", "ssim", "seconds")
"""Measures that are shown until others are chosen, where the truth is known; else those above."""
_PADDING_PX = 14
_NAME_PX = 80
"""The least that is seen of a method's name."""
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
        self.horizontalHeader().setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.horizontalHeader().customContextMenuRequested.connect(lambda _: self.choose_columns())
        self._wanted: dict[str, bool] = {}
        self._measures: list[Any] = []
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.itemSelectionChanged.connect(self._on_selection)
        self.setMinimumWidth(60)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.hide()

    def show_rows(self, rows: Sequence[Any], unit: str = "", before: Any = None) -> None:
        """Show these rows of a comparison; the best number of each column is tinted.

        ``before`` is the row of the image as it was; it stands first and never wins.
        """
        from ...comparison.run import best
        from ...comparison.table import columns

        measures = self._measures = sorted(columns(rows), key=_place)
        self.setSortingEnabled(False)
        self.blockSignals(True)
        self.setColumnCount(1 + len(measures))
        lines = [*([] if before is None else [before]), *rows]
        self.setRowCount(len(lines))
        self._head(measures, unit)
        winners = {m.key: best(tuple(rows), m.key) for m in measures}
        for i, row in enumerate(lines):
            self._line(i, row, measures, winners if len(rows) > 1 else {})
        self.blockSignals(False)
        self.setSortingEnabled(True)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.resizeRowsToContents()
        self._show_columns()
        self.setVisible(bool(rows))

    def _head(self, measures: Sequence[Any], unit: str) -> None:
        first = QTableWidgetItem("Method")
        first.setToolTip("Click a heading to sort. Rest on it to read what it means.")
        self.setHorizontalHeaderItem(0, first)
        for j, measure in enumerate(measures, 1):
            title = f"FRC ({unit})" if measure.key == "frc_unit" and unit else measure.heading
            item = QTableWidgetItem(_broken(title))
            item.setToolTip(f"<b>{title}</b><br>{measure.tip}")
            self.setHorizontalHeaderItem(j, item)

    def _line(self, i: int, row: Row, measures: Sequence[Any], winners: dict[str, Any]) -> None:
        name = QTableWidgetItem(row.label)
        name.setData(_NUMBER, row.number)
        method = "The image before any method" if row.method is None else str(row.method)
        name.setToolTip("\n".join(filter(None, [method, row.error, *row.notes])))
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

    def choose_columns(self) -> None:
        """Let the person tick the columns to see."""
        menu = QMenu(self)
        for measure in self._measures:
            action = menu.addAction(measure.heading)
            action.setCheckable(True)
            action.setChecked(self._wants(measure.key))
            action.toggled.connect(partial(self.want, measure.key))
        menu.exec(QCursor.pos())
        menu.deleteLater()

    def want(self, key: str, on: bool) -> None:
        """Show the column of a measure, or leave it out; it stays so for later runs."""
        self._wanted[key] = on
        self._show_columns()

    def _wants(self, key: str) -> bool:
        keys = {measure.key for measure in self._measures}
        usual = _WITH_TRUTH if keys.issuperset(_WITH_TRUTH) else _FIRST
        twice = key == "frc_px" and "frc_unit" in keys
        return self._wanted.get(key, key in usual and not twice)

    def _show_columns(self) -> None:
        for j, measure in enumerate(self._measures, 1):
            self.setColumnHidden(j, not self._wants(measure.key))
        self._share_width()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new width out."""
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """Give numbers what they need, and names the rest: with the usual numbers all fits."""
        metrics, head = self.fontMetrics(), self.horizontalHeader().fontMetrics()
        for j in range(1, self.columnCount()):
            items = (self.item(i, j) for i in range(self.rowCount()))
            words = [metrics.horizontalAdvance(x.text()) for x in items if x is not None]
            title = self.horizontalHeaderItem(j)
            lines = "" if title is None else title.text()
            words += [head.horizontalAdvance(line) for line in lines.split("\n")]
            self.setColumnWidth(j, max(words) + _PADDING_PX)
        taken = sum(self.columnWidth(j) for j in range(1, self.columnCount()))
        left = self.viewport().width() - taken
        self.setColumnWidth(0, max(_NAME_PX, left))
        bar = self.horizontalScrollBar().sizeHint().height() if left < _NAME_PX else 0
        head = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(head + self.rowHeight(0) * min(10, max(2, self.rowCount())) + bar + 4)

    def _on_selection(self) -> None:
        items = self.selectedItems()
        if items:
            self.chosen.emit(int(items[0].data(_NUMBER)))


def _broken(title: str) -> str:
    """A heading in two lines, as narrow as its numbers."""
    for at, line in ((" (", "\n("), (" / ", "\n/ "), ("-", "-\n")):
        title = title.replace(at, line, 1)
    return title


def _place(measure: Any) -> int:
    return _FIRST.index(measure.key) if measure.key in _FIRST else len(_FIRST)
