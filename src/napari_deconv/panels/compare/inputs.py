"""What the Compare panel asks about the image besides its PSF: truth, repeat, and how to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.viewer import Viewer
from qtpy.QtWidgets import QCheckBox, QSpinBox, QVBoxLayout, QWidget

from ..kit.inputs import Fold, guard_fields
from ..kit.layer_combo import PartnerCombo
from ..kit.noise import NoiseLevel
from ..kit.parts import rows

if TYPE_CHECKING:
    from ...comparison.recipe import Comparison


class Judging(QWidget):
    """Truth, repeat, noise level, and how PSNR and SSIM are taken.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.truth = PartnerCombo(viewer, "truth")
        self.truth.setToolTip("The sharp image, if it is known: gives PSNR and SSIM.")
        self.repeat = PartnerCombo(viewer)
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
        self.linear = QCheckBox("In linear light")
        self.linear.setToolTip("Take the photo's values to light before and back after.")
        sources = rows()
        sources.addRow("Truth", self.truth)
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
        layout.addLayout(sources)
        layout.addWidget(Fold("How to judge", more))
        guard_fields(self)

    def set_image(self, layer: Image | None) -> None:
        """Tell which image is judged."""
        for part in (self.truth, self.repeat, self.noise):
            part.set_image(layer)
        self.linear.setVisible(layer is not None and layer.rgb)

    @property
    def layers(self) -> dict[str, Any]:
        """Truth and repeat; None where there is none."""
        return {"truth": self.truth.layer, "repeat": self.repeat.layer}

    def settings(self) -> dict[str, Any]:
        """The fields of a `Comparison` that are set here."""
        return {
            "noise": self.noise.value,
            "border_px": self.border.value(),
            "align": self.align.isChecked(),
            "linear": self.linear.isVisibleTo(self.linear.parentWidget())
            and self.linear.isChecked(),
        }

    def set_settings(self, comparison: Comparison) -> None:
        """Take over how a recipe judges."""
        self.noise.set_value(comparison.noise)
        self.border.setValue(comparison.border_px)
        self.align.setChecked(comparison.align)
        self.linear.setChecked(comparison.linear)
