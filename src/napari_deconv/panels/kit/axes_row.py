"""Which axis of an image is which: taken from its file with a click, or chosen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from napari.layers import Image
from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from .layers import axes_of, named
from .stated import stated

_UNITS = {"µm": "um", "s": "s"}


def set_scale(
    layer: Image, scale: Sequence[float], units: Sequence[object], viewer: Viewer | None
) -> None:
    """Set voxel sizes, and go on showing the same plane of the layer, whole."""
    first = 0 if viewer is None else viewer.dims.ndim - layer.ndim
    here = () if viewer is None else layer.world_to_data(tuple(viewer.dims.point[first:]))
    # The scale is told to others first, while the unit is still that of before.
    layer.scale = np.array(scale)
    layer.units = tuple(units)
    if viewer is not None:
        # Lengths in the world changed: the view would stay where the image was.
        there = np.asarray(layer.data_to_world(here))
        viewer.dims.set_point(range(first, viewer.dims.ndim), there)
        viewer.fit_to_view()


class AxesRow(QWidget):
    """The orders that a layer's axes may have, and a button that takes them from its file.

    Shown for stacks whose axes have no names; what is chosen names them.

    Parameters
    ----------
    viewer : napari.Viewer
        Goes on showing the same plane.
    """

    changed = Signal()
    """The layer's axes got names."""

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Image | None = None
        self._asked: set[int] = set()
        self.combo = QComboBox()
        self.combo.setAccessibleName("Axes")
        self.combo.setToolTip("Which axis is which: time, channels, z; then y and x.")
        self.button = QPushButton("Take from the file")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.button)
        self.combo.activated.connect(self._choose)
        self.button.clicked.connect(self._take)
        self.set_image(None)

    def set_image(self, layer: Image | None) -> bool:
        """Ask about a layer; whether there is something to ask."""
        other, self._layer = layer is not self._layer, layer
        stack = layer is not None and not layer.rgb and 3 <= layer.ndim <= 5
        asks = stack and layer is not None and (not named(layer) or id(layer) in self._asked)
        self.setVisible(asks)
        if not asks or layer is None:
            return False
        self._asked.add(id(layer))
        if other:
            self.combo.clear()
            orders = permutations("tcz" if layer.ndim > 3 else "ztc", layer.ndim - 2)
            self.combo.addItems([", ".join((*order, "y", "x")) for order in orders])
        self.combo.setCurrentText(", ".join(axes_of(layer).lower()))
        header = stated(layer)
        self.button.setVisible(header is not None)
        if header is not None:
            words = [f"{a.lower()} {n:.4g} {header.units.get(a, '')}".rstrip()
                     for a, n in header.pixel_size.items() if a in header.axes]  # fmt: skip
            text = "Axes " + ", ".join(header.axes.lower())
            self.button.setToolTip("; ".join([text, *words]) + ".")
        return True

    def _choose(self) -> None:
        if self._layer is not None:
            self._layer.axis_labels = tuple(self.combo.currentText().split(", "))
            self.changed.emit()

    def _take(self) -> None:
        layer = self._layer
        header = None if layer is None else stated(layer)
        if layer is None or header is None:
            return
        layer.axis_labels = tuple(header.axes.lower())
        sizes = {a: n for a, n in header.pixel_size.items() if header.units.get(a) in _UNITS}
        pairs = list(zip(header.axes, layer.scale, layer.units, strict=True))
        set_scale(
            layer,
            [sizes.get(a, float(size)) for a, size, _ in pairs],
            [_UNITS[header.units[a]] if a in sizes else unit for a, _, unit in pairs],
            self._viewer,
        )
        self.changed.emit()
