"""The PSF panel: choose, look, make a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ...core.errors import DeconvError
from ...psf import PreparedPsf
from ..kit.job import Job, steps_of
from ..kit.layer_combo import LayerCombo
from ..kit.layers import Placement, is_image
from ..kit.parts import Notice, Panel, heading, primary, read_out, rows
from ..kit.result import add_result, in_words
from ..kit.run_bar import RunBar
from .deblur import Deblurred, deblur, deblur_across
from .image import FromImage
from .layer import add_psf
from .source import PsfSource

if TYPE_CHECKING:
    from ...estimation.across import Across
    from ...estimation.result import Estimate

_HINT = (
    "No image is open. The PSF takes its pixel size from one: File > Open Sample > Deconvolution, "
    "or drop a file here. Without one, choose what is known of the blur."
)
_NEXT = (
    "Next: Deconvolve or Compare, under Plugins > Deconvolution; Degrade blurs a sharp image with "
    "it. They take the PSF over."
)
_ONLY_PRESET = " It is a preset, neither found nor measured: other panels will say so."


class PsfPanel(Panel):
    """Make a PSF layer that carries its recipe.

    A subclass with ``preset = "disk"`` opens on that generator; see `panels.presets`.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it is docked in.
    """

    preset: ClassVar[str] = ""

    def __init__(self, napari_viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self.hint = Notice()
        self.image = LayerCombo(napari_viewer, is_image, shy=("truth", "result"))
        self.image.setToolTip("The image the PSF is for: its pixel size and unit are taken over.")
        self.page = FromImage(napari_viewer)
        self.source = PsfSource(napari_viewer, self.preset, page=self.page, question=True)
        self.estimate = RunBar("Estimate PSF", "Estimating the PSF")
        self.button = primary("&Make PSF layer")
        self.message = Notice()
        self._layer: Any = None
        self._job = Job(self)
        top = rows()
        top.addRow("For image", self.image)
        self.body.addWidget(self.hint)
        self.body.addLayout(top)
        self.body.addWidget(heading("How was it blurred?"))
        self.body.addWidget(self.source)
        self.body.addWidget(read_out(_NEXT))
        self.body.addStretch(1)
        self.footer.addWidget(self.message)
        self.footer.addWidget(self.button)
        self.footer.addWidget(self.estimate)
        self.image.picked.connect(self._on_image)
        self.source.changed.connect(self._on_changed)
        self.source.shown.connect(self._on_shown)
        self.button.clicked.connect(self.make)
        self._job.on_result = self._add
        self._job.on_error = lambda error: self.message.say(str(error), "error")
        self.on_close(self._job.stop)
        for notice in (self.message, self.estimate.message):
            notice.keep_to(napari_viewer, self.image)
        self._connect_estimate()
        self._on_image()

    def make(self) -> None:
        """Make the PSF and add it as a layer."""
        try:
            make = self.source.preparing()
        except DeconvError as error:
            self.message.say(str(error), "error")
            return
        self._job.start(steps_of(make))

    def start_estimate(self) -> None:
        """Estimate the PSF from the image; it becomes a layer."""
        try:
            make = self.page.steps()
        except DeconvError as error:
            self.estimate.fail(error)
            return
        self.message.say("")
        self.source.notice.say("")
        self.estimate.start(make, previews=True)

    def _connect_estimate(self) -> None:
        self.estimate.pressed.connect(self.start_estimate)
        self.estimate.done.connect(self._on_estimate)
        self.estimate.job.on_preview = self._on_preview
        self.message.button.clicked.connect(self._deblur)
        self.on_close(self.estimate.job.stop)
        self._on_changed()

    def _on_preview(
        self, preview: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]
    ) -> None:
        kernel = self.page.show_preview(preview)
        if kernel is not None:
            self.source.picture.show_psf(kernel)

    def _on_estimate(self, estimate: Estimate | Across | Deblurred) -> None:
        if isinstance(estimate, Deblurred):
            record = estimate.origin.record_of(estimate.result.record, estimate.psf)
            add_result(self._viewer, estimate.origin, estimate.result, record)
            self.message.say(*in_words(record, estimate.result.notes))
            return
        self.page.take(estimate)
        self.source.show_now()
        self.make()

    def _on_changed(self) -> None:
        estimated = self.source.choice.name == "image"
        self.message.say("")
        self.button.setVisible(not estimated)
        self.estimate.setVisible(estimated)
        if self.estimate.running:  # what runs is not what is asked for any more
            self.estimate.job.cancel()

    def _deblur(self) -> None:
        if hasattr(self.page.estimate, "parts"):
            try:
                self.estimate.start(deblur_across(self.image.layer, self.page.estimate))
            except DeconvError as error:
                self.message.say(str(error), "error")
            return
        if self._layer is not None and self._layer in self._viewer.layers:
            try:
                noise = self.page.noise.value() or None
                deblur(self._viewer, self.image.layer, self._layer, noise)
            except DeconvError as error:
                self.message.say(str(error), "error")

    def _on_image(self) -> None:
        layer = self.image.layer
        self.hint.say(self.image.hint(_HINT))
        self.source.set_image(layer)

    def _on_shown(self) -> None:
        prepared = self.source.prepared
        self.button.setEnabled(
            prepared is not None and not any(f.refuses for f in prepared.findings)
        )

    def _add(self, prepared: PreparedPsf) -> None:
        try:
            array = prepared.single()
        except DeconvError as error:
            self.message.say(str(error), "error")
            return
        image, words = self.image.layer, _ONLY_PRESET if self.source.presumed else ""
        like = Placement.of(image) if image is not None else None
        name = image.name if image is not None else ""
        layer = add_psf(self._viewer, array, prepared.record, like, by="psf", image_name=name)
        self._layer = layer
        estimate = self.page.estimate if self.source.choice.name == "image" else None
        button = "" if estimate is None else "Deblur with it"
        if estimate is not None and estimate.confidence.level == "poor":
            button = "Try it anyway"
        self.message.say(f"Made the layer “{layer.name}”.{words}", button=button, about=[layer])
