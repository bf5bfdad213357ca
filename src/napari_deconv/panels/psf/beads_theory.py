"""What the optics would make of a bead, beside what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Image
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...psf import ImageFacts
from ..kit.form import Choice
from .layer import rendered
from .layer_optics import optics_of
from .optics_box import OpticsBox

Render = Callable[[tuple[int, ...]], NDArray[Any]]
"""Shape of a measured PSF -> what the optics say it should be."""


class Theory(QWidget):
    """A choice of optics, from the image's metadata where they state them.

    Parameters
    ----------
    viewer : napari.Viewer
        Which shows the channel that the optics are of.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from ...psf import PSF

        self.choice = Choice("Compare with")
        self.note = OpticsBox(self.choice, viewer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.choice)
        layout.addWidget(self.note)
        kinds = {name: kind for name, kind in PSF.registry.items() if kind.calibrated}
        self.choice.fill(kinds, {"none": "No theory"}, start="none")

    def set_image(self, layer: Image | None) -> None:
        """Tell which image the beads are in; its metadata may name the microscope."""
        kind = optics_of(layer)[0].kind if layer is not None else ""
        if kind and self.choice.name == "none":
            self.choice.choose(kind)
        self.note.set_image(layer)

    def render(self, ndim: int, image: ImageFacts | None) -> Render | None:
        """What to compare with, or None; a `DeconvError` where fields or voxels do not fit."""
        if self.choice.form is None:
            return None
        spec = self.choice.spec()
        voxels = rendered(spec, ndim, None, image).pixel_size
        return lambda shape: spec(shape, voxels)


def compared(measured: Any, theory: NDArray[Any], size: tuple[float, ...], unit: str) -> str:
    """One line per axis: the width, that of the theory, and their ratio."""
    from ...psf import fwhm

    rows = zip("zyx"[-len(size) :], measured.fwhm_px, fwhm(theory), size, strict=True)
    lines = [
        f"{axis}: FWHM {own * step:.3g} {unit}, theory {ideal * step:.3g}: {own / ideal:.2f} times"
        for axis, own, ideal, step in rows
    ]
    return "\n".join([*lines, "A bead's own size adds to the width measured."])
