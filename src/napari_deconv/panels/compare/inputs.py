"""What the Compare panel asks about the image besides its PSF: truth, repeat, and how to judge."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QSpinBox, QVBoxLayout, QWidget

from ..kit.inputs import Combo, Fold, guard_fields
from ..kit.layers import follow, is_image, pixels, record
from ..kit.noise import NoiseLevel
from ..kit.parts import rows


class OptionalLayer(Combo):
    """A combo box over image layers in which none is a choice.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    nothing : str
        What no layer is called.
    kind : str
        Kind of layers of ours that are chosen by themselves where they fit the image.
    """

    picked = Signal()

    def __init__(
        self, viewer: Any, nothing: str, kind: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._nothing, self._kind = viewer, nothing, kind
        self._layers: list[Any] = []
        self._image: Any = None
        self._by_hand = False
        for name in ("inserted", "removed", "renamed", "reordered"):
            follow(self, getattr(viewer.layers.events, name), self._refresh)
        self.activated.connect(self._on_hand)
        self.currentIndexChanged.connect(lambda _: self.picked.emit())
        self._refresh()

    @property
    def layer(self) -> Any:
        """The layer, or None."""
        index = self.currentIndex() - 1
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def set_image(self, layer: Any) -> None:
        """Tell which image it is for."""
        self._image = layer
        self._by_hand = False
        self._refresh()

    def pick(self, layer: Any) -> None:
        """Choose a layer, or none."""
        self._by_hand = True
        self.setCurrentIndex(self._layers.index(layer) + 1 if layer in self._layers else 0)

    def _refresh(self, event: Any = None) -> None:
        before = self.layer
        self.blockSignals(True)
        self.clear()
        self._layers = [x for x in reversed(self._viewer.layers) if is_image(x)]
        self._layers = [x for x in self._layers if x is not self._image and not x.multiscale]
        self.addItems([self._nothing, *(layer.name for layer in self._layers)])
        keep = before if self._by_hand else self._own()
        self.setCurrentIndex(self._layers.index(keep) + 1 if keep in self._layers else 0)
        self.blockSignals(False)
        if self.layer is not before:
            self.picked.emit()

    def _own(self) -> Any:
        """The layer that this package made for it."""
        image = self._image
        if not self._kind or image is None:
            return None
        fit = (
            x
            for x in self._layers
            if record(x).get("kind") == self._kind and pixels(x).shape == pixels(image).shape
        )
        return next(fit, None)

    def _on_hand(self, _: int) -> None:
        self._by_hand = True


class Judging(QWidget):
    """Truth, repeat, noise level, and how PSNR and SSIM are taken.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.truth = OptionalLayer(viewer, "none", "truth")
        self.truth.setToolTip("The sharp image, if it is known: gives PSNR and SSIM.")
        self.repeat = OptionalLayer(viewer, "none")
        self.repeat.setToolTip("A second shot of the same scene: makes FRC trustworthy.")
        self.noise = NoiseLevel()
        self.border = QSpinBox()
        self.border.setRange(-1, 4096)
        self.border.setSpecialValueText("half the PSF")
        self.border.setValue(-1)
        self.border.setToolTip("Pixels left out along every edge for PSNR and SSIM.")
        self.align = QCheckBox("Align intensities")
        self.align.setToolTip(
            "Fit each result to the truth by a factor and an offset before PSNR and SSIM."
        )
        self.linear = QCheckBox("In linear light (sRGB photos)")
        self.linear.setToolTip("Take the photo's values to light before and back after.")
        known = rows()
        known.addRow("Truth", self.truth)
        more = QWidget()
        form = rows()
        more.setLayout(form)
        form.addRow("Repeat", self.repeat)
        form.addRow("Noise", self.noise)
        form.addRow("Border (px)", self.border)
        for box in (self.align, self.linear):
            form.addRow(box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(known)
        layout.addWidget(Fold("How to judge", more))
        guard_fields(self)

    def set_image(self, layer: Any) -> None:
        """Tell which image is judged."""
        for part in (self.truth, self.repeat, self.noise):
            part.set_image(layer)
        self.linear.setVisible(layer is not None and layer.rgb)

    @property
    def layers(self) -> dict[str, Any]:
        """Truth and repeat; None where there is none."""
        return {"truth": self.truth.layer, "repeat": self.repeat.layer}

    def asked(self) -> dict[str, Any]:
        """The fields of a `Comparison` that are set here."""
        return {
            "noise": self.noise.value,
            "border_px": self.border.value(),
            "align": self.align.isChecked(),
            "linear": self.linear.isVisibleTo(self.linear.parentWidget())
            and self.linear.isChecked(),
        }

    def set_asked(self, comparison: Any) -> None:
        """Take over how a recipe judges."""
        self.noise.set_value(comparison.noise)
        self.border.setValue(comparison.border_px)
        self.align.setChecked(comparison.align)
        self.linear.setChecked(comparison.linear)
