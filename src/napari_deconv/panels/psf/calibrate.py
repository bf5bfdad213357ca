"""Fields for the voxel size of an image that does not state it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image
from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit.axes_row import set_scale
from ..kit.layers import axes_of
from ..kit.parts import read_out
from ..kit.stated import stated


class Calibration(QWidget):
    """A line to type voxel sizes into, and a button that sets them on the layer.

    Only what the layer's file states is filled in: a guess would look like a measurement.

    Parameters
    ----------
    viewer : napari.Viewer, optional
        Goes on showing the same plane of the layer, whole.
    """

    remark = Signal(str)
    """What is wrong with what was typed."""

    def __init__(self, viewer: Viewer | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Any = None
        self.readout, self.sizes = read_out(), QLineEdit()
        self.button = QPushButton("Set")
        self.button.setToolTip("Set scale and units of the layer.")
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.sizes)
        row.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.readout)
        layout.addLayout(row)
        self.button.clicked.connect(self._set)
        self.sizes.returnPressed.connect(self._set)
        self.offer(None)

    def offer(self, layer: Image | None) -> None:
        """Ask for a layer's voxel sizes; None hides the question."""
        self._layer = layer
        self.setVisible(layer is not None)
        if layer is not None:
            axes = ", ".join(a.lower() for a in axes_of(layer) if a in "ZYX")
            sizes = _by_file(layer, axes)
            whence = f", as {Path(layer.source.path).name} says" if sizes else ""
            self.readout.setText(f"Voxel size of “{layer.name}” in µm, {axes}{whence}:")
            self.sizes.setPlaceholderText("0.3, 0.1, 0.1" if axes.startswith("z") else "0.1, 0.1")
            self.sizes.setText(sizes)

    def _set(self) -> None:
        layer = self._layer
        if layer is None:
            return
        axes = axes_of(layer)[: layer.ndim]
        try:
            sizes = typed_voxel(self.sizes.text(), sum(a in "ZYX" for a in axes))
        except DeconvError as error:
            self.remark.emit(str(error))
            return
        own = iter(sizes)
        scale = [next(own) if a in "ZYX" else s for a, s in zip(axes, layer.scale, strict=True)]
        units = ["um" if a in "ZYX" else u for a, u in zip(axes, layer.units, strict=True)]
        self.sizes.clear()
        set_scale(layer, scale, units, self._viewer)


def _by_file(layer: Image, axes: str) -> str:
    """The sizes that the layer's file states along these axes; empty unless it states all."""
    header = stated(layer)
    letters = axes.upper().split(", ")
    if header is None or any(header.units.get(a) != "µm" for a in letters):
        return ""
    return ", ".join(f"{header.pixel_size[a]:.6g}" for a in letters)


def typed_voxel(text: str, ndim: int) -> list[float]:
    """Voxel sizes as typed, or a `DeconvError`."""
    try:
        sizes = [float(part) for part in text.replace(";", ",").split(",")]
    except ValueError:
        sizes = []
    if len(sizes) != ndim or not all(0 < size < np.inf for size in sizes):
        names = ", ".join("zyx"[-ndim:])
        raise DeconvError(
            f"Voxel size = {text!r} is not {ndim} positive numbers.", f"Type {names} in µm."
        )
    return sizes
