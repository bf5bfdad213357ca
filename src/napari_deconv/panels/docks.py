"""What the manifest names of each row of `presets`: the panel's class, and what opens it."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from napari.viewer import Viewer

from .menus import show_panel
from .presets import PRESETS, Preset

if TYPE_CHECKING:
    from .kit.parts import Panel


@cache
def __getattr__(name: str) -> type[Panel] | Callable[[Viewer], None]:
    """The panel class of a row, or with ``open_`` before its name the command that opens it."""
    for preset in PRESETS:
        if name == preset.name:
            return _class_of(preset)
        if name == preset.opens:
            return _opener(preset)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _class_of(preset: Preset) -> type[Panel]:
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
    return types.new_class(preset.name, (base,), exec_body=lambda space: space.update(traits))


def _opener(preset: Preset) -> Callable[[Viewer], None]:
    def open_preset(viewer: Viewer) -> None:  # napari hands it over by its type
        show_panel(viewer, preset.title, lambda viewer: __getattr__(preset.name)(viewer))

    return open_preset
