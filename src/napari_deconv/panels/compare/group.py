"""The results of a comparison as layers that belong together, side by side in napari's grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer
from napari.utils.events import Event
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ..kit.layers import Placement, add_quietly, follow, record

if TYPE_CHECKING:
    from ...comparison.run import Row

_NAME_PT = 8


class Group:
    """The layers of one comparison, by a common name and a record that says so.

    napari 0.9 has no groups of layers; names, the grid and linked limits make one. A layer that
    is deleted is forgotten, whenever that happens.

    Parameters
    ----------
    owner : QWidget
        The panel.
    viewer : napari.Viewer
        Where the layers are.
    """

    def __init__(self, owner: QWidget, viewer: Viewer) -> None:
        self._viewer = viewer
        self.name = ""
        self.image: Any = None
        self.truth: Any = None
        self.results: dict[int, Any] = {}
        self._arranged = False
        self._before: _View | None = None
        follow(owner, viewer.layers.events.removed, self._on_removed)

    def begin(self, image: Image, truth: Image | None) -> None:
        """A new comparison begins; the layers of older ones stay as they are."""
        taken = {record(layer).get("group") for layer in self._viewer.layers}
        number = next(n for n in range(1, 10_000) if f"C{n}" not in taken)
        self.name = f"C{number}"
        self.image, self.truth, self.results = image, truth, {}
        self._placement = Placement.of(image)
        self._before = _View.of(self._viewer)
        self._path = image.source.path

    def add(self, row: Row) -> None:
        """Show a row's result, with the limits of the image."""
        assert row.data is not None and row.record is not None
        figures = {key: float(value) for key, value in row.figures.items()}
        made_by = replace(
            row.record, kind="result", source=self._placement.name, path=self._path or ""
        )
        record = made_by.to_dict() | {"group": self.name, "figures": figures}
        name = f"{self.name} {row.label}"
        layer = add_quietly(self._viewer, row.data, name, self._placement.options, record)
        self.results[row.number] = layer
        self._link()
        if self._arranged:
            self.side_by_side()

    @property
    def members(self) -> list[Any]:
        """Image, results and truth, as far as they are there."""
        layers = [self.image, *(self.results[n] for n in sorted(self.results)), self.truth]
        return [layer for layer in layers if layer is not None and layer in self._viewer.layers]

    def layers(self, numbers: Iterable[int]) -> list[Any]:
        """The results of these rows that are still there."""
        return [self.results[n] for n in numbers if n in self.results]

    def side_by_side(self, layers: Sequence[Any] | None = None) -> None:
        """Show these layers (by default all members) in the grid, and nothing else."""
        shown = self.members if layers is None else layers
        self.only(shown)
        grid = self._viewer.canvas.grid
        grid.shape, grid.stride = self._shape(shown), 1
        grid.enabled = True
        self._viewer.fit_to_view()

    def _shape(self, layers: Sequence[Any]) -> tuple[int, int]:
        """Rows and columns that leave the pictures largest; napari's own choice is square."""
        if not layers:
            return (-1, -1)
        high, wide = self._viewer.canvas.size
        low, top = layers[0].extent.world[:, -2:]
        tall, broad = np.maximum(top - low, 1e-9)

        def size(columns: int) -> float:
            rows = -(-len(layers) // columns)
            return float(min(wide / columns / broad, high / rows / tall))

        columns = max(range(1, len(layers) + 1), key=size)
        return -(-len(layers) // columns), columns

    def only(self, layers: Sequence[Any]) -> None:
        """Show these layers alone, each with its name; the grid is left."""
        grid = self._viewer.canvas.grid
        self._before = self._before or _View.of(self._viewer)
        self._arranged = True
        if grid.enabled:
            grid.enabled = False
            self._viewer.fit_to_view()
        for layer in self._viewer.layers:
            layer.visible = layer in layers
            layer.name_overlay.visible = layer in layers and isinstance(layer, Image)
            layer.name_overlay.font_size = _NAME_PT

    def back(self) -> None:
        """Show everything as it was before the first comparison: layers, grid and view."""
        before, self._before, self._arranged = self._before, None, False
        if before is not None:
            before.restore(self._viewer)

    def select(self, number: int) -> None:
        """Select a row's layer."""
        layer = self.results.get(number) if number >= 0 else self.image
        if layer is not None:
            self._viewer.layers.selection = {layer}
            self._viewer.layers.selection.active = layer

    def _link(self) -> None:
        """One pair of contrast limits for image and results."""
        linked = [x for x in self.members if not x.rgb and x is not self.truth]
        if len(linked) > 1:
            low, high = linked[0].contrast_limits
            for layer in linked[1:]:
                bounds = layer.contrast_limits_range
                layer.contrast_limits_range = (min(low, bounds[0]), max(high, bounds[1]))
                layer.contrast_limits = (low, high)
            self._viewer.layers.link_layers(linked, ("contrast_limits",))

    def _on_removed(self, event: Event) -> None:
        gone = event.value
        if self._before is not None:
            self._before.layers.pop(gone, None)
        self.results = {n: layer for n, layer in self.results.items() if layer is not gone}
        self.image = None if gone is self.image else self.image
        self.truth = None if gone is self.truth else self.truth


@dataclass(frozen=True, eq=False)
class _View:
    """What a viewer shows and how.

    Parameters
    ----------
    layers : dict
        Layer -> whether it is visible, whether its name is, and how large that is.
    grid : tuple
        Whether the grid is on, its shape and its stride.
    camera : dict
        The state of the camera.
    """

    layers: dict[Any, tuple[bool, bool, float]]
    grid: tuple[bool, tuple[int, int], float]
    camera: dict[str, Any]

    @classmethod
    def of(cls, viewer: Viewer) -> _View:
        """Remove the key from a viewer."""
        grid = viewer.canvas.grid
        return cls(
            {x: (x.visible, x.name_overlay.visible, x.name_overlay.font_size)
             for x in viewer.layers},
            (grid.enabled, grid.shape, grid.stride),
            {key: getattr(viewer.scene.camera, key) for key in ("center", "zoom", "angles")},
        )  # fmt: skip

    def restore(self, viewer: Viewer) -> None:
        """Show it again; of layers that came since, those of this package are hidden."""
        grid = viewer.canvas.grid
        grid.enabled, grid.shape, grid.stride = self.grid
        for layer in viewer.layers:
            entry = record(layer)
            if layer in self.layers:
                shown, named, size = self.layers[layer]
                layer.visible, layer.name_overlay.visible = shown, named
                layer.name_overlay.font_size = size
            elif entry.get("group") or entry.get("kind") == "preview":
                layer.visible = layer.name_overlay.visible = False
        for key, value in self.camera.items():
            setattr(viewer.scene.camera, key, value)


def held(layer: Layer) -> np.ndarray | None:
    """The layer's pixels if they lie in memory; a lazy array is not computed for a view."""
    return layer.data if isinstance(layer.data, np.ndarray) else None


def add_view(viewer: Viewer, data: NDArray[Any], name: str, like: Image, **look: object) -> Any:
    """Add a layer that only shows: it lies as ``like`` does and is not an image to restore."""
    options = Placement.of(like).options | look
    if not options["rgb"]:
        options |= {"colormap": look.get("colormap", options.get("colormap", "gray"))}
    for key in ("colormap", "contrast_limits", "gamma"):
        if options["rgb"]:
            options.pop(key, None)
    return add_quietly(viewer, data, name, options, {"kind": "preview", "view": name})
