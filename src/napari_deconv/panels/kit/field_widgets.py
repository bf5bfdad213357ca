"""One field of a `Spec` as a widget: its label, its editor, and values in and out."""

from __future__ import annotations

import ast
import re
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QDoubleSpinBox

from ...core.checks import bounds
from .inputs import Number, Whole

_UNITS = {"px": "px", "deg": "°", "nm": "nm", "um": "µm", "mm": "mm", "s": "s", "percent": "%"}
_ACRONYMS = {"psf": "PSF", "nsr": "NSR", "tv": "TV", "jpeg": "JPEG", "na": "NA", "rgb": "RGB"}
_NAMES = {"order": "Saturates", "numerical_aperture": "NA", "pinhole_airy": "Pinhole (Airy)"} | {
    f"refractive_index_{where}": f"{where.capitalize()} index"
    for where in ("immersion", "sample", "coverslip")
}
_WORDS = {"clip-last": "after the noise", "clip-first": "before the noise"}


def label(key: str) -> str:
    """A field's name as a person reads it: ``radius_px`` -> ``Radius (px)``."""
    if key in _NAMES:
        return _NAMES[key]
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


class _Plain:
    """A Qt spin box that answers like a magicgui widget.

    Theirs round to two decimals, and cannot call 0 by another name.
    """

    def __init__(self, native: Any, value: float) -> None:
        self.native = native
        self.value = value
        self.changed = self.native.valueChanged

    @property
    def value(self) -> float:
        return self.native.value()  # type: ignore[no-any-return]

    @value.setter
    def value(self, value: float) -> None:
        self.native.setValue(value)


def field_widget(key: str, value: Any, hint: Any, known: str) -> Any:
    """A widget for one field: with ``value``, ``changed`` and ``native``, as magicgui's are."""
    bare = _bare(hint)
    if _is_text(hint):
        return create_widget(value=shown(value, hint), annotation=str)
    if get_origin(bare) is Literal:
        choices = [(_WORDS.get(x, str(x)), x) for x in get_args(bare)]
        return create_widget(value=value, annotation=bare, options={"choices": choices})
    if bare not in (int, float):
        return create_widget(value=value, annotation=bare)
    low, high = bounds(hint)
    sliding = _slides(key, value, low, high)
    if bare is float and not sliding:
        least, most = -1e9 if low is None else low, 1e9 if high is None else high
        return _Plain(Number(least, most, _zero(known) if low == 0 else ""), value)
    if bare is int and low == 0 and high is not None and not sliding and _zero(known):
        return _Plain(Whole(int(high), _zero(known)), value)
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


def _zero(known: str) -> str:
    """What 0 stands for, from what the field's help says of it; empty if it is just a number."""
    said = re.search(r"(?<![\d.])0 (\w+ \w+)", known)
    if said is None:
        return ""
    if re.match(r"does not|do not|adds no|leaves|skips|turns|switches|is off|disables", said[1]):
        return "off"
    fitted = re.match(r"takes|chooses|picks|estimates|uses|sets|derives", said[1])
    return "auto" if fitted else ""


def _slides(key: str, value: float, low: float | None, high: float | None) -> bool:
    """A slider only where dragging can hit the useful values."""
    if low is None or high is None or key in _NAMES or key.endswith(("_nm", "_um")):
        return False  # what is known to the digit is typed
    return key.endswith("_deg") or high - low <= 20 * abs(value)


def shown(value: Any, hint: Any) -> Any:
    """A value as its widget takes it."""
    if not _is_text(hint):
        return value
    if value is None:
        return ""
    items = value if isinstance(value, tuple | list) else (value,)
    return ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in items)


def parsed(value: Any, hint: Any) -> Any:
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
