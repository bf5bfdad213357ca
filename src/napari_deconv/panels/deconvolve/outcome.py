"""The result of the Deconvolve panel: a layer in memory or on disk, its refined PSF, and words."""

from __future__ import annotations

from dataclasses import replace

from napari.viewer import Viewer

from ...core.json_text import JsonObject
from ...core.progress import Result
from ...core.record import Note, RunRecord
from ..kit import result as kit
from ..kit.result import Origin
from .refine import add_refined
from .to_disk import Written, open_written


def add_result(
    viewer: Viewer, origin: Origin, result: Result | Written, psf: JsonObject
) -> tuple[RunRecord, str, str]:
    """Add a run's result as a layer.

    Returns
    -------
    RunRecord
        How it was made.
    str, str
        What to say, and its kind.
    """
    record, notes = origin.record_of(result.record, psf), list(result.notes)
    if isinstance(result, Written):
        record = replace(record, written=str(result.target))
        look = origin.placement.options
        open_written(viewer, result.target, origin.name, look, record.to_dict())
    else:
        kit.add_result(viewer, origin, result, record)
        if result.psf is not None:
            text = add_refined(viewer, result.psf, record, origin.placement)
            notes.append(Note("refined", text, "info"))
    return record, *kit.in_words(record, notes)
