"""Parts of the Train panel: which network and where it begins, and what the camera does."""

from __future__ import annotations

from napari.layers import Layer
from napari.viewer import Viewer
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ..kit.form import Choice, Form
from ..kit.inputs import Combo, Fold
from ..kit.job import Job, steps_of
from ..kit.layer_combo import LayerCombo
from ..kit.layers import axes_of, is_image, pixels, record
from ..kit.parts import read_out, rows
from .order import measured_noise

_SKIPPED = ("weights", "domain", "iterations", "tolerance")


class NetworkChoice(Choice):
    """A network, its fields, and the weights that its training begins with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Network", described=True, skip=_SKIPPED, parent=parent)
        self.start = Combo()
        self.top.addRow("Begin with", self.start)
        self._starts_of, self._fluorescence = "", False
        self.combo.addItem("Loading…")
        self.combo.currentIndexChanged.connect(self.refresh)

    def set_images(self, source: str) -> None:
        """Begin with what was trained on such images."""
        if (source == "fluorescence") != self._fluorescence:
            self._fluorescence, self._starts_of = not self._fluorescence, ""
            self.refresh()

    def refresh(self, *_: object) -> None:
        """List the weights that there are for the network now."""
        from ...train.personal import starts

        if self.kind is None:
            return
        # Of another network, its best guess.
        before = self.start.currentData() if self._starts_of == self.name else None
        self._starts_of = self.name
        self.start.clear()
        for key, text in starts(self.name, self._fluorescence).items():
            self.start.addItem(text, key)
        self.start.setCurrentIndex(max(0, self.start.findData(before)))


def _as_recorded(layer: Layer) -> bool:
    """Whether its noise can be a camera's: not that of a result or a truth."""
    return is_image(layer) and record(layer).get("kind") not in ("result", "truth")


class CameraFields(QWidget):
    """Noise, saturation and so on; the noise can be measured on a blurred image.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from ...degradation import Chain

        self.form = Form(Chain, {"noise": 0.01}, skip=("boundary", "seed"))
        self.blurred = LayerCombo(viewer, _as_recorded, empty="none")
        self.blurred.setMinimumContentsLength(3)  # there is a button beside it
        self.measure = QPushButton("Measure")
        self.measure.setToolTip("Set the noise to that of this blurred image.")
        self.readout = read_out("Noise 1 %")
        noise = QWidget()
        line = QHBoxLayout(noise)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.blurred, 1)
        line.addWidget(self.measure)
        top = rows()
        top.addRow("Noise of", noise)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.readout)
        layout.addWidget(Fold("Noise, saturation, JPEG", self.form))
        self._job = Job(self)
        self._job.on_result, self._job.on_error = self._on_noise, self._on_error
        self.measure.clicked.connect(self._on_measure)
        self.blurred.picked.connect(self._on_blurred)
        self._on_blurred()
        self.form.changed.connect(self._tell)
        self._tell()

    def _tell(self) -> None:
        """What is set, though it may be folded away."""
        values = self.form.values()
        words = [f"Noise {100 * values['noise']:.3g} %"]
        words += [f"{values['photons']:g} photons"] if values["photons"] else []
        words += [f"gain {values['gain']:g}"] if values["gain"] != 1 else []
        words += [f"clipped at {values['saturation']:g}"] if values["saturation"] else []
        words += [f"{values['bits']} bits"] if values["bits"] else []
        words += [f"JPEG {values['jpeg_quality']}"] if values["jpeg_quality"] else []
        self.readout.setText(", ".join(words) + ".")

    def _on_blurred(self) -> None:
        self.measure.setEnabled(self.blurred.layer is not None)

    def _on_measure(self) -> None:
        layer = self.blurred.layer
        if layer is not None:
            data, axes = pixels(layer), axes_of(layer)
            self._job.start(steps_of(lambda: measured_noise(data, axes)))

    def _on_noise(self, noise: float) -> None:
        self.form.set_values({"noise": float(f"{noise:.3g}")})

    def _on_error(self, error: Exception) -> None:
        self.readout.setText(f"No estimate: {error}")
