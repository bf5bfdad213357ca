"""From a PSF that was just estimated to a deblurred layer, in one press."""

from __future__ import annotations

from typing import Any

from ..core.errors import DeconvError
from .parts import Delay

_METHOD = "hyper-laplacian"
_WAIT_MS = 100
_MOST = 600
"""Waits for the method list, which takes seconds to load the first time."""


def deblur(viewer: Any, image: Any, psf: Any) -> None:
    """Open the Deconvolve panel on an image and a PSF layer, and run it.

    Raises
    ------
    DeconvError
        If the image is gone, or there is no window to open the panel in.
    """
    window = getattr(viewer, "window", None)
    if image is None:
        raise DeconvError("The image is gone.", "Open it again.")
    if window is None:
        raise DeconvError("There is no window.", "Open Plugins > Deconvolution > Deconvolve.")
    _, panel = window.add_plugin_dock_widget("napari-deconv", "Deconvolve")
    panel.image.pick(image)
    panel.psf.layers.refresh()
    if panel.psf.layers.pick(psf):
        panel.psf.choice.choose("layer")
    left = [_MOST]

    def begin() -> None:
        left[0] -= 1
        if panel.method.isEnabled():
            panel.method.choose(_METHOD)
            panel.run()
        elif left[0]:
            timer.start()

    timer = Delay(panel, _WAIT_MS, begin)
    timer.start()
