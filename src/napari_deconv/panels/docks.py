"""The panel classes that the manifest names, one for each row of `presets`."""

from __future__ import annotations

import types
from functools import cache
from typing import TYPE_CHECKING

from .presets import PRESETS

if TYPE_CHECKING:
    from .kit.parts import Panel


@cache
def __getattr__(name: str) -> type[Panel]:
    """The panel class of a row, as the manifest names it."""
    preset = next((row for row in PRESETS if row.name == name), None)
    if preset is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .deconvolve.panel import DeconvolvePanel
    from .psf.beads import BeadsPanel
    from .psf.panel import PsfPanel

    if preset.panel == "beads":
        return BeadsPanel
    base = PsfPanel if preset.panel == "psf" else DeconvolvePanel
    traits = {
        "__module__": __name__,
        "__doc__": f"The panel {preset.title!r}.",
        "preset": preset.opens_on,
    }
    return types.new_class(name, (base,), exec_body=lambda space: space.update(traits))
