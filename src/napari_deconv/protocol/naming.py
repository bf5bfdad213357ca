"""Specs as the short text that the command line takes."""

from __future__ import annotations

from dataclasses import MISSING
from typing import Any

from ..core.spec import Spec


def shorthand(spec: Spec, **shown_as: str) -> str:
    """``"disk:radius_px=7"``: the name, and the fields that differ from their defaults.

    Parameters
    ----------
    spec : Spec
        Anything that can be chosen.
    **shown_as : str
        Fields to show so, whatever their value.
    """
    shown = {
        key: shown_as.get(key) or _text(getattr(spec, key))
        for key, field in spec.fields().items()
        if key in shown_as or field.default is MISSING or getattr(spec, key) != field.default
    }
    listed = ",".join(f"{k}={v}" for k, v in shown.items())
    return f"{spec.name}:{listed}" if listed else spec.name


def settings(spec: Spec, skip: str = "") -> str:
    """Every field but one, as ``"iterations=30;accelerate=False"``."""
    return ";".join(f"{k}={_text(getattr(spec, k))}" for k in spec.fields() if k != skip)


def _text(value: Any) -> str:
    if isinstance(value, Spec):
        return shorthand(value)
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)
