"""The record of a training as a picture: loss and PSNR over steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from ..core.errors import DeconvError
from ..io.atomic import replacing
from .record import read_record

_WIDTH, _HEIGHT, _EDGE = 640, 300, 56
_COLOURS = ("#1f77b4", "#d95f02", "#2c8c4b", "#8e4ab8", "#777777")


def draw(log: Path, scenes: Sequence[str] = ()) -> Path:
    """Draw a training's log as SVG beside it.

    Parameters
    ----------
    log : Path
        ``log.jsonl``, as the trainer writes it.
    scenes : sequence of str
        What each PSNR is at; by default noise of 1, 3 and 5 %, and photons.

    Returns
    -------
    Path
        The picture: the log's name with the suffix ``.svg``.

    Raises
    ------
    DeconvError
        If the file is no such log, or holds nothing yet.
    """
    entries = read_record(log)
    if not entries:
        raise DeconvError(f"{log} holds nothing yet.", "Wait for the first validation.")
    names = scenes or ("0.01", "0.03", "0.05", "photons")
    steps = [entry["step"] for entry in entries]
    psnr = {
        f"PSNR at {name} (dB)": [entry["psnr"][i] for entry in entries]
        for i, name in enumerate(names[: len(entries[0]["psnr"])])
    }
    loss = {"loss": [entry["loss"] for entry in entries]}
    panels = [_panel(steps, curves, i * _HEIGHT) for i, curves in enumerate((psnr, loss))]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{2 * _HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{"".join(panels)}</svg>\n'
    )
    picture = log.with_suffix(".svg")
    with replacing(picture) as beside:
        beside.write_text(svg, encoding="utf-8")
    return picture


def _panel(steps: Sequence[int], curves: dict[str, list[float]], top: int) -> str:
    finite = [y for values in curves.values() for y in values if math.isfinite(y)] or [0.0]
    low, high = min(finite), max(finite)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    last = max(1, *steps)

    def place(step: float, value: float) -> str:
        x = _EDGE + (_WIDTH - 2 * _EDGE) * step / last
        y = top + _EDGE + (_HEIGHT - 2 * _EDGE) * (high - value) / (high - low)
        return f"{x:.1f},{y:.1f}"

    parts = [_axes(low, high, last, top)]
    for i, (name, values) in enumerate(curves.items()):
        pairs = zip(steps, values, strict=True)
        points = " ".join(place(step, y) for step, y in pairs if math.isfinite(y))
        colour = _COLOURS[i % len(_COLOURS)]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(_text(_EDGE + 140 * i, top + _EDGE - 14, name, fill=colour))
    return "\n".join(parts) + "\n"


def _axes(low: float, high: float, last: int, top: int) -> str:
    """Three levels, and the steps below."""
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = top + _HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE)
        lines.append(
            f'<line x1="{_EDGE}" x2="{_WIDTH - _EDGE}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        )
        lines.append(_text(_EDGE - 6, y + 4, f"{low + share * (high - low):.4g}", anchor="end"))
        x = _EDGE + share * (_WIDTH - 2 * _EDGE)
        step = f"{share * last:.0f}" + (" steps" if share == 1 else "")
        lines.append(_text(x, top + _HEIGHT - _EDGE + 18, step, anchor="middle"))
    return "\n".join(lines)


def _text(x: float, y: float, words: str, *, fill: str = "#333", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}">{escape(words)}</text>'
    )
