"""A small live picture of a PSF."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

_SIDE = 150
_GAP = 2


class Picture(QLabel):
    """The middle plane of a PSF, and for a volume the middle section along Z beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_SIDE + 6)
        self.setAccessibleName("Picture of the PSF")
        self.array: NDArray[Any] | None = None

    def show_psf(self, array: NDArray[Any] | None) -> None:
        """Show a PSF, or nothing."""
        self.array = array
        self.setVisible(array is not None)
        if array is None:
            self.clear()
            self.setToolTip("")
            return
        plane = mosaic(array)
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
        self.setToolTip(f"{planes}The square root of the PSF, so that its tail shows.")


def mosaic(array: NDArray[Any]) -> NDArray[np.uint8]:
    """A PSF's square root as RGB, its peak white; of volumes the XY and ZY sections."""
    values = np.nan_to_num(np.asarray(array, dtype=np.float32))
    if values.ndim == 3:
        middle = tuple(n // 2 for n in values.shape)
        flat, side = values[middle[0]], values[:, :, middle[2]].T
        gap = np.full((flat.shape[0], _GAP), np.nan, np.float32)
        values = np.concatenate([flat, gap, side], axis=1)
    peak = float(np.nanmax(values))
    # The square root, as in the documentation: the tail of a PSF is far below its peak.
    unit = np.sqrt(np.clip(values / peak, 0, 1)) if peak > 0 else np.zeros_like(values)
    from napari.utils.colormaps import ensure_colormap

    seam = np.isnan(unit)
    coloured = ensure_colormap("inferno").map(np.nan_to_num(unit).ravel())[:, :3]
    picture = np.rint(255 * coloured).astype(np.uint8).reshape(*unit.shape, 3)
    picture[seam] = 128
    return np.ascontiguousarray(picture)
