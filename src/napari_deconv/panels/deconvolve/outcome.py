"""What a restoration came to: a layer, and words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...core.record import Note, RunRecord
from ..kit.layers import add_image
from .order import Origin
from .refine import add_refined
from .to_disk import Written, open_written


def add_result(viewer: Any, origin: Origin, made: Any) -> tuple[RunRecord, str, str]:
    """Add a run's result as a layer.

    Returns
    -------
    RunRecord
        How it was made.
    str, str
        What to say, and its kind.
    """
    result, psf = made
    name, look = origin.placement.name, origin.placement.options
    record = replace(
        result.record.with_psf(psf), kind="result", source=name, path=origin.path or ""
    )
    title = f"{name} {origin.title}"
    if isinstance(result, Written):
        record = replace(record, written=str(result.target))
        open_written(viewer, result.target, title, look, record.to_dict())
    else:
        add_image(viewer, result.data, title, look, record.to_dict())
    # A few clipped pixels are in every sharpened photo.
    notes: list[Note] = [n for n in result.notes if n.code != "clipped" or n.severity != "info"]
    if getattr(result, "psf", None) is not None:
        text = add_refined(viewer, result.psf, record, origin.placement)
        notes.append(Note("refined", text, "info"))
    done = "Done." if record.seconds is None else f"Done in {record.seconds:.1f} s."
    lines = [" ".join([done, *record.choices()]), *map(str, notes)]
    warned = any(note.severity == "warning" for note in notes)
    return record, "\n".join(lines), "warning" if warned else "info"
