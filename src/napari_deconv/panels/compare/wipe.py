"""Two layers in one: a curtain that is drawn over, and flicker between them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.viewer import Viewer
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit.inputs import Combo, guard_fields
from ..kit.layers import KEY
from ..kit.parts import rows, small
from .group import Group, add_view, held

_NAME = "Curtain"
_EDGE = "Curtain edge"
_THIN = 300
"""So many times the edge is thinner than the image is large."""
_KEY = "Shift-F"
_FLICKER_MS = 500
_MOST = 2**29


class Curtain(QWidget):
    """A composite layer of two members: left of the edge the one, right of it the other.

    napari's clipping planes work in 3-D only, so that one layer is put together from two. Moving
    the edge copies the columns that change and nothing else.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is shown.
    group : Group
        Whose members can be chosen.
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
        self.left, self.right = Combo(), Combo()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Edge of the curtain")
        self.slider.setToolTip("Left of the edge stands A, right of it B.")
        self.show_button = small("Curtain", "Show A and B in one layer with a movable edge.")
        self.flick_button = small("Flicker", f"Swap A and B; {_KEY} does the same.")
        self.automatic = QCheckBox("auto")
        self.automatic.setToolTip("Swap twice a second.")
        self.layer: Any = None
        self.edge: Any = None
        self._pair: tuple[Any, Any] | None = None
        self._cut = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_FLICKER_MS)
        self._build()
        self._connect()
        self.hide()

    def offer(self) -> None:
        """List the members as they are now."""
        names = [layer.name for layer in self._group.members]
        for combo, start in ((self.left, 0), (self.right, min(1, len(names) - 1))):
            before = combo.currentText()
            combo.blockSignals(True)
            combo.clear()
            combo.addItems(names)
            index = combo.findText(before)
            combo.setCurrentIndex(index if index >= 0 else start)
            combo.blockSignals(False)
        self.setVisible(len(names) > 1)  # empty boxes would puzzle whoever opens the panel

    def pair(self) -> tuple[Any, Any]:
        """The two layers chosen; a `DeconvError` if they cannot be put together."""
        by_name = {layer.name: layer for layer in self._group.members}
        names = [combo.currentText() for combo in (self.left, self.right)]
        two = [by_name[name] for name in names if name in by_name]
        if len(two) < 2:
            raise DeconvError("There are no two results to show.", "Run a comparison first.")
        shapes = [layer.data.shape for layer in two]
        if shapes[0] != shapes[1]:
            raise DeconvError(f"A is {shapes[0]}, B is {shapes[1]}.", "Choose two of one shape.")
        if any(held(layer) is None for layer in two) or two[0].data.size > _MOST:
            raise DeconvError(
                "A or B is not in memory, or too large to be shown twice.", "Crop it first."
            )
        return two[0], two[1]

    def open(self) -> bool:
        """Show the curtain over the two that are chosen; whether that worked."""
        try:
            pair = self.pair()
        except DeconvError as error:
            self._say(str(error))
            return False
        a, b = pair
        if self._pair is None or self._pair[0] is not a or self._pair[1] is not b or not self._on:
            self._pair = pair
            self._width = a.data.shape[self._axis]
            self.slider.blockSignals(True)
            self.slider.setRange(0, self._width)
            self.slider.setValue(self._width // 2)
            self.slider.blockSignals(False)
            self._put(a, b)
        self._group.only([self.layer, self.edge])
        self.layer.name = f"{_NAME}: {a.name} | {b.name}"
        self._say("")
        return True

    def move(self, cut: int) -> None:
        """Put the edge at a column."""
        from ...comparison.views import wipe

        if not self._on or self._pair is None:
            return
        a, b = self._pair
        wipe(self.layer.data, a.data, b.data, cut, self._cut, self._axis)
        self._cut = cut
        self.layer.refresh(thumbnail=False, extent=False, highlight=False)
        self._draw_edge()

    def flick(self, *_: object) -> None:
        """Show all of A, or all of B if A is shown."""
        if not self._on and not self.open():
            self.automatic.setChecked(False)
            return
        self.slider.setValue(0 if self.slider.value() > self._width // 2 else self._width)

    def close_view(self, *_: object) -> None:
        """Unbind the key; safe while the viewer closes."""
        self._timer.stop()
        with suppress(Exception):
            self._viewer.bind_key(_KEY, None)

    @property
    def _axis(self) -> int:
        assert self._pair is not None
        return -2 if self._pair[0].rgb else -1

    @property
    def _on(self) -> bool:
        return self.layer is not None and self.layer in self._viewer.layers

    def _put(self, a: Layer, b: Layer) -> None:
        data = np.empty_like(a.data, dtype=np.result_type(a.data, b.data))
        data[...] = b.data
        self._cut = 0
        if self._on:
            # Hidden, not removed: see Live.switch.
            self.layer.visible = False
        look = {} if a.rgb else {"contrast_limits": tuple(a.contrast_limits)}
        self.layer = add_view(self._viewer, data, _NAME, a, **look)
        self.move(self._width // 2)

    def _draw_edge(self) -> None:
        """A line where A meets B: where they are alike, nothing else tells."""
        assert self._pair is not None
        a = self._pair[0]
        height = a.data.shape[self._axis - 1]
        # Pixels reach half a pixel beyond their centres.
        line = np.array([[-0.5, self._cut - 0.5], [height - 0.5, self._cut - 0.5]])
        if self.edge is None or self.edge not in self._viewer.layers:
            scale = np.asarray(a.scale[-2:])
            selected = set(self._viewer.layers.selection)
            self.edge = self._viewer.add_shapes(
                [line], shape_type="line", name=_EDGE, ndim=2, edge_color="yellow",
                edge_width=max(height, self._width) / _THIN, scale=scale,
                translate=a.translate[-2:], units=a.units[-2:],
                metadata={KEY: {"kind": "preview"}},
            )  # fmt: skip
            self._viewer.layers.selection = selected
        else:
            self.edge.data = [line]

    def _build(self) -> None:
        form = rows()
        form.addRow("A", self.left)
        form.addRow("B", self.right)
        buttons = QHBoxLayout()
        buttons.setSpacing(3)
        for part in (self.show_button, self.flick_button, self.automatic):
            buttons.addWidget(part)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addWidget(self.slider)
        guard_fields(self)

    def _connect(self) -> None:
        self.show_button.clicked.connect(lambda: self.open())
        self.flick_button.clicked.connect(self.flick)
        self.slider.valueChanged.connect(self.move)
        self._timer.timeout.connect(self.flick)
        self.automatic.toggled.connect(lambda on: self._timer.start() if on else self._timer.stop())
        for combo in (self.left, self.right):
            combo.activated.connect(lambda _: self.open() if self._on else None)
        self._viewer.bind_key(_KEY, lambda viewer: self.flick(), overwrite=True)
