"""How strongly a method sharpens, as one number for all methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .base import Method

USUAL = 0.5
"""The strength at which a method is as it would be without one."""
_WHOLE = 0.25
"""The strength below which a result is more and more the image itself, and at 0 all of it."""
_NOISE = 8.0
"""Factor on the noise level at strength 0; its inverse at strength 1."""
_ITERATIONS, _FACTOR = 30, 10.0
"""Iterations to count from where a method chooses them itself, and their factor at strength 1."""


@dataclass(frozen=True)
class Turned:
    """What a strength comes to.

    Parameters
    ----------
    noise : float
        Factor on the noise level: who believes in more noise sharpens less.
    share : float
        How much of the restoration to take; the rest is the image.
    fields : mapping
        Fields of the method.
    """

    noise: float = 1.0
    share: float = 1.0
    fields: Mapping[str, Any] = field(default_factory=dict)


def turned(kind: type[Method], strength: float) -> Turned:
    """What to change for a method to sharpen more or less, by its `Method.dial`.

    Parameters
    ----------
    kind : type of Method
        The method.
    strength : float
        0 leaves the image as it is, 1 is the sharpest, `USUAL` what the method takes by itself.
    """
    away = 2 * (strength - USUAL)
    share = min(1.0, round(strength / _WHOLE, 3))
    if kind.dial == "noise":
        return Turned(_NOISE**-away, share)
    iterations = kind.fields()["iterations"]
    usual = iterations.default or _ITERATIONS
    count = round(usual * _FACTOR**away) if away else iterations.default
    return Turned(share=share, fields={"iterations": count})
