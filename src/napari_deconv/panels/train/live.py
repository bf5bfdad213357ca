"""What a training shows while it runs: its curves, and a held-out image before and now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..kit.parts import read_out
from ..kit.plot import Curve, Plot

if TYPE_CHECKING:
    from .sitting import Sitting

_WIDEST = 480
_GAP = 4
_MOST_POINTS = 200
_WITHOUT = "Hyper-Laplacian, untrained"


class LiveTraining(QWidget):
    """Loss, validation PSNR, and three pictures; hidden until there is something to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loss = Plot("Loss of the training")
        self.psnr = Plot("PSNR on test images")
        self.pictures = Strip("A test image: blurred, before training, now")
        self.readout = read_out()
        self._seen = (-1, -1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.psnr, self.loss, self.pictures, self.readout):
            layout.addWidget(part)
        self.hide()

    def clear(self) -> None:
        """Forget the last training."""
        self._seen = (-1, -1)
        self.hide()

    def show_sitting(self, sitting: Sitting) -> None:
        """Show how a `Sitting` stands."""
        stands = (len(sitting.losses), len(sitting.scores))
        if stands == self._seen or not sitting.scores:
            return
        new_scores, self._seen = stands[1] != self._seen[1], stands
        losses = smoothed(sitting.losses)
        self.loss.show_curves([Curve("", *losses)] if len(losses[0]) > 1 else [], "step", "loss")
        if new_scores:
            self._show_scores(sitting)
        self.show()

    def _show_scores(self, sitting: Sitting) -> None:
        steps = [step for step, _ in sitting.scores]
        curves = [
            Curve(
                name if "photons" in name else f"noise {name}",
                steps,
                [values[i] for _, values in sitting.scores],
                dots=True,
            )
            for i, name in enumerate(sitting.scenes)
        ]
        ends, one = [steps[0], steps[-1]], len(curves) == 1
        curves += [
            Curve(_WITHOUT if one else f"{_WITHOUT}, {name}", ends, [level] * 2, dashed=True)
            for name, level in zip(sitting.scenes, sitting.baseline, strict=False)
        ]
        self.psnr.show_curves(curves if len(steps) > 1 else [], "step", "PSNR (dB)")
        first, last = (float(np.mean(values)) for values in (
            sitting.scores[0][1], sitting.scores[-1][1]
        ))  # fmt: skip
        without = sitting.reached[2]
        baseline = "" if math.isnan(without) else f"; {without:.2f} dB with {_WITHOUT}"
        self.readout.setText(
            f"A test image, which is not trained on: blurred, before training, now. Over all of "
            f"them {first:.2f} dB before, {last:.2f} dB now{baseline}."
        )
        if sitting.picture:
            blurred, before = sitting.first[:2]
            self.pictures.show_planes(blurred, before, sitting.picture[1])


def smoothed(points: list[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Means over as many stretches as can be seen."""
    if not points:
        return [], []
    parts = np.array_split(np.array(points, float), min(len(points), _MOST_POINTS))
    means = np.array([part.mean(0) for part in parts])
    return means[:, 0].tolist(), means[:, 1].tolist()


class Strip(QLabel):
    """Gray planes side by side, as large as the width allows.

    Parameters
    ----------
    name : str
        What it shows, for who cannot see it.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = QPixmap()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAccessibleName(name)

    def show_planes(self, *planes: NDArray[Any]) -> None:
        """Show planes of one size, 0 black and 1 white."""
        self._whole = _joined(planes)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._whole.isNull():
            width = max(1, min(self.width(), _WIDEST))
            smooth = Qt.TransformationMode.SmoothTransformation
            self.setPixmap(self._whole.scaledToWidth(width, smooth))
            self.setFixedHeight(self.pixmap().height() + _GAP)


def _joined(planes: Sequence[NDArray[Any]]) -> QPixmap:
    gap = np.full((planes[0].shape[0], _GAP), 0.5)
    row = np.concatenate([x for plane in planes for x in (plane, gap)][:-1], axis=1)
    gray = np.ascontiguousarray(np.rint(255 * np.clip(row, 0, 1)).astype(np.uint8))
    height, width = gray.shape
    image = QImage(gray.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(image)
