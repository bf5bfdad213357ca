"""One field of one method over a range of values, and which of them is best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.checks import as_object
from ..core.checks import field as read_field
from ..core.errors import DeconvError
from ..core.spec import Spec
from ..restoration.base import Method

_MOST = 500


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A method with one field that runs through values.

    Parameters
    ----------
    method : Method
        Its other fields.
    field : str
        Name of a number of it.
    values : tuple of float
        In the order they run.
    """

    method: Method
    field: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.field not in swept_fields(type(self.method)):
            names = ", ".join(swept_fields(type(self.method))) or "none"
            raise DeconvError(
                f"{self.method.title} has no field {self.field!r} to sweep.", f"There is: {names}."
            )
        if not 0 < len(self.values) <= _MOST:
            raise DeconvError(
                f"The sweep has {len(self.values)} values.", f"Give 1 to {_MOST} of them."
            )

    def methods(self) -> tuple[Method, ...]:
        """The configured methods; a `DeconvError` if a value is out of bounds."""
        whole = self.method.fields()[self.field].whole
        return tuple(
            self.method.but(**{self.field: round(value) if whole else value})
            for value in self.values
        )

    def labels(self) -> tuple[str, ...]:
        """``iterations 10``, for each value."""
        return tuple(f"{self.field} {value:.4g}" for value in self.values)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"method": self.method.to_dict(), "field": self.field, "values": list(self.values)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sweep:
        """Rebuild a sweep from `to_dict`."""
        entries = as_object("The sweep", data)
        return cls(
            method=Method.from_dict(read_field("The sweep", entries, "method", dict)),
            field=read_field("The sweep", entries, "field", str),
            values=read_field("The sweep", entries, "values", tuple[float, ...]),
        )


def swept_fields(kind: type[Spec]) -> tuple[str, ...]:
    """Fields of a class that hold one number."""
    return tuple(field.name for field in kind.fields().values() if field.numeric)


def spread(
    low: float, high: float, count: int, *, logarithmic: bool = False, whole: bool = False
) -> tuple[float, ...]:
    """``count`` values from ``low`` to ``high``, evenly or by an even factor, none twice.

    Raises
    ------
    DeconvError
        If the range is empty, or reaches 0 where the factor is to be even.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or count < 2:
        raise DeconvError(
            f"From {low:g} to {high:g} in {count} steps is not a range.",
            "Give a greater second number and at least 2 steps.",
        )
    if logarithmic and low <= 0:
        raise DeconvError(f"A range by factors cannot begin at {low:g}.", "Begin above 0.")
    values = np.geomspace(low, high, count) if logarithmic else np.linspace(low, high, count)
    if whole:
        values = np.unique(np.rint(values))
    return tuple(float(f"{value:.6g}") for value in values)


def corner(residual: Sequence[float], norm: Sequence[float]) -> int | None:
    """Index of the corner of an L-curve: where log norm over log residual bends most.

    Curvature of the circle through each point and its neighbours, in logarithms scaled to one
    range (Hansen & O'Leary, SIAM J. Sci. Comput. 14:1487, 1993, for the curve; the discrete
    curvature is Menger's).

    Parameters
    ----------
    residual, norm : sequence of float
        Residual norms and norms of the solution, in the order of the parameter.

    Returns
    -------
    int or None
        None with fewer than three usable points, or where no point bends towards the origin.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        points = np.log(np.array([residual, norm], dtype=float))
    good = np.nonzero(np.isfinite(points).all(axis=0))[0]
    span = np.ptp(points[:, good], axis=1) if len(good) else np.zeros(2)
    if len(good) < 3 or not (span > 0).all():
        return None
    p = (points[:, good] / span[:, None]).T
    p = p[np.argsort(p[:, 0], kind="stable")]
    order = good[np.argsort(points[0, good], kind="stable")]
    a, b, c = p[:-2], p[1:-1], p[2:]
    turn = np.cross(np.c_[b - a, np.zeros(len(a))], np.c_[c - b, np.zeros(len(a))])[:, 2]
    sides = np.prod([np.linalg.norm(v, axis=1) for v in (b - a, c - b, c - a)], axis=0)
    bend = np.divide(2 * turn, sides, out=np.zeros_like(turn), where=sides > 0)
    return int(order[1 + int(bend.argmax())]) if bend.max() > 0 else None
