"""A rectangle or a line that a person draws over the image, in pixels of that image."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from napari.layers import Image
from napari.utils.events import Event
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from .parts import read_out

Kind = Literal["rectangle", "line"]

_KINDS = {"line": ("line", "path"), "rectangle": ("rectangle", "polygon", "ellipse")}
_ASK = {
    "rectangle": "Drag a rectangle over a part of the image with edges in all directions.",
    "line": "Drag a line across one straight, strong edge.",
}


class Probe(QObject):
    """Follows the last line or rectangle of a Shapes layer of its own, also while it is dragged.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layer is made.
    kind : str
        ``"line"`` or ``"rectangle"``.
    name : str
        What the layer is called.
    parent : QObject
        Its owner.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer, kind: Kind, name: str, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._kind, self._name = viewer, kind, name
        self.layer: Any = None
        viewer.layers.events.removed.connect(self._on_removed)
        self.destroyed.connect(lambda: self._let_go())

    def make(self, image: Image) -> None:
        """See to it that there is a layer to draw on, over an image if there is one."""
        if self.layer is None:
            scale, lies = np.ones(2), {}
            if image is not None:
                scale = np.asarray(image.scale[-2:])
                lies = {"translate": image.translate[-2:], "units": image.units[-2:]}
            self.layer = self._viewer.add_shapes(
                name=self._name, ndim=2, edge_color="yellow", face_color="transparent",
                edge_width=2 * float(np.abs(scale).min()), scale=scale, **lies,
            )  # fmt: skip
            self.layer.events.data.connect(self._tell)
        self.layer.visible = True

    def start(self) -> None:
        """Let the person draw: napari leaves a mode when the visible layers change."""
        self._viewer.layers.selection.active = self.layer
        self.layer.mode = f"add_{self._kind}"

    def corners(self, image: Image) -> NDArray[np.float64] | None:
        """Its points ``(N, 2)`` as rows and columns of the image; None while nothing is drawn."""
        if self.layer is None:
            return None
        kinds = [str(kind) for kind in self.layer.shape_type]
        places = [i for i, kind in enumerate(kinds) if kind in _KINDS[self._kind]]
        if not places:
            return None
        return np.array([self._to_pixels(point, image) for point in self.layer.data[places[-1]]])

    def remove(self) -> None:
        """Take the layer away, and what is drawn on it."""
        if self.layer is not None:
            self._viewer.layers.remove(self.layer)

    def _to_pixels(self, point: NDArray[np.float64], image: Image) -> NDArray[np.float64]:
        if image is None:
            return np.asarray(point, dtype=float)[-2:]
        world = np.asarray(self.layer.data_to_world(point))
        full = np.zeros(max(image.ndim, len(world)))
        full[-len(world) :] = world
        return np.asarray(image.world_to_data(full), dtype=float)[-2:]

    def _on_removed(self, event: Event) -> None:
        if event.value is self.layer and self.layer is not None:
            self.layer = None
            self.changed.emit()

    def _let_go(self) -> None:
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        if self.layer is not None:
            self.layer.events.data.disconnect(self._tell)

    def _tell(self, event: Event | None = None) -> None:
        self.changed.emit()


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
        self, viewer: Viewer, kind: Kind, name: str, text: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.image: Any = None
        self._kind = kind
        self._probe = Probe(viewer, kind, name, self)
        self.button = QPushButton(text)
        self.clear = QPushButton("Clear")
        self.clear.setToolTip("Take the whole image again.")
        self.readout = read_out()
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, 1)
        buttons.addWidget(self.clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.readout)
        self.button.clicked.connect(self.draw)
        self.clear.clicked.connect(self._probe.remove)
        self._probe.changed.connect(self._on_change)
        self._update()

    def draw(self) -> None:
        """Begin to draw, on a Shapes layer over the image."""
        self._probe.make(self.image)
        self._probe.start()
        self.readout.setText(_ASK[self._kind])
        self.readout.show()

    def corners(self) -> NDArray[np.float64] | None:
        """Corners or both ends ``(n, 2)`` in pixels of the image; None where nothing is drawn."""
        places = self._probe.corners(self.image)
        return places[[0, -1]] if places is not None and self._kind == "line" else places

    def _on_change(self) -> None:
        self._update()
        self.changed.emit()

    def _update(self) -> None:
        corners = self.corners()
        self.clear.setVisible(corners is not None)
        self.readout.setVisible(corners is not None)
        if corners is None:
            return
        down, right = np.ptp(corners, axis=0)
        if self._kind == "line":
            self.readout.setText(f"Line: {float(np.hypot(down, right)):.1f} px.")
        else:
            self.readout.setText(f"Region: {down:.0f} x {right:.0f} px.")
