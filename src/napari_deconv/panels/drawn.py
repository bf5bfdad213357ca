"""A rectangle or a line that a person draws over the image to say where."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from .layers import follow
from .parts import read_out

_ASK = {
    "rectangle": "Drag a rectangle over a part of the image with edges in all directions.",
    "line": "Drag a line across one straight, strong edge.",
}


class Drawn(QWidget):
    """A button that lets a person draw, a word on what is drawn, and its pixels.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the Shapes layer is made.
    kind : str
        ``"rectangle"`` or ``"line"``; the last one drawn counts.
    name : str
        Of the Shapes layer.
    text : str
        On the button.
    """

    changed = Signal()

    def __init__(
        self,
        viewer: Any,
        kind: Literal["rectangle", "line"],
        name: str,
        text: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.image: Any = None
        self._viewer, self._kind, self._name = viewer, kind, name
        self._layer: Any = None
        self.button = QPushButton(text)
        self.clear = QPushButton("Clear")
        self.clear.setToolTip("Take the whole image again.")
        self.said = read_out()
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, 1)
        buttons.addWidget(self.clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.said)
        self.button.clicked.connect(self.draw)
        self.clear.clicked.connect(self._clear)
        follow(self, viewer.layers.events.removed, self._on_removed)
        self.destroyed.connect(lambda: self._follow(None))
        self._update()

    def draw(self) -> None:
        """Begin to draw, on a Shapes layer over the image."""
        if self._layer is None:
            options: dict[str, Any] = {}
            scale = np.ones(2)
            if self.image is not None:
                scale = np.asarray(self.image.scale[-2:])
                options = {"units": self.image.units[-2:], "translate": self.image.translate[-2:]}
            self._follow(
                self._viewer.add_shapes(
                    name=self._name, ndim=2, edge_color="yellow", face_color="transparent",
                    edge_width=2 * float(np.abs(scale).min()), scale=scale, **options,
                )
            )  # fmt: skip
        self._viewer.layers.selection.active = self._layer
        self._layer.mode = f"add_{self._kind}"
        self.said.setText(_ASK[self._kind])
        self.said.show()

    def corners(self) -> NDArray[np.float64] | None:
        """Corners or ends ``(n, 2)`` in pixels of the image; None where nothing is drawn."""
        layer = self._layer
        if layer is None:
            return None
        kinds = list(layer.shape_type)
        meant = [i for i, kind in enumerate(kinds) if kind == self._kind]
        if not meant:
            return None
        return np.array([self._pixel(point) for point in layer.data[meant[-1]]])

    def _pixel(self, point: Any) -> NDArray[np.float64]:
        if self.image is None:
            return np.asarray(point, dtype=float)[-2:]
        world = np.asarray(self._layer.data_to_world(point))
        full = np.zeros(max(self.image.ndim, len(world)))
        full[-len(world) :] = world
        return np.asarray(self.image.world_to_data(full), dtype=float)[-2:]

    def _follow(self, layer: Any) -> None:
        if self._layer is not None:
            self._layer.events.data.disconnect(self._on_data)
        self._layer = layer
        if layer is not None:
            layer.events.data.connect(self._on_data)

    def _on_data(self, event: Any) -> None:
        if str(getattr(event, "action", "")).endswith("ING"):
            return  # half drawn
        self._update()
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        if event.value is self._layer:
            self._follow(None)
            self._update()
            self.changed.emit()

    def _clear(self) -> None:
        if self._layer is not None:
            self._viewer.layers.remove(self._layer)

    def _update(self) -> None:
        corners = self.corners()
        self.clear.setVisible(corners is not None)
        self.said.setVisible(corners is not None)
        if corners is None:
            return
        down, right = np.ptp(corners, axis=0)
        if self._kind == "line":
            self.said.setText(f"Line: {float(np.hypot(down, right)):.1f} px.")
        else:
            self.said.setText(f"Region: {down:.0f} x {right:.0f} px.")
