"""A profile along a drawn line, and a drawn rectangle enlarged, through all results at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit.drawn import Probe
from ..kit.layers import axes_of, follow
from ..kit.parts import Delay, read_out, reveal, small
from ..kit.plot import Curve, Plot
from .group import Group

_COLUMNS = 2
_INSET_PX = 100


class Probes(QWidget):
    """Buttons to draw with, the plot, and the enlarged parts.

    Parameters
    ----------
    viewer : napari.Viewer
        Where is drawn.
    group : Group
        Whose members are looked at.
    say : callable
        Told what is wrong, in words.
    """

    def __init__(
        self,
        viewer: Viewer,
        group: Group,
        say: Callable[[str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._group, self._say = viewer, group, say
        self.line = Probe(viewer, "line", "Comparison line", self)
        self.rectangle = Probe(viewer, "rectangle", "Comparison rectangle", self)
        self.draw_line = small("Line", "Draw a line: plots what all results show along it.")
        self.draw_box = small(
            "Rectangle", "Draw a rectangle: enlarges it in all results, and in the figure."
        )
        self.plot = Plot("Profiles along the line")
        self.insets = QWidget()
        self._grid = QGridLayout(self.insets)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(3)
        self.insets.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(3)
        for button in (self.draw_line, self.draw_box):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.plot)
        layout.addWidget(self.insets)
        self._later = Delay(self, 60, self.refresh)
        self._fresh: QWidget = self.plot
        # The layout settles first.
        self._reveal = Delay(self, 0, lambda: reveal(self._fresh))
        self.draw_line.clicked.connect(lambda: self._draw(self.line))
        self.draw_box.clicked.connect(lambda: self._draw(self.rectangle))
        for drawn in (self.line, self.rectangle):
            drawn.changed.connect(self._later.start)
        follow(self, viewer.dims.events.point, lambda event: self._later.start())

    def follow(self) -> None:
        """Results came: plot and enlarge anew soon."""
        self._later.start()

    def refresh(self) -> None:
        """Plot and enlarge anew what is drawn now."""
        try:
            self._profiles()
            self._insets()
        except DeconvError as error:
            self._say(str(error))

    def corners(self) -> tuple[float, ...]:
        """The rectangle drawn, ``(top, left, bottom, right)`` in pixels; empty without one."""
        from ...comparison.views import rectangle

        image = self._anchor()
        drawn = None if image is None else self.rectangle.corners(image)
        if drawn is None:
            return ()
        try:
            return rectangle(drawn, _size(image))[1]
        except DeconvError:
            return ()

    def _draw(self, drawn: Probe) -> None:
        image = self._anchor()
        if image is None:
            self._say("There is nothing to draw on. Run a comparison first.")
            return
        kind, canvas = "line" if drawn is self.line else "rectangle", self._canvas()
        drawn.make(image)
        # In the grid shapes would stand in a cell of their own.
        self._group.only([canvas, *(x.layer for x in (self.line, self.rectangle))])
        drawn.start()
        self._say(f"Drag a {kind} over the image. It can be moved later.")

    def _anchor(self) -> Any:
        members = self._group.members
        return members[0] if members else None

    def _canvas(self) -> Any:
        """What to draw on: the member that is selected, else the last result."""
        active, members = self._viewer.layers.selection.active, self._group.members
        results = self._group.layers(sorted(self._group.results))
        return active if active in members else (results or members)[-1]

    def _planes(self) -> list[tuple[Any, NDArray[Any]]]:
        """Every member's plane that is being shown."""
        from ...comparison.views import plane_of

        planes = []
        for layer in self._group.members:
            at = layer.world_to_data(self._viewer.dims.point[-layer.ndim :])
            at = [*np.rint(at).astype(int), 0]
            planes.append((layer, plane_of(layer.data, axes_of(layer), at)))
        return planes

    def _profiles(self) -> None:
        from ...comparison.views import profile

        image = self._anchor()
        ends = None if image is None else self.line.corners(image)
        if ends is None:
            self.plot.show_curves([], "", "")
            return
        curves = []
        for layer, plane in self._planes():
            grey = plane[..., :3] if layer.rgb else plane
            along, values = profile(grey, ends[0], ends[-1])
            curves.append(Curve(_short(layer.name), along.tolist(), values.tolist()))
        self._say("")
        hidden = self.plot.isHidden()
        self.plot.show_curves(curves, "pixels along the line", "intensity")
        self._bring(self.plot, hidden)

    def _insets(self) -> None:
        from ...comparison.views import rectangle, unit

        for i in reversed(range(self._grid.count())):
            old = self._grid.takeAt(i).widget()
            old.hide()
            old.deleteLater()
        image = self._anchor()
        drawn = None if image is None else self.rectangle.corners(image)
        hidden = self.insets.isHidden()
        self.insets.setVisible(drawn is not None)
        if drawn is None:
            return
        index, _ = rectangle(drawn, _size(image))
        for i, (layer, plane) in enumerate(self._planes()):
            low, high = (0, 255) if layer.rgb else layer.contrast_limits
            if layer.rgb and plane.dtype.kind == "f":
                high = 1
            part = unit(plane[index][..., :3] if layer.rgb else plane[index], low, high)
            row, column = divmod(i, _COLUMNS)
            self._grid.addWidget(_picture(part), 2 * row, column)
            name = read_out(_short(layer.name))
            name.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._grid.addWidget(name, 2 * row + 1, column)
        self._say("")
        self._bring(self.insets, hidden)

    def _bring(self, part: QWidget, hidden: bool) -> None:
        """Scroll to a part that was hidden until now."""
        if hidden:
            self._fresh = part
            self._reveal.start()


def _size(image: Layer) -> tuple[int, int]:
    shape = image.data.shape[-3:-1] if image.rgb else image.data.shape[-2:]
    return int(shape[0]), int(shape[1])


def _short(name: str) -> str:
    """A layer's name without the group's."""
    return re.sub(r"^C\d+ ", "", name)


def _picture(part: NDArray[np.float32]) -> QLabel:
    """A part of an image with its pixels as squares."""
    grey = np.repeat(part[..., None], 3, axis=-1) if part.ndim == 2 else part
    pixels = np.ascontiguousarray(np.rint(255 * grey).astype(np.uint8))
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    label = QLabel()
    label.setPixmap(
        QPixmap.fromImage(image).scaled(
            _INSET_PX, _INSET_PX, Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.FastTransformation,
        )
    )  # fmt: skip
    label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return label
