"""A small live picture of a PSF."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import QLabel, QMenu, QSizePolicy, QToolButton, QWidget

_SIDE = 150
_GAP = 2


_DECADES = 4.0
SCALES: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "square root": np.sqrt,
    "logarithm": lambda unit: _log(unit),
    "linear": np.asarray,
}
"""How intensities become brightness: the tail of a PSF is far below its peak."""


class Picture(QLabel):
    """The middle plane of a PSF, and for a volume the middle section along Z beside it.

    A button in its corner says how intensities become brightness.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = "square root"
        self.button = QToolButton(self)
        self.button.setObjectName("small")
        self.button.setAutoRaise(True)
        # Room for the menu's arrow, which styles draw over the text.
        self.button.setStyleSheet("QToolButton { padding-right: 14px; }")
        self.button.setToolTip("How intensities become brightness")
        self.button.setAccessibleName("Brightness of the PSF picture")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.button)
        for name in SCALES:
            menu.addAction(name, partial(self.set_scale, name))
        self.button.setMenu(menu)
        self.button.setText(self.scale)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_SIDE + 6)
        self.setAccessibleName("Picture of the PSF")
        self.array: NDArray[Any] | None = None

    def set_scale(self, name: str) -> None:
        """Show by another of `SCALES`."""
        self.scale = name
        self.button.setText(name)
        self.show_psf(self.array)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the button in its corner."""
        super().resizeEvent(event)
        self._place_button()

    def _place_button(self) -> None:
        self.button.adjustSize()
        at = self.rect().bottomRight() - self.button.rect().bottomRight()
        self.button.move(at)

    def show_psf(self, array: NDArray[Any] | None) -> None:
        """Show a PSF, or nothing."""
        self.array = array
        self.setVisible(array is not None)
        if array is None:
            self.clear()
            self.setToolTip("")
            return
        self._place_button()
        plane = mosaic(array, self.scale)
        height, width = plane.shape[:2]
        image = QImage(plane.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        # Enlarged pixels stay squares; a large PSF is reduced smoothly.
        smooth = max(height, width) > _SIDE
        mode = "SmoothTransformation" if smooth else "FastTransformation"
        self.setPixmap(
            QPixmap.fromImage(image).scaled(
                QSize(2 * _SIDE, _SIDE),
                Qt.AspectRatioMode.KeepAspectRatio,
                getattr(Qt.TransformationMode, mode),
            )
        )
        planes = "Left: XY, right: ZY. " if array.ndim == 3 else ""
        self.setToolTip(f"{planes}Brightness: {self.scale}.")


def _log(unit: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 + np.log10(unit.clip(10**-_DECADES)) / _DECADES, np.float32)


def mosaic(array: NDArray[Any], scale: str = "square root") -> NDArray[np.uint8]:
    """A PSF by one of `SCALES` as RGB, its peak white; of volumes the XY and ZY sections."""
    values = np.nan_to_num(np.asarray(array, dtype=np.float32))
    if values.ndim == 3:
        middle = tuple(n // 2 for n in values.shape)
        flat, side = values[middle[0]], values[:, :, middle[2]].T
        gap = np.full((flat.shape[0], _GAP), np.nan, np.float32)
        values = np.concatenate([flat, gap, side], axis=1)
    peak = float(np.nanmax(values))
    unit = SCALES[scale](np.clip(values / peak, 0, 1)) if peak > 0 else np.zeros_like(values)
    from napari.utils.colormaps import ensure_colormap

    seam = np.isnan(unit)
    coloured = ensure_colormap("inferno").map(np.nan_to_num(unit).ravel())[:, :3]
    picture = np.rint(255 * coloured).astype(np.uint8).reshape(*unit.shape, 3)
    picture[seam] = 128
    return np.ascontiguousarray(picture)
