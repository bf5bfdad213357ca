"""A line or a rectangle that the person draws through all results, in pixels of an image."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

_KINDS = {"line": ("line", "path"), "rectangle": ("rectangle", "polygon", "ellipse")}


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

    def __init__(
        self, viewer: Any, kind: Literal["line", "rectangle"], name: str, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer, self._kind, self._name = viewer, kind, name
        self.layer: Any = None
        viewer.layers.events.removed.connect(self._on_removed)
        self.destroyed.connect(lambda: self._let_go())

    def make(self, image: Any) -> None:
        """See to it that there is a layer to draw on, over an image."""
        if self.layer is None:
            self.layer = self._viewer.add_shapes(
                name=self._name, ndim=2, edge_color="yellow", face_color="transparent",
                edge_width=2 * float(min(np.abs(image.scale[-2:]))), scale=image.scale[-2:],
                translate=image.translate[-2:], units=image.units[-2:],
            )  # fmt: skip
            self.layer.events.data.connect(self._tell)
        self.layer.visible = True

    def start(self) -> None:
        """Let the person draw: napari leaves a mode when the visible layers change."""
        self._viewer.layers.selection.active = self.layer
        self.layer.mode = f"add_{self._kind}"

    def corners(self, image: Any) -> NDArray[np.float64] | None:
        """Its points ``(N, 2)`` as rows and columns of the image; None while nothing is drawn."""
        if self.layer is None:
            return None
        kinds = [str(kind) for kind in self.layer.shape_type]
        found = [i for i, kind in enumerate(kinds) if kind in _KINDS[self._kind]]
        if not found:
            return None
        return np.array([self._to_pixels(point, image) for point in self.layer.data[found[-1]]])

    def _to_pixels(self, point: Any, image: Any) -> NDArray[np.float64]:
        world = np.asarray(self.layer.data_to_world(point))
        full = np.zeros(max(image.ndim, len(world)))
        full[-len(world) :] = world
        return np.asarray(image.world_to_data(full), dtype=float)[-2:]

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer and self.layer is not None:
            self.layer = None
            self.changed.emit()

    def _let_go(self) -> None:
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        if self.layer is not None:
            self.layer.events.data.disconnect(self._tell)

    def _tell(self, event: Any = None) -> None:
        self.changed.emit()
