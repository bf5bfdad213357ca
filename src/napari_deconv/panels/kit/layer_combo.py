"""A combo box over layers that follows the layer list."""

from __future__ import annotations

from collections.abc import Callable

from napari.layers import Layer
from napari.utils.events import Event
from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from .inputs import Combo
from .layers import follow, image_of_psf, is_image, pixels, record

_ONLY_HIDDEN = "What is open is hidden. Show it (the eye in the layer list), or choose it here."


class LayerCombo(Combo):
    """A combo box over the layers that fit; it follows added, removed and renamed layers.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    accepts : callable
        Says whether a layer fits.
    empty : str
        Shown while there is nothing to choose.
    shy : tuple of str
        Kinds of layers of ours that are only chosen by hand, or where there is no other. Until
        something is, the choice moves on to layers that are added.
    hidden : bool
        Whether a layer that is not shown may be chosen otherwise than by hand.
    """

    picked = Signal()

    def __init__(
        self,
        viewer: Viewer,
        accepts: Callable[[Layer], bool],
        empty: str = "No image is open",
        shy: tuple[str, ...] = (),
        hidden: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._accepts = viewer, accepts
        self._empty, self._hidden = empty, hidden
        self._awaited: list[Layer] = []
        self.nothing = "Only hidden ones"
        self.destroyed.connect(lambda: self._await([]))
        self._shy, self._by_hand = shy, False
        self.apart_from: Layer | None = None
        """A layer that is only chosen by hand, or where there is no other."""
        self._layers: list[Layer | None] = []
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            follow(self, event, self._on_change)
        self.refresh()
        active = viewer.layers.selection.active
        if active not in self._layers:  # of a PSF, its image
            active = next((x for x in self._layers if x and x.name == image_of_psf(active)), None)
        # Selected though hidden: a view of Compare's may hide all.
        if active in self._layers and (self.currentIndex() < 0 or not self._is_shy(active)):
            self._set(active)
        self.currentIndexChanged.connect(self._tell)
        self.activated.connect(self._on_hand)

    @property
    def layer(self) -> Layer | None:
        """The layer that is chosen, or None."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def hint(self, text: str) -> str:
        """What to do where nothing is chosen: ``text``, or a word on layers that are hidden."""
        if self.layer is not None:
            return ""
        return _ONLY_HIDDEN if any(self._layers) else text

    def pick(self, layer: Layer | None) -> bool:
        """Choose a layer, as by hand; False if it does not fit."""
        if layer not in self._layers:
            return False
        self._by_hand = True
        self._set(layer)
        return True

    def refresh(self, added: Layer | None = None) -> None:
        """List the layers as they are now; what was chosen by hand stays chosen."""
        before = self.layer
        fitting = [x for x in reversed(self._viewer.layers) if self._accepts(x)]
        fitting.sort(key=lambda x: record(x).get("kind") != "psf")
        self.blockSignals(True)
        self.clear()
        self._layers = self._entries(fitting)
        self._by_hand = self._by_hand and before in self._layers
        self.addItems([x.name if x else self._empty for x in self._layers or [None]])
        self.setEnabled(bool(self._layers))
        if self._layers:
            self._set(self._best(before, added))
        self._await([x for x in self._layers if x and self.layer is None and not x.visible])
        self.setToolTip(self.currentText() or self.nothing)
        self.blockSignals(False)
        if self.layer is not before:
            self.picked.emit()

    def _entries(self, fitting: list[Layer]) -> list[Layer | None]:
        return list(fitting)

    def _set(self, layer: Layer | None) -> None:
        self.setCurrentIndex(self._layers.index(layer) if layer in self._layers else -1)

    def _best(self, before: Layer | None, added: Layer | None) -> Layer | None:
        """What to choose: what was, what was added, or the topmost layer that is not shy.

        Where all are shy, a hidden one is still not chosen.
        """
        bold = [x for x in self._layers if not self._is_shy(x)]
        if added in bold and not self._by_hand:
            return added
        kept = before in self._layers and (self._by_hand or before in bold or not bold)
        if kept:
            return before
        return next((x for x in [*bold, *self._layers] if not self._is_out_of_sight(x)), None)

    def _is_shy(self, layer: Layer | None) -> bool:
        apart = layer is not None and layer is self.apart_from
        shy = record(layer).get("kind") in self._shy
        return apart or shy or self._is_out_of_sight(layer)

    def _is_out_of_sight(self, layer: Layer | None) -> bool:
        return layer is not None and not layer.visible and not self._hidden

    def _await(self, layers: list[Layer]) -> None:
        """Choose one of some hidden layers as soon as it is shown."""
        for layer in self._awaited:
            layer.events.visible.disconnect(self._on_shown)
        self._awaited = layers
        for layer in layers:
            layer.events.visible.connect(self._on_shown)

    def _on_shown(self, event: Event) -> None:
        self.refresh()

    def _on_hand(self, _: int) -> None:
        self._by_hand = True

    def _on_change(self, event: Event) -> None:
        self.refresh(event.value if event.type == "inserted" else None)

    def _tell(self, _: int) -> None:
        self.setToolTip(self.currentText())
        self.picked.emit()


class PartnerCombo(LayerCombo):
    """A combo box over what may go with an image, such as its truth; none is a choice.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    kind : str
        Kind of layers of ours that are chosen by themselves where they fit the image.
    """

    def __init__(self, viewer: Viewer, kind: str = "", parent: QWidget | None = None) -> None:
        self._image: Layer | None = None
        self._kind = kind
        super().__init__(viewer, self._goes_with, empty="none", parent=parent)

    def set_image(self, layer: Layer | None) -> None:
        """Tell which image it is for."""
        self._image = layer
        self._by_hand = False
        self.refresh()

    def _is_shy(self, layer: Layer | None) -> bool:
        return True  # that a layer is active says nothing

    def _goes_with(self, layer: Layer) -> bool:
        return is_image(layer) and layer is not self._image and not layer.multiscale

    def _entries(self, fitting: list[Layer]) -> list[Layer | None]:
        return [None, *fitting]

    def _best(self, before: Layer | None, added: Layer | None) -> Layer | None:
        """What was chosen by hand, or what this package made for the image."""
        if self._by_hand or self._image is None or not self._kind:
            return before if self._by_hand and before in self._layers else None
        shape = pixels(self._image).shape
        fitting = (x for x in self._layers if x and record(x).get("kind") == self._kind)
        return next((x for x in fitting if pixels(x).shape == shape), None)
