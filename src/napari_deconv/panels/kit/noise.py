"""The noise level: estimated from the image beside the window, or given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from ...core.errors import DeconvError
from .inputs import Number
from .job import Job, steps_of
from .layers import axes_of, pixels

if TYPE_CHECKING:
    from ...signal.noise_law import NoiseLaw

_SIDE = 1024


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
        self._job = Job(self)
        self._job.on_result = self._on_estimate
        self._job.on_error = self._on_error
        self.automatic.toggled.connect(self._on_toggle)
        self.spin.valueChanged.connect(self._tell)

    @property
    def value(self) -> float | None:
        """The level, or None for automatic."""
        return None if self.automatic.isChecked() else float(self.spin.value())

    @property
    def level(self) -> float | NoiseLaw | None:
        """What will be used as far as it is known: given, or estimated here."""
        if self.value is None and self._law is not None:
            return self._law
        return float(self.spin.value()) or None if self.value is None else self.value

    def set_value(self, value: float | None) -> None:
        """Give a level, or None for automatic."""
        self.automatic.setChecked(value is None)
        if value is not None:
            self.spin.setValue(value)

    def set_image(self, layer: Any) -> None:
        """Estimate anew, from the middle of the image and never from more than a plane of it."""
        self._job.stop()
        self._law = None
        if self.automatic.isChecked():
            self.spin.setValue(0)
        if layer is None:
            return
        data, axes = pixels(layer), axes_of(layer)
        self._job.start(steps_of(lambda: _estimate(data, axes)))

    def _on_estimate(self, found: tuple[float, NoiseLaw | None]) -> None:
        level, self._law = found
        if self.automatic.isChecked():
            self.spin.blockSignals(True)
            self.spin.setValue(float(f"{level:.3g}"))
            self.spin.blockSignals(False)
            grows = " It grows with brightness; this is its RMS." if self._law else ""
            self.automatic.setToolTip(f"Estimated from the middle of the image.{grows}")

    def _on_error(self, error: DeconvError) -> None:
        self.automatic.setToolTip(f"No estimate: {error}")

    def _on_toggle(self, on: bool) -> None:
        self.spin.setEnabled(not on)
        self.changed.emit()

    def _tell(self, _: float) -> None:
        if not self.automatic.isChecked():
            self.changed.emit()


def _estimate(data: Any, axes: str) -> tuple[float, NoiseLaw | None]:
    from ...signal.noise import estimate_noise
    from ...signal.noise_law import noise_law

    if np.dtype(data.dtype).kind not in "iuf":
        raise DeconvError(f"The image has dtype {data.dtype}.", "Convert it to float32.")
    index: list[Any] = []
    for axis, size in zip(axes, data.shape, strict=True):
        half = min(size, _SIDE) // 2
        middle = slice(max(0, size // 2 - half), size // 2 + max(1, half))
        index.append(middle if axis in "YX" else slice(None) if axis == "S" else size // 2)
    plane = np.asarray(data[tuple(index)])
    channels = [plane[..., i] for i in range(min(3, plane.shape[-1]))] if "S" in axes else [plane]
    law = noise_law(np.stack(channels))
    if law is not None:
        return law.rms(float(np.mean(channels))), law
    return max(float(estimate_noise(channel)) for channel in channels), None
