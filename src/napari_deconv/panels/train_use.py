"""From trained weights to the panel that uses them."""

from __future__ import annotations

from typing import Any

from ..core.errors import DeconvError
from .parts import Delay

_WAIT_MS = 100
_MOST = 600
"""Waits for the method list, which takes seconds to load the first time."""


def use_weights(viewer: Any, name: str, psf: Any) -> Any:
    """Open the Deconvolve panel on a network with weights of the library.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    name : str
        Of the weights.
    psf : PsfSource
        The PSF they were trained for, if it is still set there.

    Raises
    ------
    DeconvError
        If the weights are gone, or there is no window.
    """
    from ..train import library

    entry = library.get(name)
    window = getattr(viewer, "window", None)
    if window is None:
        raise DeconvError("There is no window.", "Open Plugins > Deconvolution > Deconvolve.")
    _, panel = window.add_plugin_dock_widget("napari-deconv", "Deconvolve")
    about = psf.prepared.about if psf.prepared is not None else {}
    left = [_MOST]

    def begin() -> None:
        left[0] -= 1
        if panel.method.isEnabled():
            panel.method.choose(entry.method, {"weights": name})
            if about:
                panel.psf.restore(about)
        elif left[0]:
            timer.start()

    timer = Delay(panel, _WAIT_MS, begin)
    timer.start()
    return panel
