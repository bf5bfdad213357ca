"""Forms: one widget per field of a `Spec`, and back to a configured instance."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from magicgui.widgets import create_widget
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QVBoxLayout, QWidget

from ..core.checks import bounds
from ..core.errors import DeconvError
from ..core.spec import Spec, field_help, hints
from .inputs import Combo, Number, guard_wheel
from .parts import read_out, rows

_UNITS = {"px": "px", "deg": "°", "nm": "nm", "um": "µm", "mm": "mm", "s": "s", "percent": "%"}
_ACRONYMS = {"psf": "PSF", "nsr": "NSR", "tv": "TV", "jpeg": "JPEG", "na": "NA", "rgb": "RGB"}


class Form(QWidget):
    """The fields of one `Spec` class as a form.

    Parameters
    ----------
    kind : type of Spec
        Whose fields to show.
    values : mapping, optional
        Field values to start from; the rest take their defaults.
    skip : tuple of str
        Fields that are set elsewhere.
    """

    changed = Signal()

    def __init__(
        self,
        kind: type[Spec],
        values: Mapping[str, Any] | None = None,
        skip: tuple[str, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.kind = kind
        layout = rows()
        self.setLayout(layout)
        known = field_help(kind)
        self.widgets: dict[str, Any] = {}
        for key, hint in hints(kind).items():
            if key in skip:
                continue
            value = (values or {}).get(key, getattr(kind, key))
            widget = _field(key, value, hint, known.get(key, ""))
            widget.native.setToolTip(known.get(key, label(key)))
            widget.native.setAccessibleName(label(key))
            widget.native.setMinimumWidth(60)
            widget.changed.connect(self._tell)
            self.widgets[key] = widget
            layout.addRow(_titled(key, hint, known.get(key, "")), widget.native)
            layout.labelForField(widget.native).setToolTip(known.get(key, ""))
        guard_wheel(self)

    def values(self) -> dict[str, Any]:
        """What the fields hold now, unchecked."""
        return {key: _parsed(w.value, hints(self.kind)[key]) for key, w in self.widgets.items()}

    def spec(self, **fixed: Any) -> Any:
        """The configured instance.

        Raises
        ------
        DeconvError
            Naming field, value and remedy.
        """
        return self.kind(**self.values(), **fixed)

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Fill fields from a recipe; fields it does not name keep their value."""
        for key in values.keys() & self.widgets.keys():
            self.widgets[key].value = _shown(values[key], hints(self.kind)[key])

    def _tell(self, _: object = None) -> None:
        self.changed.emit()


