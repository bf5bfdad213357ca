"""A line drawn over a streak in the image sets length and angle of a motion PSF."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Shapes
from napari.utils.events import Event
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit.parts import read_out

_NAME = "Motion line"


class LineTool(QWidget):
    """A button that takes the drawn line, or lets the person draw one and then follows it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the Shapes layer is looked for or made.
    """

    drawn = Signal(object)
    """A `psf.Motion` made from the line."""

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image: Any = None
        self._viewer = viewer
        self._followed: Any = None
        self.button = QPushButton("Draw or take a line")
        self.button.setToolTip(
            "Take the line of a Shapes layer; without one, draw it along a streak in the image."
        )
        self.button.clicked.connect(self.take)
        self.readout = read_out()
        self.readout.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(self.readout)
        self.destroyed.connect(lambda: self._follow(None))

    def take(self) -> None:
        """Take the line that is there, or begin to draw one."""
        layer = self._shapes()
        if layer is None:
            scale = self.image.scale[-2:] if self.image is not None else (1, 1)
            options = {}
            if self.image is not None:
                options = {"units": self.image.units[-2:], "translate": self.image.translate[-2:]}
            layer = self._viewer.add_shapes(
                name=_NAME, ndim=2, edge_color="yellow", edge_width=2 * float(min(np.abs(scale))),
                scale=scale, **options,
            )  # fmt: skip
        self._follow(layer)
        if _line_of(layer) is None:
            self._viewer.layers.selection.active = layer
            layer.mode = "add_line"
            self._say("Drag a line along a streak in the image; length and angle follow it.")
            return
        self._update()

    def _shapes(self) -> Any:
        """The Shapes layer meant: the selected one, else the topmost that holds a line."""
        active = self._viewer.layers.selection.active
        if isinstance(active, Shapes):
            return active
        layers = [x for x in reversed(self._viewer.layers) if isinstance(x, Shapes)]
        with_line = [x for x in layers if _line_of(x) is not None]
        named = [x for x in layers if x.name == _NAME]
        return (with_line or named or [None])[0]

    def _follow(self, layer: Shapes | None) -> None:
        if self._followed is not None:
            self._followed.events.data.disconnect(self._update)
        self._followed = layer
        if layer is not None:
            layer.events.data.connect(self._update)

    def _update(self, event: Event | None = None) -> None:
        from ...psf import line_to_motion

        ends = _line_of(self._followed)
        if ends is None:
            return
        try:
            motion = line_to_motion(*(self._to_pixels(point) for point in ends))
        except DeconvError as error:
            self._say(str(error))
            return
        self._say(f"Line: {motion.length_px:.1f} px at {motion.angle_deg:.1f}°.")
        self.drawn.emit(motion)

    def _to_pixels(self, point: NDArray[np.float64]) -> Any:
        if self.image is None:
            return np.asarray(point)[-2:]
        world = np.asarray(self._followed.data_to_world(point))
        full = np.zeros(max(self.image.ndim, len(world)))
        full[-len(world) :] = world
        return np.asarray(self.image.world_to_data(full))[-2:]

    def _say(self, text: str) -> None:
        self.readout.setText(text)
        self.readout.show()


def _line_of(layer: Shapes) -> Any:
    """Both ends of the line that is meant: the selected one, else the last one drawn."""
    kinds = list(layer.shape_type)
    chosen = sorted(layer.selected_data) or range(len(kinds))
    lines = [i for i in chosen if kinds[i] in ("line", "path")]
    if not lines:
        lines = [i for i, kind in enumerate(kinds) if kind in ("line", "path")]
    return (layer.data[lines[-1]][0], layer.data[lines[-1]][-1]) if lines else None
