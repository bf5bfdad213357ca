"""What is to be trained, taken from the panel and made ready in the worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.viewer import Viewer
from numpy.typing import NDArray

from ...core.errors import DeconvError
from ...degradation.sharp_folder import sharp_folder
from ...psf import PreparedPsf
from ..kit.layers import axes_of, is_image, pixels, planes, record

SOURCES = {
    "photos": "Built-in photos",
    "leaves": "Built-in generated scenes",
    "fluorescence": "Built-in generated fluorescence",
    "layers": "Open layers (selected)",
    "folder": "A folder",
}


@dataclass(frozen=True, eq=False)
class TrainingOrder:
    """Everything a training needs.

    Parameters
    ----------
    method : Method
        The network, configured.
    psf : callable
        Returns the `Prepared` PSF.
    camera : Chain
        The degradation.
    start : str
        Weights to begin from.
    images : callable
        Returns the sharp planes and what they are.
    name : str
        Of the weights to be; empty makes one up.
    minutes : float
        Time budget.
    """

    method: Any
    psf: Callable[[], PreparedPsf]
    camera: Any
    start: str
    images: Callable[[], tuple[list[Any], str]]
    name: str
    minutes: float

    def make(self) -> Any:
        """The `Project`; called in the worker."""
        from ...train.library import unused
        from ...train.personal import name_for, recipe_for
        from ...train.project import check, create

        check(self.name or unused("new"), self.minutes)  # before what takes time
        prepared = self.psf()
        images, what = self.images()
        recipe = recipe_for(self.method, prepared.single(), self.camera, self.start, what)
        name = self.name or name_for(self.method, prepared.record)
        return create(name, recipe, images, self.minutes)


@dataclass(frozen=True, eq=False)
class StackOrder:
    """Everything a training for the microscope and camera of a stack needs.

    Parameters
    ----------
    method, psf, start, name, minutes
        As of `TrainingOrder`.
    stack : ndarray
        One channel of one frame.
    title : str
        Of the stack.
    spacing : tuple of float
        Its voxel size, ``(z, y, x)``.
    """

    method: Any
    psf: Callable[[], PreparedPsf]
    start: str
    stack: NDArray[Any]
    title: str
    spacing: tuple[float, ...]
    name: str
    minutes: float

    def make(self) -> Any:
        """The `Project`; called in the worker."""
        import numpy as np

        from ...train.library import unused
        from ...train.personal import name_for
        from ...train.project import check, create_for_stack
        from ...train.stacks.own import recipe_for_stack

        check(self.name or unused("new"), self.minutes)  # before what takes time
        prepared = self.psf()
        psf, stack = prepared.single(), np.asarray(self.stack)
        recipe = recipe_for_stack(self.method, stack, psf, self.start, self.title)
        name = self.name or name_for(self.method, prepared.record)
        return create_for_stack(name, recipe, psf, self.spacing, self.minutes)


def is_stack(layer: Layer) -> bool:
    """Whether a layer can be a microscope's stack as it was recorded."""
    recorded = is_image(layer) and record(layer).get("kind") not in ("result", "truth", "psf")
    return recorded and not layer.rgb and planes(layer) > 1


def sharp_images(source: str, viewer: Viewer, folder: str) -> Callable[[], tuple[list[Any], str]]:
    """How to get the sharp images; layers are taken down now, read later.

    Raises
    ------
    DeconvError
        If there are none.
    """
    from ...train import sharp as made

    if source == "photos":
        return lambda: (made.photos(), "the photos of scikit-image")
    if source == "leaves":
        return lambda: (made.leaves(), "generated dead leaves")
    if source == "fluorescence":
        return lambda: (made.fluorescence(), "generated fluorescence")
    if source == "folder":
        sharp = sharp_folder(Path(folder)) if folder else None
        return lambda: (from_folder(sharp), f"images of {sharp}")
    chosen = [x for x in viewer.layers.selection if is_image(x)]
    if not chosen:
        raise DeconvError(
            "No image layer is selected.", "Select sharp images in the layer list (Ctrl-click)."
        )
    for layer in chosen:
        if record(layer).get("kind") == "degraded":
            raise DeconvError(f"{layer.name!r} is blurred.", "Select sharp images only.")
    data = [(pixels(x), axes_of(x)) for x in chosen]
    names = ", ".join(x.name for x in chosen)
    return lambda: ([p for d, axes in data for p in made.planes(d, axes)], f"layers {names}")


def from_folder(folder: Path | None) -> list[Any]:
    """The images of a folder; what cannot be read is left out."""
    from ...train.images import read_gray

    if folder is None:
        raise DeconvError("No folder is chosen.", "Choose a folder of sharp images.")
    return read_gray(folder, 32, 1)[0]


def measured_noise(data: NDArray[Any], axes: str) -> float:
    """Noise of an image as a share of the scale that the engine gives it."""
    from ...engine.axes import parse_axes
    from ...engine.intensity import survey
    from ...engine.readings import image_noise

    scale = survey(data, parse_axes(tuple(data.shape), axes, 2))[0].scale
    return image_noise(data, axes).level / scale
