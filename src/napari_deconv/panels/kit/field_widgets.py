"""The widget of one field of a `Spec`."""

from __future__ import annotations

from typing import Any, Protocol

from magicgui.widgets import create_widget
from qtpy.QtCore import SignalInstance
from qtpy.QtWidgets import QDoubleSpinBox, QLineEdit, QSlider, QWidget

from ...core.fields import Field
from .inputs import NamedNumber, Number, Whole

_SLIDER_PX = 48


class FieldWidget(Protocol):
    """What a form uses of a widget of magicgui."""

    value: Any

    @property
    def native(self) -> QWidget: ...

    @property
    def changed(self) -> Any: ...


class _Spin:
    """A Qt spin box that answers like a magicgui widget.

    Theirs round to two decimals, and cannot call 0 by another name.
    """

    def __init__(self, native: Number | Whole | NamedNumber, value: float) -> None:
        self.native = native
        self.value = value
        self.changed: SignalInstance = native.valueChanged

    @property
    def value(self) -> float:
        return self.native.value()

    @value.setter
    def value(self, value: Any) -> None:
        self.native.setValue(value)


def _widget(**options: Any) -> Any:
    return create_widget(**options)  # whose type knows neither value nor signal


def field_widget(field: Field, value: Any) -> FieldWidget:
    """A widget that shows ``value``; a ``list`` is a line of text."""
    if field.kind == "list":
        return _widget(value=field.written(value), annotation=str)
    if field.kind == "choice":
        choices = list(zip(field.words, field.choices, strict=True))
        return _widget(value=value, options={"choices": choices}, widget_type="ComboBox")
    if field.kind == "text":
        widget = _widget(value=value, annotation=str)
        for line in (widget.native, *widget.native.findChildren(QLineEdit)):
            if isinstance(line, QLineEdit):
                line.setPlaceholderText(field.zero)
        return widget
    if field.kind == "switch":
        widget = _widget(value=value, annotation=bool)
        widget.native.setText("")  # its title stands beside it
        return widget
    low = -1e9 if field.low is None else field.low
    high = 1e9 if field.high is None else field.high
    if field.named:
        return _Spin(NamedNumber(low, high, field.named), value)
    sliding = _slides(field, value)
    if field.kind == "number" and not sliding:
        return _Spin(Number(low, high, field.zero), value)
    if field.zero and not sliding:
        return _Spin(Whole(int(min(high, 2**31 - 1)), field.zero), value)
    kind = int if field.kind == "whole" else float
    options: dict[str, Any] = {"min": kind(low), "max": kind(high)}
    if sliding:
        options["widget_type"] = "Slider" if kind is int else "FloatSlider"
    widget = _widget(value=value, annotation=kind, options=options)
    for slider in widget.native.findChildren(QSlider):
        slider.setMinimumWidth(_SLIDER_PX)
    for spin in widget.native.findChildren(QDoubleSpinBox):
        spin.setDecimals(1 if field.unit == "°" else 2)
    return widget


def _slides(field: Field, value: float) -> bool:
    """A slider only where dragging can hit the useful values."""
    if field.low is None or field.high is None or field.typed:
        return False
    return field.unit == "°" or field.high - field.low <= 20 * abs(value)
