"""Open the Deconvolve panel with trained weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.viewer import Viewer

from ...core.errors import DeconvError
from ...psf import PsfRequest, psf_hash
from ..kit.layers import add_quietly
from ..kit.parts import Delay
from ..menus import open_panel
from ..psf.source import PsfSource

if TYPE_CHECKING:
    from ...train.library import Entry

_WAIT_MS = 100
_MOST = 600
"""Waits for the method list, which takes seconds to load the first time."""


def use_weights(viewer: Viewer, name: str, psf: PsfSource) -> Any:
    """Open the Deconvolve panel on a network with weights of the library.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    name : str
        Of the weights.
    psf : PsfSource
        The PSF they were trained for, if it is still set there; otherwise a layer is made of it.

    Raises
    ------
    DeconvError
        If the weights are gone, or there is no window.
    """
    from ...train import library

    entry = library.get(name)
    panel = open_panel(viewer, "Deconvolve")
    request = _request(psf, entry)
    layer = None if request is not None or entry.psf is None else _layer(viewer, entry)
    left = [_MOST]

    def begin() -> None:
        left[0] -= 1
        if panel.method.isEnabled():
            panel.method.choose(entry.method, {"weights": name})
            if request is not None:
                panel.psf.restore(request)
            elif layer is not None:
                panel.psf.layers.refresh()
                panel.psf.layers.pick(layer)
                panel.psf.choice.choose("layer")
        elif left[0]:
            timer.start()

    timer = Delay(panel, _WAIT_MS, begin)
    timer.start()
    return panel


def _request(psf: PsfSource, entry: Entry) -> PsfRequest | None:
    """The PSF that is set, if the weights were trained for it."""
    try:
        prepared = psf.preparing()()
    except DeconvError:
        return None
    return prepared.request if psf_hash(prepared.array) == entry.psf_hash else None


def _layer(viewer: Viewer, entry: Entry) -> Any:
    """The PSF of the weights as a layer out of sight."""
    record = {"kind": "psf", "psf": {}}
    name = f"PSF of {entry.name}"
    assert entry.psf is not None
    return add_quietly(viewer, entry.psf, name, {"visible": False, "colormap": "inferno"}, record)
