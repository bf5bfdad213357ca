"""Curves in a panel, drawn by Qt itself: no second canvas and no library to install."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from .parts import text_pt

# After Okabe & Ito: told apart by the colour-blind, and seen on dark and on light.
COLOURS = ("#0a84d6", "#e08a00", "#009e73", "#d0447a", "#c65100", "#8a63d2", "#7a9a00", "#808080")
_LEFT, _BOTTOM, _TOP = 46, 32, 6
_LINE_PX = 14
_FONT = 0.83
"""Of napari's font."""
_USUAL_PT = 7.5
"""The size of font that the lengths in pixels are for."""
_REACH_PX = 25


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a plot.

    Parameters
    ----------
    label : str
        In the legend; empty leaves it out.
    x, y : sequence of float
        Points; those that are not finite are skipped.
    dots : bool
        Whether to mark each point.
    marked : int
        Index of a point to ring; -1 for none.
    dashed : bool
        Whether it is a level to compare with.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    dots: bool = False
    marked: int = -1
    dashed: bool = False


@dataclass(eq=False)
class _Scale:
    """Mapping of values to pixels along one axis."""

    low: float
    high: float
    first: float
    last: float
    ticks: list[float] = field(default_factory=list)

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.first + share * (self.last - self.first)


class Plot(QWidget):
    """Curves over axes with a legend below; clicking near a point tells its index."""

    clicked = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves: tuple[Curve, ...] = ()
        self._titles = ("", "")
        self._cursor: float | None = None
        self._spots: list[QPointF] = []
        self.logarithmic = False
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_curves(
        self, curves: Sequence[Curve], x: str, y: str, logarithmic: bool = False
    ) -> None:
        """Show curves over axes called ``x`` and ``y``; none hides the plot.

        On a logarithmic axis equal steps are equal factors; it takes positive x only.
        """
        self.curves, self._titles = tuple(curves), (x, y)
        self.logarithmic = logarithmic and all(v > 0 for curve in curves for v in curve.x)
        self.setFixedHeight(self.sizeHint().height())
        self.setVisible(bool(self.curves))
        self.update()

    def set_cursor(self, x: float | None) -> None:
        """Draw a vertical line at a value of x."""
        self._cursor = x
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the curves and a line of legend each."""
        labels = sum(bool(curve.label) for curve in self.curves)
        return QSize(240, round(self._zoom * (170 + _LINE_PX * labels)))

    @property
    def _zoom(self) -> float:
        """How much larger than usual all is drawn, as the font is."""
        return text_pt(_FONT) / _USUAL_PT

    def _along(self, x: float) -> float:
        """A value of x as it counts on its axis."""
        if not self.logarithmic:
            return x
        return math.log10(x) if x > 0 else math.nan

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Find the point that was meant."""
        at = event.position()
        away = [math.hypot(p.x() - at.x(), p.y() - at.y()) for p in self._spots]
        if away and min(away) < _REACH_PX:
            self.clicked.emit(int(np.argmin(away)))

    def paintEvent(self, event: object) -> None:
        """Draw everything anew."""
        points = [self._finite(curve) for curve in self.curves]
        every = np.concatenate(points) if points else np.zeros((0, 2))
        if not len(every):
            return
        painter, zoom = QPainter(self), self._zoom
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(zoom, zoom)
        width, height = self.width() / zoom, self.height() / zoom
        labels = sum(bool(curve.label) for curve in self.curves)
        floor = height - _BOTTOM - _LINE_PX * labels
        across = _scale(every[:, 0], _LEFT, width - 8, self.logarithmic)
        up = _scale(every[:, 1], floor, _TOP)
        self._frame(painter, across, up, floor, width)
        for i, (curve, spots) in enumerate(zip(self.curves, points, strict=True)):
            self._line(painter, curve, spots, across, up, QColor(COLOURS[i % len(COLOURS)]))
        self._legend(painter, floor + _BOTTOM - 2, width)
        if self.curves:
            self._spots = [zoom * QPointF(across(x), up(y)) for x, y in points[0]]
        painter.end()

    def _finite(self, curve: Curve) -> NDArray[np.float64]:
        along = [self._along(x) for x in curve.x]
        points = np.column_stack([np.asarray(along, float), np.asarray(curve.y, float)])
        return points[np.isfinite(points).all(axis=1)]

    def _frame(
        self, painter: QPainter, across: _Scale, up: _Scale, floor: float, width: float
    ) -> None:
        ink = self.palette().windowText().color()
        faint = QColor(ink)
        faint.setAlpha(50)
        font = painter.font()
        font.setPointSizeF(_USUAL_PT)
        painter.setFont(font)
        for value, label in zip(up.ticks, _tick_labels(up.ticks), strict=True):
            painter.setPen(faint)
            painter.drawLine(QPointF(_LEFT, up(value)), QPointF(width - 8, up(value)))
            painter.setPen(ink)
            box = QRectF(0, up(value) - 7, _LEFT - 4, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, label)
        marks = [10**tick for tick in across.ticks] if self.logarithmic else across.ticks
        for value, label in zip(across.ticks, _tick_labels(marks), strict=True):
            box = QRectF(across(value) - 30, floor + 1, 60, 13)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, label)
        below = QRectF(_LEFT, floor + 13, width - _LEFT, 14)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, " vs ".join(
            filter(None, self._titles[::-1])))  # fmt: skip
        cursor = math.nan if self._cursor is None else self._along(self._cursor)
        if across.low <= cursor <= across.high:
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(across(cursor), _TOP), QPointF(across(cursor), floor))

    def _line(
        self,
        painter: QPainter,
        curve: Curve,
        points: NDArray[np.float64],
        across: _Scale,
        up: _Scale,
        colour: QColor,
    ) -> None:
        style = Qt.PenStyle.DashLine if curve.dashed else Qt.PenStyle.SolidLine
        painter.setPen(QPen(colour, 1.6, style))
        spots = [QPointF(across(x), up(y)) for x, y in points]
        painter.drawPolyline(QPolygonF(spots))
        if curve.dots:
            painter.setBrush(colour)
            for spot in spots:
                painter.drawEllipse(spot, 2.2, 2.2)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        if 0 <= curve.marked < len(curve.x):
            x, y = self._along(curve.x[curve.marked]), curve.y[curve.marked]
            if math.isfinite(x + y):
                painter.setPen(QPen(QColor("#e53935"), 2))
                painter.drawEllipse(QPointF(across(x), up(y)), 6, 6)

    def _legend(self, painter: QPainter, top: float, width: float) -> None:
        ink = self.palette().windowText().color()
        for i, curve in enumerate(self.curves):
            if not curve.label:
                continue
            painter.setPen(QPen(QColor(COLOURS[i % len(COLOURS)]), 2.5))
            painter.drawLine(QPointF(_LEFT, top + 5), QPointF(_LEFT + 14, top + 5))
            painter.setPen(ink)
            room = width - _LEFT - 26
            label = painter.fontMetrics().elidedText(
                curve.label, Qt.TextElideMode.ElideRight, int(room)
            )
            painter.drawText(QRectF(_LEFT + 20, top - 2, room, 14), label)
            top += _LINE_PX


