"""The noise level: estimated from the image beside the window, or given."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from ...core.errors import DeconvError
from .inputs import Number
from .job import Job, steps_of
from .layers import axes_of, pixels

if TYPE_CHECKING:
    from ...signal.noise_law import NoiseLaw
    from ...signal.noise_reading import NoiseReading


class NoiseLevel(QWidget):
    """A standard deviation on the image's own scale; by default the engine's own estimate."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.automatic = QCheckBox("auto")
        self.automatic.setChecked(True)
        self.automatic.setToolTip("Estimate the noise from the image.")
        self.spin = Number()
        self.spin.setEnabled(False)
        self.spin.setToolTip("Standard deviation of the noise, on the image's own scale.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.spin, 1)
        layout.addWidget(self.automatic)
        self._law: NoiseLaw | None = None
        self._is_read = False
        self._factor = 1.0
        self._job = Job(self)
        self._job.on_result = self._on_estimate
        self._job.on_error = self._on_error
        self.automatic.toggled.connect(self._on_toggle)
        self.spin.valueChanged.connect(self._tell)

    @property
    def value(self) -> float | None:
        """The level, or None for automatic.

        Raises
        ------
        DeconvError
            If it is a multiple of what was not read yet.
        """
        automatic = self.automatic.isChecked()
        if automatic and self._factor == 1:
            return None
        if automatic and not self._is_read:
            raise DeconvError("The noise is not read yet.", "Wait a moment, or type it.")
        return float(f"{self.spin.value() * self._factor:.4g}")

    @property
    def level(self) -> float | NoiseLaw | None:
        """What will be used as far as it is known: given, or estimated here."""
        value = self.value
        if value is not None:
            return value
        return self._law or float(self.spin.value()) or None

    def set_factor(self, factor: float) -> None:
        """Take so many times the level."""
        if factor != self._factor:
            self._factor = factor
            self.changed.emit()

    def set_value(self, value: float | None) -> None:
        """Give a level, or None for automatic."""
        self.automatic.setChecked(value is None)
        if value is not None:
            self.spin.setValue(value)

    def set_image(self, layer: Image | None) -> None:
        """Estimate anew, as the engine will; of a lazy image only samples are computed."""
        self._job.stop()
        self._law, self._is_read = None, False
        if self.automatic.isChecked():
            self.spin.setValue(0)
        self.automatic.setText("auto")
        if layer is None:
            return
        data, axes, path = pixels(layer), axes_of(layer), layer.source.path
        self._job.start(steps_of(lambda: _readings(data, axes, path)))

    def _on_estimate(self, channels: tuple[NoiseReading, ...]) -> None:
        first = channels[0]
        self._is_read = True
        self._law = first.law if len(channels) == 1 else None
        if self.automatic.isChecked():
            level = math.sqrt(sum(each.level**2 for each in channels) / len(channels))
            self.spin.blockSignals(True)
            self.spin.setValue(float(f"{level:.3g}"))
            self.spin.blockSignals(False)
            self.automatic.setText(f"auto ({first.origin})" if first.origin else "auto")
            self.automatic.setToolTip(_explained(channels))
            if self._factor != 1:
                self.changed.emit()

    def _on_error(self, error: DeconvError) -> None:
        self.automatic.setToolTip(f"No estimate: {error}")

    def _on_toggle(self, on: bool) -> None:
        self.spin.setEnabled(not on)
        self.changed.emit()

    def _tell(self, _: float) -> None:
        if not self.automatic.isChecked():
            self.changed.emit()


def _readings(data: NDArray[Any], axes: str, path: str | None) -> tuple[NoiseReading, ...]:
    from ...engine.readings import channel_noise
    from ...io.photo import jpeg_tables

    return channel_noise(data, axes, jpeg_tables(path))


def _explained(channels: tuple[NoiseReading, ...]) -> str:
    """Where the figure comes from."""
    parts = ["Estimated from the image; every channel, frame and colour is given its own."]
    levels = {
        "channels": [each.level for each in channels],
        "colours": channels[0].levels if len(channels) == 1 else (),
    }
    for kind, values in levels.items():
        if len(set(values)) > 1:
            parts.append(f"Of the {kind}: {', '.join(f'{value:.3g}' for value in values)}.")
    if any(each.law is not None for each in channels):
        parts.append("It grows with brightness; this is its RMS.")
    return " ".join(parts)
