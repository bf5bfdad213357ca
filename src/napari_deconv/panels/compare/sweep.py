"""One field of a method over a range: the results as a stack, and the curve of each measure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.events import Event
from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QPushButton, QSpinBox, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit.inputs import Combo, Number, guard_fields
from ..kit.layers import Placement, add_image, follow, with_axis
from ..kit.parts import read_out, rows
from ..kit.plot import Curve, Plot
from .group import Group

if TYPE_CHECKING:
    from ...comparison.run import Outcome
    from ...restoration.base import Method

_L_CURVE = "L-curve"


class SweepBox(QWidget):
    """The range, the button, the curve, and the stack's layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the stack is shown.
    group : Group
        What arranges the layers.
    """

    pressed = Signal()
    """The person wants the sweep to run."""

    def __init__(self, viewer: Viewer, group: Group, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._group = viewer, group
        self._method: Any = None
        self._rows: tuple[Any, ...] = ()
        self._values: tuple[float, ...] = ()
        self.layer: Any = None
        self.readout = read_out("Select a method in the list above.")
        self.field = Combo()
        self.low, self.high = Number(), Number()
        self.count = QSpinBox()
        self.count.setRange(2, 200)
        self.count.setValue(8)
        self.factors = QCheckBox("By an even factor")
        self.factors.setToolTip("As 1, 2, 4, 8: for weights that span powers of ten.")
        self.button = QPushButton("Run sweep")
        self.measure = Combo()
        self.plot = Plot("Curve of the sweep")
        self.verdict = read_out()
        self._build()
        self._connect()

    def set_method(self, method: Method | None) -> None:
        """Offer the fields of a configured method."""
        from ...comparison.sweep import swept_fields

        same = self._method is not None and type(method) is type(self._method)
        self._method = method
        self.readout.setText(f"Of {method}:" if method else "Select a method in the list above.")
        self.readout.setToolTip(str(method or ""))
        self.button.setEnabled(method is not None)
        if same or method is None:
            return
        self.field.clear()
        for name in swept_fields(type(method)):
            self.field.addItem(method.fields()[name].title, name)

    def sweep(self) -> Any:
        """The sweep that the fields describe; a `DeconvError` if it does not fit."""
        from ...comparison.sweep import Sweep, spread

        name = self.field.currentData()
        if self._method is None or not name:
            raise DeconvError(
                "There is no field to sweep.", "Select a method with a number in the list."
            )
        values = spread(
            self.low.value(),
            self.high.value(),
            self.count.value(),
            logarithmic=self.factors.isChecked(),
            whole=self._method.fields()[name].whole,
        )
        return Sweep(method=self._method, field=name, values=values)

    def follow_rows(self, rows_: tuple[Any, ...], values: tuple[float, ...]) -> None:
        """Show the curve as far as it is known."""
        self._rows, self._values = rows_, values[: len(rows_)]
        self._offer()
        self._draw()

    def finish(self, outcome: Outcome, placement: Placement, axes: str) -> None:
        """Show all results as one stack whose slider is the field."""
        done = [row for row in outcome.rows if row.data is not None]
        if not done:
            return
        # Rows that failed stay in the stack as nothing, so that the slider counts the values.
        blank = np.zeros_like(done[0].data)
        stack = np.stack([blank if r.data is None else r.data for r in outcome.rows])
        sweep = outcome.comparison.sweep
        assert sweep is not None
        record = {"kind": "preview", "comparison": outcome.comparison.to_dict()}
        name = f"Sweep: {sweep.method.title}, {sweep.field}"
        options = with_axis(placement.options, sweep.field)
        self.layer = add_image(self._viewer, stack, name, options, record)
        self._group.only([self.layer])
        self.follow_rows(outcome.rows, sweep.values)
        best = self._best()
        self._go(best if best is not None else 0)

    def _build(self) -> None:
        form = rows()
        form.addRow("Field", self.field)
        form.addRow("From", self.low)
        form.addRow("To", self.high)
        form.addRow("Values", self.count)
        form.addRow(self.factors)
        shown = rows()
        shown.addRow("Show", self.measure)
        self._shown = QWidget()
        self._shown.setLayout(shown)
        self._shown.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.readout)
        layout.addLayout(form)
        for part in (self.button, self._shown, self.plot, self.verdict):
            layout.addWidget(part)
        self.button.setEnabled(False)
        guard_fields(self)

    def _connect(self) -> None:
        self.field.currentIndexChanged.connect(self._on_field)
        self.button.clicked.connect(self.pressed)
        self.measure.currentIndexChanged.connect(lambda _: self._draw())
        self.plot.clicked.connect(self._go)
        follow(self, self._viewer.dims.events.point, self._on_dims)
        follow(self, self._viewer.layers.events.removed, self._on_removed)

    def _on_field(self, *_: object) -> None:
        name = self.field.currentData()
        if self._method is None or not name:
            return
        field = self._method.fields()[name]
        low, high, whole = field.low, field.high, field.whole
        value = getattr(self._method, name)
        now = value if isinstance(value, (int, float)) else 0
        middle = now if now > 0 else 10.0 if whole else 0.01
        first, last = (1, 3 * middle) if whole else (middle / 30, middle * 30)
        first, last = (float(f"{end:.2g}") for end in (first, last))
        self.low.setValue(first if low is None else max(first, low))
        self.high.setValue(last if high is None else min(last, high))
        self.factors.setChecked(not whole)

    def _offer(self) -> None:
        from ...comparison.measures import DEFAULT_BLIND, MEASURES

        measures = {k for row in self._rows for k, v in row.figures.items() if not math.isnan(v)}
        keys = [key for key in MEASURES if key in measures]
        if {"residual", "roughness"} <= measures:
            keys.append(_L_CURVE)
        if keys == [self.measure.itemData(i) for i in range(self.measure.count())]:
            return
        self.measure.blockSignals(True)
        before = self.measure.currentData()
        self.measure.clear()
        for key in keys:
            title = MEASURES[key].heading if key in MEASURES else "L-curve (log10)"
            self.measure.addItem(title, key)
        start = "psnr_db" if "psnr_db" in measures else DEFAULT_BLIND
        self.measure.setCurrentIndex(max(0, self.measure.findData(before or start)))
        self.measure.blockSignals(False)
        self._shown.setVisible(bool(keys))

    def _best(self) -> int | None:
        """Index of the best by what is shown."""
        from ...comparison.run import best
        from ...comparison.sweep import corner

        key = self.measure.currentData()
        if key == _L_CURVE:
            return corner(
                [row.figure("residual") for row in self._rows],
                [row.figure("roughness") for row in self._rows],
            )
        index = best(self._rows, key) if key else None
        return None if index is None else index.number

    def _draw(self) -> None:
        from ...comparison.measures import MEASURES

        key = self.measure.currentData()
        if not self._rows or key is None:
            self.plot.show_curves([], "", "")
            return
        best = self._best()
        if key == _L_CURVE:
            x, y = (
                [math.log10(v) if (v := row.figure(k)) > 0 else math.nan for row in self._rows]
                for k in ("residual", "roughness")
            )
            titles = ("log residual", "log roughness")
        else:
            x, y = list(self._values), [row.figure(key) for row in self._rows]
            titles = (self.field.currentText(), MEASURES[key].heading)
        marked = -1 if best is None else best
        curve = Curve("", x, y, dots=True, marked=marked)
        factors = key != _L_CURVE and _even_factor(self._values)
        self.plot.show_curves([curve], *titles, logarithmic=factors)
        self.measure.setToolTip("" if key == _L_CURVE else MEASURES[key].tip)
        word = "The corner" if key == _L_CURVE else "The best by this"
        words = "" if best is None else f"{word} (ringed): {self._rows[best].label}."
        if best in (0, len(self._rows) - 1) and len(self._rows) > 2:
            words += " It lies at the end of the range: widen it."
        self.verdict.setText(f"{words} Click a point to see it.".strip())

    def _go(self, index: int) -> None:
        """Move the stack's slider to a value."""
        if self.layer is not None:
            self._viewer.dims.set_current_step(self._viewer.dims.ndim - self.layer.ndim, index)

    def _on_dims(self, event: Event | None = None) -> None:
        if self.layer is None or self.measure.currentData() == _L_CURVE:
            self.plot.set_cursor(None)
            return
        axis = self._viewer.dims.ndim - self.layer.ndim
        index = int(self._viewer.dims.current_step[axis])
        if 0 <= index < len(self._values):
            self.plot.set_cursor(self._values[index])

    def _on_removed(self, event: Event) -> None:
        if event.value is self.layer:
            self.layer = None


def _even_factor(values: Sequence[float]) -> bool:
    """Whether values were spread by a factor rather than by a step, as far as they tell."""
    low, middle, high = values[0], values[len(values) // 2], values[-1]
    if len(values) < 3 or low <= 0:
        return False
    share = (len(values) // 2) / (len(values) - 1)
    by_factor, by_step = low * (high / low) ** share, low + share * (high - low)
    return abs(middle - by_factor) < abs(middle - by_step)
