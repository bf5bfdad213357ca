"""Finding the blur in the image with a panel's own run bar, before what the panel is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.viewer import Viewer

from ...core.errors import DeconvError
from ..kit.layer_combo import LayerCombo
from ..kit.layers import Placement
from ..kit.parts import Delay
from ..kit.run_bar import RunBar
from .layer import add_psf
from .source import ESTIMATED, PsfSource

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from ...estimation.result import Estimate


class Finder:
    """Estimates the PSF of the chosen image; it becomes a hidden layer, and the panel's PSF.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the PSF's layer goes.
    image : LayerCombo
        The choice of image.
    psf : PsfSource
        With the page that says what to estimate.
    bar : RunBar
        Shows how far it is.
    go_on : callable
        What the panel does once there is a PSF that is not a poor one.
    """

    def __init__(
        self,
        viewer: Viewer,
        image: LayerCombo,
        psf: PsfSource,
        bar: RunBar,
        go_on: Callable[[], object],
    ) -> None:
        self._viewer, self._image, self._psf, self._bar = viewer, image, psf, bar
        # The run that found it has to end first.
        self._go_on = Delay(bar, 0, go_on)
        self._searched: Image | None = None
        self._goes_on = True
        self.running = False
        bar.ended.connect(self._on_ended)

    def start(self, goes_on: bool = True) -> None:
        """Begin; what the panel is for comes after it, unless ``goes_on`` is False."""
        assert self._psf.page is not None  # which asks where to look
        try:
            make = self._psf.page.steps()
        except DeconvError as error:
            self._bar.fail(error)
            return
        self._goes_on, self._searched, self.running = goes_on, self._image.layer, True
        self._image.pick(self._searched)  # it is meant, whatever else is opened
        self._bar.start(make, previews=True)

    def preview(self, preview: Any) -> None:
        """Show kernel and image so far."""
        if self.running and self._psf.page is not None:
            self._psf.picture.show_psf(self._psf.page.show_preview(preview))

    def take(self, estimate: Any) -> None:
        """Hold an estimate, and go on unless it is a poor one."""
        layer, page = self._searched, self._psf.page
        if page is None or layer is None or self._image.layer is not layer:
            return  # another image is chosen meanwhile
        poor = estimate.confidence.level == "poor"
        page.take(estimate, "Try it anyway" if poor and self._goes_on else "")
        record, like = page.request().to_dict(), Placement.of(layer)
        psf = add_psf(
            self._viewer, estimate.psf, record, like, visible=False, by=ESTIMATED,
            image_name=layer.name,
        )  # fmt: skip
        self._psf.take_estimate(psf)
        if self._goes_on and not poor:
            self._go_on.start()

    def _on_ended(self) -> None:
        self.running = False


def is_estimate(result: object) -> TypeIs[Estimate]:
    """Whether what a run bar's run returned is an estimate of a PSF."""
    return hasattr(result, "confidence")
