"""Deblur a layer with the PSF that was just estimated from it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer
from napari.viewer import Viewer

from ...core.errors import DeconvError
from ..kit.job import Make
from ..kit.layers import Placement, axes_of, pixels
from ..kit.parts import Delay
from ..kit.result import Origin
from ..menus import open_panel

if TYPE_CHECKING:
    from ...core.json_text import JsonObject
    from ...core.progress import Result
    from ...estimation.across import Across

_METHOD = "hyper-laplacian"
_WAIT_MS = 100
_MOST = 600
"""Waits for the method list, which takes seconds to load the first time."""


@dataclass(frozen=True, eq=False)
class Deblurred:
    """A restoration with a PSF per region, made in the PSF panel."""

    result: Result
    psf: JsonObject
    origin: Origin


def deblur_across(layer: Image, across: Across) -> Make:
    """What to run to restore a layer with the PSFs of its regions; its result is a `Deblurred`.

    Raises
    ------
    DeconvError
        If the image is gone.
    """
    if layer is None:
        raise DeconvError("The image is gone.", "Open it again.")
    data, axes = pixels(layer), axes_of(layer)
    placement, path = Placement.of(layer), layer.source.path

    def make(cancel: threading.Event) -> Any:
        from ...engine.restore import restore
        from ...restoration.base import Method, methods
        from ..kit.settings import current

        methods()
        chosen, method = current(), Method.make(_METHOD)
        result = yield from restore(
            method, data, across.psf, axes=axes, device=chosen.device,
            precision=chosen.precision, memory_bytes=chosen.memory_bytes, cancel=cancel,
        )  # fmt: skip
        record = {"estimate": {**across.recipe, "image_name": placement.name}}
        origin = Origin(placement, f"{method.title}, regions", path)
        return Deblurred(result, record, origin)

    return make


def deblur(viewer: Viewer, image: Image | None, psf: Layer, noise: float | None = None) -> None:
    """Open the Deconvolve panel on an image and a PSF layer, in front of others, and run it.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose window.
    image, psf : Image
        The layers.
    noise : float, optional
        Its level as it was typed for the estimate.

    Raises
    ------
    DeconvError
        If the image is gone, or there is no window to open the panel in.
    """
    if image is None:
        raise DeconvError("The image is gone.", "Open it again.")
    panel = open_panel(viewer, "Deconvolve")
    panel.image.pick(image)
    panel.noise.set_value(noise)
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
