"""A data set of random degradations, from a folder or from layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QSpinBox, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit.inputs import Combo, FileRow, guard_fields
from ..kit.layers import axes_of, is_image, pixels
from ..kit.parts import Notice, read_out, rows
from ..kit.run_bar import RunBar
from ..kit.sharp_row import SharpRow

if TYPE_CHECKING:
    from ...degradation.dataset import Summary

_TIP = Qt.ItemDataRole.ToolTipRole
_HELP = (
    "Pairs of degraded and sharp images with their PSFs, as TIFF, and a recipe that makes them "
    "again, for programs that learn from pairs. Train takes the sharp images of the folder. Noise "
    "is the same part of every image’s range as above."
)
_CLEAN = (
    "The camera above adds no noise, and one at random adds no more than it. What learns from such "
    "pairs fails on noisy images. Set Noise under Camera."
)


class DatasetBox(QWidget):
    """Its fields, and its own Run.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose selected layers can be the sources.
    settings : callable
        Returns the PSF generator of the panel (or None) and its chain.
    """

    def __init__(
        self, viewer: Viewer, settings: Callable[[], tuple[Any, Any]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._settings = viewer, settings
        self.whence = Combo()
        self.whence.addItems(["a folder", "selected layers"])
        self.whence.setCurrentIndex(int(any(map(is_image, viewer.layers.selection))))
        self.folder = SharpRow("folder of sharp images")
        self.psfs = Combo()
        self.psfs.addItems(["at random", "as above"])
        self.psfs.setItemData(0, "Disks, Gaussians, motions and camera shakes", _TIP)
        self.camera = Combo()
        self.camera.addItems(["at random", "as above"])
        self.camera.setItemData(0, "Random noise and gain, up to those set under Camera", _TIP)
        self.count = _spin(1, 1_000_000, 100)
        self.seed = _spin(0, 2**31 - 1, 0)
        self.gray = QCheckBox("turn colour to grey")
        self.clean = Notice()
        self.out = FileRow("Folder to make", "new or empty folder")
        self.run_bar = RunBar("Make data set", "Data set", main=False)
        form = rows()
        for text, widget in (
            ("From", self.whence), ("Images", self.folder), ("Pairs", self.count),
            ("Their PSFs", self.psfs), ("Their camera", self.camera), ("Their seed", self.seed),
            ("Into", self.out),
        ):  # fmt: skip
            form.addRow(text, widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(read_out(_HELP))
        layout.addLayout(form)
        layout.addWidget(self.gray)
        layout.addWidget(self.clean)
        layout.addWidget(self.run_bar)
        self._form = form
        self.whence.currentIndexChanged.connect(self._on_whence)
        self._on_whence()
        self.run_bar.pressed.connect(self.run)
        self.run_bar.done.connect(self._on_done)

    def tell_camera(self, off: bool) -> None:
        """Warn where the camera above leaves images as they are."""
        self.clean.say(_CLEAN if off else "", "warning")

    def run(self) -> None:
        """Make the data set beside the window."""
        from ...degradation import generate

        try:
            sampler, sources = self.sampler(), self.sources()
            if not self.out.path:
                raise DeconvError("No folder to write to is given.", "Choose one under “Into”.")
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        out, count, seed = self.out.path, self.count.value(), self.seed.value()
        gray, axes = self.gray.isChecked(), self.axes()
        self.run_bar.start(
            lambda cancel: generate(
                sampler, sources, out, count=count, seed=seed, gray=gray, axes=axes
            )
        )

    def sampler(self) -> Any:
        """What scenes are drawn from."""
        from ...degradation import PSFRange, Sampler, standard_psfs

        psf, chain = self._settings()
        if self.psfs.currentIndex() == 0:
            ranges = standard_psfs()
        elif psf is None:
            raise DeconvError("The PSF above is not a generator.", "Choose one, or “at random”.")
        else:
            ranges = (PSFRange(low=psf, high=psf),)
        if self.camera.currentIndex() == 1:
            return Sampler(psfs=ranges, mildest=chain, harshest=chain)
        low, high = sorted((1.0, chain.gain))
        return Sampler(
            psfs=ranges,
            mildest=replace(chain, noise=0.0, gain=low),
            harshest=replace(chain, gain=high),
        )

    def sources(self) -> str | Mapping[str, Any]:
        """A folder, or arrays by layer name."""
        if self.whence.currentIndex() == 0:
            if not self.folder.path:
                raise DeconvError("No folder of images is given.", "Choose one under “Images”.")
            return str(self.folder.path)
        layers = [x for x in self._viewer.layers.selection if is_image(x)]
        if not layers:
            raise DeconvError("No image layer is selected.", "Select some in the layer list.")
        return {layer.name: pixels(layer) for layer in layers}

    def axes(self) -> str | None:
        """Axes of the layers, if they are the same for all; files know their own."""
        if self.whence.currentIndex() == 0:
            return None
        axes = {axes_of(x) for x in self._viewer.layers.selection if is_image(x)}
        return axes.pop() if len(axes) == 1 else None

    def _on_whence(self, *_: object) -> None:
        self._form.setRowVisible(self.folder, self.whence.currentIndex() == 0)

    def _on_done(self, summary: Summary) -> None:
        words = [f"{summary.written} pairs are in {summary.path}. Train takes this folder, too."]
        if summary.skipped:
            words.append(f"{len(summary.skipped)} sources were left out: {summary.skipped[0]}")
        self.run_bar.message.say("\n".join(words), "warning" if summary.skipped else "info")


def _spin(low: int, high: int, value: int) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(low, high)
    spin.setValue(value)
    spin.setMinimumWidth(60)
    guard_fields(spin)
    return spin
