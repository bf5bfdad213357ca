"""A PSF layer that was just made is taken over by the panels that need one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.layers import Layer
from napari.utils.events import Event
from napari.viewer import Viewer

from ..kit.layers import follow, made_for, record

if TYPE_CHECKING:
    from .source import PsfSource


def is_ours(layer: Layer | None) -> bool:
    """Whether it is a PSF of ours: from a panel or a sample."""
    return record(layer).get("kind") == "psf"


def made_by_hand(layer: Layer | None) -> bool:
    """Whether it is a PSF that was made in the PSF panel."""
    return is_ours(layer) and record(layer).get("by") == "psf"


class Adoption:
    """Sets a `PsfSource` to PSF layers as they come.

    What a person set in the panel stays, unless the PSF comes along with its image.

    Parameters
    ----------
    source : PsfSource
        What to set.
    viewer : napari.Viewer
        Whose layers.
    takes : callable
        Says whether a layer is one to take over.
    """

    def __init__(self, source: PsfSource, viewer: Viewer, takes: Callable[[Layer], bool]) -> None:
        self._source, self._takes, self._settled = source, takes, False
        self._viewer = viewer
        follow(source, viewer.layers.events.inserted, self._on_layer)
        source.choice.combo.activated.connect(self._on_choice)
        source.choice.edited.connect(self._settle)
        source.file.changed.connect(self._settle)
        source.layers.activated.connect(self._settle)
        here = [source.layers.layer, *reversed(viewer.layers)]
        found = next((x for x in here if x is not None and takes(x)), None)
        if found is not None:
            self._take(found)

    def meet(self, image: Layer) -> None:
        """Go over to the PSF that was made for an image, if the one chosen is another's."""
        if self._source.choice.name != "layer":
            return
        if made_for(self._source.layers.layer) in ("", image.name):
            return
        own = [x for x in self._viewer.layers if self._takes(x) and made_for(x) == image.name]
        if own:
            self._source.layers.pick(own[-1])

    def _take(self, layer: Layer) -> None:
        if self._source.layers.pick(layer):
            self._source.choice.choose("layer")

    def _on_layer(self, event: Event) -> None:
        if not self._takes(event.value) or (self._settled and made_by_hand(event.value)):
            return
        self._source.layers.refresh()  # napari may tell the combo box later
        self._take(event.value)

    def _on_choice(self) -> None:
        # Whoever asks for a layer wants the one that is about to be made.
        self._settled = self._source.choice.name != "layer"

    def _settle(self, *_: object) -> None:
        self._settled = True
