"""Ways to look at the results: the grid, the curtain, and maps of differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from napari.viewer import Viewer
from qtpy.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit.parts import small
from .group import Group, add_view, held
from .wipe import Curtain

_BAR_PT = 7
_DIVERGING = np.array(
    [[0.09, 0.31, 0.75, 1], [0.55, 0.72, 0.95, 1], [0.97, 0.97, 0.97, 1], [0.96, 0.65, 0.5, 1],
     [0.75, 0.1, 0.13, 1]]
)  # fmt: skip


class Views(QWidget):
    """Buttons that arrange the layers of a group.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    group : Group
        The layers.
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
        self.curtain = Curtain(viewer, group, say)
        tips = {
            "grid": ("Side by side", "Image, results and truth in the grid; they move together."),
            "back": ("As before", "Leave the grid, and show the layers that were shown before."),
            "truth": ("Minus truth", "A map of each result minus the truth: red is too bright."),
            "between": ("A minus B", "A map of the difference between the two chosen above."),
        }
        self.buttons = {key: small(text, tip) for key, (text, tip) in tips.items()}
        top, bottom = QGridLayout(), QGridLayout()
        for i, key in enumerate(("grid", "back")):
            top.addWidget(self.buttons[key], 0, i)
        for i, key in enumerate(("truth", "between")):
            bottom.addWidget(self.buttons[key], 0, i)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.curtain)
        layout.addLayout(bottom)
        self.buttons["grid"].clicked.connect(self._on_grid)
        self.buttons["back"].clicked.connect(group.back)
        self.buttons["truth"].clicked.connect(lambda: self._try(self._from_truth))
        self.buttons["between"].clicked.connect(lambda: self._try(self._between))

    def offer(self) -> None:
        """Follow the group: its members are what can be chosen."""
        self.curtain.offer()

    def _on_grid(self) -> None:
        if len(self._group.members) < 2:
            self._say("There is nothing to show side by side. Run a comparison first.")
            return
        self._say("")
        self._group.side_by_side()

    def _from_truth(self) -> None:
        truth = self._group.truth
        results = self._group.layers(sorted(self._group.results))
        if truth is None or not results:
            raise DeconvError(
                "There is no truth, or no result to subtract it from.",
                "Choose a truth layer and run the comparison.",
            )
        self._show([(layer, truth, f"{layer.name} - truth") for layer in results])

    def _between(self) -> None:
        a, b = self.curtain.pair()
        if a is b:
            raise DeconvError(f"A and B are both {a.name!r}.", "Choose two layers.")
        self._show([(a, b, f"{a.name} - {b.name}")])

    def _show(self, pairs: Sequence[tuple[Any, Any, str]]) -> None:
        """Maps with one diverging scale, symmetric about 0."""
        from napari.utils.colormaps import Colormap

        from ...comparison.views import difference, span

        if any(held(layer) is None for pair in pairs for layer in pair[:2]):
            raise DeconvError("A layer is not in memory.", "Crop it, or compute it first.")
        maps = [difference(a.data, b.data, a.rgb) for a, b, _ in pairs]
        reach = span(maps)
        colours = Colormap(_DIVERGING, name="difference", display_name="difference")
        look = {"rgb": False, "colormap": colours, "contrast_limits": (-reach, reach)}
        look |= {"blending": "translucent", "gamma": 1.0}
        shown = [
            add_view(self._viewer, data, name, a, **look)
            for data, (a, _, name) in zip(maps, pairs, strict=True)
        ]
        if len(shown) > 1:
            self._viewer.layers.link_layers(shown, ("contrast_limits",))
        self._say("")
        self._group.side_by_side(shown)
        for layer in shown:
            layer.colorbar.visible = True
            layer.colorbar.position = "bottom_right"
            layer.colorbar.font_size = _BAR_PT

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except DeconvError as error:
            self._say(str(error))
