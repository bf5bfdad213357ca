"""The numbers of a comparison as CSV and as text."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from .measures import MEASURES, Measure
from .run import Row

MARK = "method,settings,"
"""Stands in the first line of every table, and tells one of ours from others' files."""


def columns(rows: Sequence[Row]) -> list[Measure]:
    """Measures worth a column: those that any row has a number for."""
    some = {key for row in rows for key, value in row.figures.items() if not math.isnan(value)}
    return [m for m in MEASURES.values() if m.key in some and m.shown]


def as_csv(rows: Sequence[Row], image: str = "") -> str:
    """One line per method, every measure a column; numbers unrounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = list(MEASURES)
    writer.writerow([*(["image"] if image else []), "method", "settings", *keys, "error"])
    for row in rows:
        values = [_number(row.figure(key)) for key in keys]
        lead = [image] if image else []
        writer.writerow([*lead, row.label, settings(row.method), *values, row.error])
    return text.getvalue()


def as_text(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    shown = columns(rows)
    lines = [["Method", *(m.heading for m in shown)]]
    for row in rows:
        lines.append([row.label, *(m.shown_value(row.figure(m.key)) for m in shown)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    notes = []
    for line, error in zip(lines, ("", *(row.error for row in rows)), strict=True):
        cells = [line[0].ljust(widths[0])]
        if error:
            notes.append(f"{cells[0]}  {error}")
            continue
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        notes.append("  ".join(cells))
    return "\n".join(notes)


def settings(method: Any) -> str:
    """Every field of a method: ``iterations=30, acceleration=True``; of none, nothing."""
    if method is None:
        return ""
    return ", ".join(f"{key}={getattr(method, key)}" for key in method.fields())


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))