class Choice(QWidget):
    """A combo box over a registry with the form of what is chosen below it.

    Parameters
    ----------
    label_text : str
        The label beside the combo box.
    """

    changed = Signal()

    def __init__(self, label_text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.combo = Combo()
        self.note = read_out()
        self.form: Form | None = None
        self._kinds: dict[str, type[Spec]] = {}
        self._remembered: dict[str, dict[str, Any]] = {}
        top = rows()
        top.addRow(label_text, self.combo)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addLayout(top)
        self._layout.addWidget(self.note)
        self.note.hide()
        self.combo.currentIndexChanged.connect(self._rebuild)

    def fill(
        self,
        kinds: Mapping[str, type[Spec]],
        extra: Mapping[str, str] | None = None,
        start: str = "",
    ) -> None:
        """Offer these classes (name -> class), and entries without a form (name -> title)."""
        self._kinds = dict(kinds)
        self.combo.blockSignals(True)
        self.combo.clear()
        for name, kind in kinds.items():
            self.combo.addItem(kind.title, name)
        for name, title in (extra or {}).items():
            self.combo.addItem(title, name)
        self.combo.setCurrentIndex(max(0, self.combo.findData(start)))
        self.combo.blockSignals(False)
        self._rebuild()

    @property
    def name(self) -> str:
        """Name of what is chosen; empty while there is nothing to choose."""
        return str(self.combo.currentData() or "")

    @property
    def kind(self) -> type[Spec] | None:
        """The class that is chosen, if it is one."""
        return self._kinds.get(self.name)

    def choose(self, name: str, values: Mapping[str, Any] | None = None) -> bool:
        """Choose an entry and fill its fields; False if there is no such entry."""
        index = self.combo.findData(name)
        if index < 0:
            return False
        self.combo.setCurrentIndex(index)
        if values and self.form is not None:
            self.form.set_values(values)
        return True

    def spec(self) -> Any:
        """The configured instance; a `DeconvError` if it does not fit or nothing is chosen."""
        if self.form is None:
            raise DeconvError("Nothing is chosen yet.", "Choose an entry from the list.")
        return self.form.spec()

    def _rebuild(self) -> None:
        if self.form is not None:
            self._remembered[self.form.kind.name] = {
                key: widget.value for key, widget in self.form.widgets.items()
            }
            self._layout.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        kind = self.kind
        if kind is not None:
            self.form = Form(kind, self._remembered.get(kind.name))
            self.form.changed.connect(self.changed)
            self._layout.addWidget(self.form)
        self.changed.emit()


def label(key: str) -> str:
    """A field's name as a person reads it: ``radius_px`` -> ``Radius (px)``."""
    words = key.split("_")
    unit = _UNITS.get(words[-1], "") if len(words) > 1 else ""
    words = [_ACRONYMS.get(w, w) for w in (words[:-1] if unit else words)]
    words[0] = words[0] if words[0].isupper() else words[0].capitalize()
    return " ".join(words) + (f" ({unit})" if unit else "")


def _bare(hint: Any) -> Any:
    return _bare(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def _is_text(hint: Any) -> bool:
    """Whether a hint has no widget of its own and is written out, as ``3, 1.5, 1.5``."""
    bare = _bare(hint)
    return get_origin(bare) in (Union, types.UnionType, tuple)


class _Real:
    """A `Number` that answers like a magicgui widget: theirs rounds to two decimals."""

    def __init__(self, value: float, low: float | None, high: float | None, zero: str) -> None:
        self.native = Number(-1e9 if low is None else low, 1e9 if high is None else high, zero)
        self.value = value
        self.changed = self.native.valueChanged

    @property
    def value(self) -> float:
        return float(self.native.value())

    @value.setter
    def value(self, value: float) -> None:
        self.native.setValue(value)


def _field(key: str, value: Any, hint: Any, known: str) -> Any:
    bare = _bare(hint)
    if _is_text(hint):
        return create_widget(value=_shown(value, hint), annotation=str)
    if bare not in (int, float):
        return create_widget(value=value, annotation=bare)
    low, high = bounds(hint)
    sliding = _slides(key, value, low, high)
    if bare is float and not sliding:
        return _Real(value, low, high, _zero(known) if low == 0 else "")
    options: dict[str, Any] = {"min": -1e9, "max": 1e9}
    options |= {k: v for k, v in (("min", low), ("max", high)) if v is not None}
    if bare is int:
        options = {side: int(limit) for side, limit in options.items()}
    if sliding:
        options["widget_type"] = "Slider" if bare is int else "FloatSlider"
    widget = create_widget(value=value, annotation=bare, options=options)
    for spin in widget.native.findChildren(QDoubleSpinBox):
        spin.setDecimals(1 if key.endswith("_deg") else 2)
    return widget


def _titled(key: str, hint: Any, known: str) -> str:
    """The label; for whole numbers it also says what 0 does, which their widget cannot."""
    whole = _bare(hint) is int and bounds(hint)[0] == 0
    zero = _zero(known) if whole else ""
    return f"{label(key)}, 0: {zero}" if zero else label(key)


def _zero(known: str) -> str:
    """What 0 stands for, from what the field's help says of it; empty if it is just a number."""
    said = re.search(r"(?<![\d.])0 (\w+ \w+)", known)
    if said is None:
        return ""
    if re.match(r"does not|do not|adds no|leaves|skips|turns|switches|is off|disables", said[1]):
        return "off"
    fitted = re.match(r"takes|chooses|picks|estimates|uses|sets|derives", said[1])
    return "automatic" if fitted else ""


def _slides(key: str, value: float, low: float | None, high: float | None) -> bool:
    """A slider only where dragging can hit the useful values."""
    if low is None or high is None:
        return False
    return key.endswith("_deg") or high - low <= 20 * abs(value)


def _shown(value: Any, hint: Any) -> Any:
    """A value as its widget takes it."""
    if not _is_text(hint):
        return value
    if value is None:
        return ""
    items = value if isinstance(value, tuple | list) else (value,)
    return ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in items)


def _parsed(value: Any, hint: Any) -> Any:
    """A widget's value as the field takes it; text that is no number is left for the check."""
    if isinstance(value, float):
        return float(f"{value:.6g}")  # a slider's -33.299999
    if not _is_text(hint):
        return value
    text = str(value).strip().strip("()[]")
    if not text:
        return None
    try:
        items = tuple(ast.literal_eval(part.strip()) for part in text.split(",") if part.strip())
    except (ValueError, SyntaxError):
        return value
    return items[0] if len(items) == 1 and get_origin(_bare(hint)) is not tuple else items
