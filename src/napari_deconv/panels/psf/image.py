"""The From image page: the PSF of a blurred photo, estimated from it beside the window."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QCheckBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...psf import PsfRequest, Values
from ..kit.drawn import Drawn
from ..kit.inputs import Combo, Fold, Number, Whole, guard_fields
from ..kit.layers import axes_of, pixels
from ..kit.parts import Notice, read_out, rows

if TYPE_CHECKING:
    from ...estimation.across import Across
    from ...estimation.result import Estimate

_KINDS = {
    "auto": "Whatever fits best",
    "camera-shake": "Camera shake",
    "gaussian": "Gaussian",
    "disk": "Disk (out of focus)",
    "motion": "Linear motion",
    "edge": "From a straight edge",
}
_HELP = (
    "Estimates the blur from the image itself. A region with edges in all directions tells the "
    "most; lamps and other clipped spots tell nothing."
)
_BRIEF = "The blur is found first. Edges in all directions tell the most."
_LEVELS = {"good": "good", "fair": "warning", "poor": "error"}
"""Confidence -> kind of box."""
_VERDICT_PX = 96
_REGIONS = (2, 2)
_THUMB = QSize(270, 150)


class FromImage(QWidget):
    """What to estimate and from where; holds the last estimate.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose Shapes layers mark a region or an edge.
    brief : bool
        Whether what is asked for is folded away: the defaults do.
    """

    changed = Signal()
    """What is asked for changed, so that there is no estimate any more."""

    def __init__(self, viewer: Viewer, brief: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer, self.brief = viewer, brief
        self._image: Image | None = None
        self.estimate: Any = None
        self.kind = Combo()
        for name, title in _KINDS.items():
            self.kind.addItem(title, name)
        self.extent = Whole(255, "auto")
        self.extent.setSingleStep(2)
        self.extent.setToolTip("Odd number of pixels that the kernel may extend over.")
        self.noise = Number(zero="auto")
        self.noise.setToolTip("Standard deviation of the noise, on the image's own scale.")
        self.across = QCheckBox("across the photo")
        self.across.setAccessibleName("The blur varies across the photo")
        self.across.setToolTip(
            "Estimates 2 x 2 overlapping regions and says whether they agree; “Deblur with it” "
            "then restores each with its own PSF and blends them. Wants a large photo."
        )
        self.region = Drawn(viewer, "rectangle", "PSF region", "Mark a region")
        self.edge = Drawn(viewer, "line", "PSF edge", "Draw a line across an edge")
        self.latent = _Thumbnail()
        self.readout = read_out(_BRIEF if brief else _HELP)
        self.verdict = Notice(most_px=_VERDICT_PX)
        self._form = rows()
        self._form.addRow("Blur", self.kind)
        self._form.addRow("Size (px)", self.extent)
        self._form.addRow("Noise", self.noise)
        self._form.addRow("Varies", self.across)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        fields = QWidget()
        inner = QVBoxLayout(fields)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addLayout(self._form)
        for part in (self.region, self.edge):
            inner.addWidget(part)
        fold = Fold("Where to look", fields) if brief else fields
        parts: tuple[QWidget, ...] = (self.readout, self.latent, self.verdict, fold)
        for shown in parts:
            layout.addWidget(shown)
        guard_fields(self)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.extent.valueChanged.connect(self._forget)
        self.noise.valueChanged.connect(self._forget)
        self.region.changed.connect(self._forget)
        self.across.toggled.connect(self._on_kind)
        self.edge.changed.connect(self._forget)
        self._on_kind()

    def set_image(self, layer: Image | None) -> None:
        """Go over to another image."""
        if layer is not self._image:
            self._image = self.region.image = self.edge.image = layer
            self._forget()

    def steps(self) -> Any:
        """What to run, for `Job.start`.

        Raises
        ------
        DeconvError
            If there is no image, or no line across an edge.
        """
        if self._image is None:
            raise DeconvError("No image is open.", "Open the blurred image first.")
        plane, axes = self._plane()
        kind = self.kind.currentData()
        if kind == "edge":
            line = self.edge.corners()
            if line is None:
                raise DeconvError(
                    "No line is drawn.", "Press “Draw a line across an edge”, and draw it."
                )
            return lambda cancel: _from_edge(plane, line, axes)
        corners = self.region.corners()
        region = None if corners is None else (*corners.min(axis=0), *corners.max(axis=0))
        size, noise = self.extent.value() or None, self.noise.value() or None
        across = self.across.isChecked()

        def make(cancel: threading.Event) -> Any:
            from ...estimation import stream, stream_across
            from ..kit.settings import current

            options: dict[str, Any] = {"axes": axes, "device": current().device, "cancel": cancel}
            if across:
                return stream_across(plane, _REGIONS, size, kind, noise, **options)
            return stream(plane, size, kind, region, noise, **options)

        return make

    def show_preview(
        self, preview: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]
    ) -> NDArray[np.float32] | None:
        """Show the image so far; hands the kernel so far on."""
        kernel, latent = preview
        if latent is not None:
            self.latent.show_plane(latent)
        return kernel

    def take(self, estimate: Estimate | Across, button: str = "") -> None:
        """Hold an estimate, and say how sure it is, with what can be done about it."""
        self.estimate = estimate
        level = estimate.confidence.level
        self.readout.hide()
        self.verdict.say(str(estimate.confidence), _LEVELS[level], button)
        self.latent.hide()

    def request(self) -> PsfRequest:
        """The estimate as a PSF request; a `DeconvError` where there is none yet.

        Of regions it is that of the whole photo; those of the regions are in `estimate`.
        """
        estimate = getattr(self.estimate, "whole", self.estimate)
        if estimate is None:
            raise DeconvError("Nothing is estimated yet.", "Press Estimate PSF.")
        name = self._image.name if self._image is not None else ""
        return PsfRequest(
            generator=estimate.spec,
            pixel_size=None if estimate.spec is None else (1.0, 1.0),
            history={"estimate": {**estimate.recipe, "image_name": name}},
            values=Values(estimate.psf),
        )

    def _plane(self) -> tuple[Any, str]:
        """The plane in view, which is what a person judges by."""
        layer = self._image
        data, axes = pixels(layer), axes_of(layer)
        here = np.rint(layer.world_to_data(self._viewer.dims.point[-layer.ndim :])).astype(int)
        index = tuple(
            slice(None) if axis in "YXS" else int(np.clip(at, 0, n - 1))
            for axis, at, n in zip(axes, [*here, 0], data.shape, strict=False)
        )
        return data[index], "".join(axis for axis in axes if axis in "YXS")

    def _on_kind(self, *_: object) -> None:
        edge = self.kind.currentData() == "edge"
        self.region.setVisible(not edge and not self.across.isChecked())
        self._form.setRowVisible(self.across, not edge and not self.brief)
        self.edge.setVisible(edge)
        for field in (self.extent, self.noise):
            field.setVisible(not edge)
            self._form.labelForField(field).setVisible(not edge)
        self._forget()

    def _forget(self, *_: object) -> None:
        self.estimate = None
        self.readout.show()
        self.verdict.say("")
        self.latent.hide()
        self.changed.emit()


class _Thumbnail(QLabel):
    """A small gray picture of the image so far."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_THUMB.height() + 4)
        self.setAccessibleName("The image so far, only its strong edges")
        self.hide()

    def show_plane(self, plane: NDArray[np.float32]) -> None:
        """Show a plane of the unit scale."""
        gray = np.ascontiguousarray((255 * np.clip(plane, 0, 1)).astype(np.uint8))
        height, width = gray.shape
        image = QImage(gray.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
        self.setPixmap(
            QPixmap.fromImage(image).scaled(
                _THUMB,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        )
        self.show()


def _from_edge(plane: NDArray[Any], line: NDArray[Any], axes: str) -> Any:
    """`from_edge` as a run of no steps."""
    from ...estimation import from_edge

    yield from ()
    return from_edge(np.asarray(plane), line.tolist(), axes=axes)
