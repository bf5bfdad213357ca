"""A combo box over layers that follows the layer list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from .inputs import Combo
from .layers import follow, record


class LayerCombo(Combo):
    """A combo box over the layers that fit; it follows added, removed and renamed layers.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    accepts : callable
        Says whether a layer fits.
    extras : mapping, optional
        Further entries, name -> title, listed before the layers.
    empty : str
        Shown while there is nothing to choose.
    shy : tuple of str
        Kinds of layers of ours that are only chosen by hand. Until something is, the choice moves
        on to layers that are added.
    """

    picked = Signal()

    def __init__(
        self,
        viewer: Any,
        accepts: Callable[[Layer], bool],
        extras: Mapping[str, str] | None = None,
        empty: str = "no image is open",
        shy: tuple[str, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._accepts = viewer, accepts
        self._extras, self._empty = dict(extras or {}), empty
        self._shy, self._by_hand = shy, False
        self._layers: list[Layer] = []
        events = viewer.layers.events
        follow(self, events.inserted, self._on_change)
        follow(self, events.removed, self._on_change)
        follow(self, events.reordered, self._on_change)
        follow(self, events.renamed, self._on_change)
        self.refresh()
        active = viewer.layers.selection.active
        if active in self._layers and not self._is_shy(active):
            self._set(active)
        self.currentIndexChanged.connect(self._tell)
        self.activated.connect(self._on_hand)

    @property
    def layer(self) -> Any:
        """The layer that is chosen, or None."""
        index = self.currentIndex() - len(self._extras)
        return self._layers[index] if 0 <= index < len(self._layers) else None

    @property
    def extra(self) -> str:
        """Name of the extra entry that is chosen, or empty."""
        index = self.currentIndex()
        return list(self._extras)[index] if 0 <= index < len(self._extras) else ""

    def pick(self, choice: Layer | str) -> bool:
        """Choose a layer, or an extra entry by its name."""
        if isinstance(choice, str):
            self.setCurrentIndex(list(self._extras).index(choice))
            return True
        if choice not in self._layers:
            return False
        self._by_hand = True
        self._set(choice)
        return True

    def refresh(self, added: Layer | None = None) -> None:
        """List the layers as they are now; what was chosen by hand stays chosen."""
        before, extra = self.layer, self.extra
        fitting = [x for x in reversed(self._viewer.layers) if self._accepts(x)]
        fitting.sort(key=lambda x: record(x).get("kind") != "psf")
        self.blockSignals(True)
        self.clear()
        self._layers = fitting
        for title in self._extras.values():
            self.addItem(title)
        for layer in self._layers:
            self.addItem(layer.name)
        self.setEnabled(self.count() > 0)
        if extra:
            self.setCurrentIndex(list(self._extras).index(extra))
        elif self._layers:
            kept = before in self._layers and (self._by_hand or added is None)
            self._set(before if kept else self._natural(before))
        elif not self.count():
            self.addItem(self._empty)
        self.setToolTip(self.currentText())
        self.blockSignals(False)
        if self.layer is not before or self.extra != extra:
            self.picked.emit()

    def _set(self, layer: Layer) -> None:
        self.setCurrentIndex(len(self._extras) + self._layers.index(layer))

    def _natural(self, before: Layer | None) -> Layer:
        """The topmost layer that is meant to be chosen; otherwise what was, or any."""
        bold = [x for x in self._layers if not self._is_shy(x)]
        return (bold or ([before] if before in self._layers else self._layers))[0]

    def _is_shy(self, layer: Layer) -> bool:
        return record(layer).get("kind") in self._shy

    def _on_hand(self, _: int) -> None:
        self._by_hand = True

    def _on_change(self, event: Any) -> None:
        self.refresh(event.value if event.type == "inserted" else None)

    def _tell(self, _: int) -> None:
        self.setToolTip(self.currentText())
        self.picked.emit()
