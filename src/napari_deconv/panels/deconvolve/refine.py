"""How often to refine the PSF on the image before a run; off by default."""

from __future__ import annotations

import numpy as np
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ...core.record import RunRecord
from ..kit.inputs import Whole
from ..kit.layers import Placement
from ..psf.layer import add_psf


class RefineRounds(Whole):
    """Rounds of refining, 0 for off."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(20, "off", parent)
        self.setToolTip(
            "For a PSF that is only nearly right: restores a part of the image, moves the PSF to "
            "what its edges say, and again; 3 rounds are usual. The refined PSF becomes a layer. "
            "The live preview shows the PSF as it was given."
        )


def add_refined(
    viewer: Viewer, psf: NDArray[np.float32], record: RunRecord, image: Placement
) -> str:
    """Add the PSF that a run refined as a hidden layer; what to say of it."""
    recipe = {"layer": f"{image.name} refined", "refined": record.psf, "rounds": record.refine_psf}
    name = image.name
    layer = add_psf(viewer, psf, recipe, image, visible=False, by="deconvolve", image_name=name)
    return f"The refined PSF is the layer “{layer.name}”."
