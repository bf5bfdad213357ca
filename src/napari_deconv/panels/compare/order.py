"""A comparison with the settings of its panel, as the worker runs and exports it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from ...core.errors import DeconvError
from ...psf import PreparedPsf
from ..kit import settings
from ..kit.layers import axes_of, pixel_size, pixels

if TYPE_CHECKING:
    from ...comparison.material import Material
    from ...comparison.recipe import Comparison


@dataclass(eq=False)
class CompareOrder:
    """A comparison with the panel's settings at the press of the button.

    The worker only ever assigns: the PSF to the comparison, and the material.

    Parameters
    ----------
    comparison : Comparison
        What to run.
    psf : callable
        Makes the PSF.
    image, truth, repeat : array_like
        The arrays; the last two may be None.
    axes : str
        One letter per axis of them.
    pixel_size : tuple of float
        Of the image's last axes, as many as it has up to three.
    unit : str
        Of those sizes; empty for plain pixels.
    material : Material or None
        What the methods were given; None until it is made.
    """

    comparison: Comparison
    psf: Callable[[], PreparedPsf]
    image: Any
    axes: str
    truth: Any = None
    repeat: Any = None
    pixel_size: tuple[float, ...] = ()
    unit: str = ""
    material: Material | None = None

    def run(self, cancel: threading.Event) -> Generator[Any, None, Any]:
        """Make the PSF and compare; returns the outcome."""
        from ...comparison.material import Material
        from ...comparison.run import compare

        prepared = self.psf()
        kernel, record = prepared.single(), prepared.record
        sizes = self.pixel_size[-kernel.ndim :]
        self.material = Material(
            image=self.image,
            axes=self.axes,
            psf=kernel,
            truth=self.truth,
            repeat=self.repeat,
            pixel_size=self.pixel_size[-1] if self.unit else 0.0,
            unit=self.unit,
            psf_recipe=record,
            spacing=sizes if len(sizes) == kernel.ndim else None,
        )
        chosen = settings.current()
        self.comparison = replace(self.comparison, psf=record)
        return (
            yield from compare(
                self.comparison,
                self.material,
                device=chosen.device,
                precision=chosen.precision,
                memory_bytes=chosen.memory_bytes,
                cancel=cancel,
            )
        )


def order_for(
    layers: Mapping[str, Any], psf: Callable[[], PreparedPsf], **fields: Any
) -> CompareOrder:
    """The order for layers (``image``, ``truth``, ``repeat``) and fields of a `Comparison`.

    Raises
    ------
    DeconvError
        If there is no image.
    """
    from ...comparison.recipe import Comparison

    image = layers["image"]
    if image is None:
        raise DeconvError("No image is chosen.", "Open one: File > Open Sample.")
    named: dict[str, Any] = {key: {} if x is None else _named(x) for key, x in layers.items()}
    arrays = {key: None if x is None else pixels(x) for key, x in layers.items()}
    unit = format(image.units[-1], "~P")
    return CompareOrder(
        comparison=Comparison(**named, **fields),
        psf=psf,
        axes=axes_of(image),
        pixel_size=pixel_size(image, min(image.ndim, 3)),
        unit="" if unit in ("px", "pixel", "") else unit,
        **arrays,
    )


def _named(layer: Image) -> dict[str, Any]:
    """How a recipe names a layer."""
    path = layer.source.path
    entry: dict[str, Any] = {"layer": layer.name, "axes": axes_of(layer)}
    return entry | ({"path": str(path)} if path and np.ndim(path) == 0 else {})
