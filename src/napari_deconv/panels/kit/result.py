"""The result of a restoration as a layer with its record, and what to say of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from napari.viewer import Viewer

from ...core.json_text import JsonObject
from ...core.progress import Result
from ...core.record import Note, RunRecord
from .layers import Placement, add_image


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a running restoration came from, for when the layer is gone or the panel moved on."""

    placement: Placement
    title: str
    path: str | None
    white: float = 1.0
    """What napari has to be shown as 1 of colours that are kept as float."""

    def record_of(self, record: RunRecord, psf: JsonObject) -> RunRecord:
        """A run's record with its PSF and the image that it is of."""
        name, path = self.placement.name, self.path or ""
        return replace(record.with_psf(psf), kind="result", source=name, path=path)

    @property
    def name(self) -> str:
        """Name of the layer with the result."""
        return f"{self.placement.name} {self.title}"


def add_result(viewer: Viewer, origin: Origin, result: Result, record: RunRecord) -> None:
    """Add a result as a layer where its image lies."""
    look = origin.placement.options
    data = result.data / origin.white if record.keep_float and look["rgb"] else result.data
    add_image(viewer, data, origin.name, look, record.to_dict(), channels=origin.placement.channels)


def in_words(record: RunRecord, notes: Iterable[Note]) -> tuple[str, str]:
    """What to say of a result, and the kind of notice it is."""
    # A few clipped pixels are in every sharpened photo.
    shown = [note for note in notes if note.code != "clipped" or note.severity != "info"]
    done = "Done." if record.seconds is None else f"Done in {record.seconds:.1f} s."
    lines = [" ".join([done, *record.choices()]), *map(str, shown)]
    warned = any(note.severity == "warning" for note in shown)
    return "\n".join(lines), "warning" if warned else "info"
