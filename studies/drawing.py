"""Figures of the studies: curves, bars and rows of pictures, all of one manner."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDE = 6.4


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a row.

    Parameters
    ----------
    caption : str
        Above it.
    data : ndarray
        ``(Y, X)``.
    limits : tuple of float, optional
        Values of black and white; by default the range of what is shown.
    signed : bool
        Red above 0 and blue below, on a scale symmetric about it.
    """

    caption: str
    data: NDArray[Any]
    limits: tuple[float, float] | None = (0.0, 1.0)
    signed: bool = False


def pictures(shown: Sequence[Picture], columns: int = 4) -> Any:
    """Pictures in rows."""
    rows = math.ceil(len(shown) / columns)
    side = _WIDE * 1.25 / columns
    figure = _figure(columns * side, rows * (side + 0.25))
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for one, place in zip(shown, axes, strict=False):
        low, high = one.limits or (float(one.data.min()), float(one.data.max()))
        if one.signed:
            high = max(abs(low), abs(high)) if one.limits is None else high
            low = -high
        colours = "RdBu_r" if one.signed else "gray"
        place.imshow(one.data, cmap=colours, vmin=low, vmax=high, interpolation="none")
        place.set_title(one.caption, fontsize=7)
    for place in figure.axes:
        place.set_axis_off()
    return figure


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    labels: tuple[str, str],
    *,
    log: bool = False,
) -> Any:
    """Lines over one another, with a legend."""
    figure = _figure(5.2, 3.4)
    axes = figure.subplots()
    for name, values in lines.items():
        axes.plot(x, values, marker=".", label=name)
    axes.set(xlabel=labels[0], ylabel=labels[1], xscale="log" if log else "linear")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def bars(groups: Sequence[str], series: Mapping[str, Sequence[float]], label: str) -> Any:
    """A group of bars for each of ``groups``; the axis begins a little below the least."""
    figure = _figure(_WIDE, 3.4)
    axes = figure.subplots()
    width = 0.8 / len(series)
    for i, (name, values) in enumerate(series.items()):
        axes.bar(np.arange(len(groups)) + width * i, values, width, label=name)
    axes.set_xticks(np.arange(len(groups)) + width * (len(series) - 1) / 2, groups, fontsize=8)
    every = [v for values in series.values() for v in values if np.isfinite(v)]
    axes.set_ylim(bottom=min(every) - 0.15 * (max(every) - min(every)) - 1e-3)
    axes.set_ylabel(label)
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def middle(plane: NDArray[Any], side: int = 128) -> NDArray[Any]:
    """The middle of a plane, at most ``side`` pixels each way, for a picture."""
    starts = [max(0, (n - side) // 2) for n in plane.shape]
    return plane[tuple(slice(a, a + side) for a in starts)]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