def _tick_labels(ticks: Sequence[float]) -> list[str]:
    """Ticks in words: in four digits, or as many as tell them apart."""
    texts: list[str] = []
    for digits in range(4, 9):
        texts = [f"{tick:.{digits}g}" for tick in ticks]
        if len(set(texts)) == len(texts):
            break
    return texts


def _scale(
    values: NDArray[np.float64], first: float, last: float, logarithmic: bool = False
) -> _Scale:
    low, high = float(values.min()), float(values.max())
    if high <= low:
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    raw = (high - low) / 4
    decade = 10.0 ** math.floor(math.log10(raw))
    step = next(s * decade for s in (1, 2, 5, 10) if s * decade >= raw)
    if logarithmic:
        # Powers of ten, and between them 2 and 5 where there is room.
        step = math.ceil((high - low) / 5)
        between = (1, 2, 5) if high - low < 2.5 else (1,)
        powers = range(math.floor(low), math.ceil(high) + 1, step)
        marks = [power + math.log10(part) for power in powers for part in between]
        return _Scale(low, high, first, last, [mark for mark in marks if low <= mark <= high])
    ticks = np.arange(math.ceil(low / step), math.floor(high / step + 1e-9) + 1) * step
    return _Scale(low, high, first, last, [float(tick) for tick in ticks])
