"""The Deconvolve panel: image, PSF, method, preview, run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QCheckBox, QWidget

from ...core.errors import DeconvError
from ...core.record import RunRecord
from ...psf import PsfRequest
from ..kit.form import MethodChoice
from ..kit.layer_combo import LayerCombo
from ..kit.layers import Placement, axes_of, find, is_image, is_ours, pixels
from ..kit.live import Task
from ..kit.live_row import LiveRow
from ..kit.noise import NoiseLevel
from ..kit.parts import Notice, Panel, heading, rows
from ..kit.run_bar import RunBar
from ..psf.channels import VarietyBox
from ..psf.source import PsfSource
from .expected import Expectation
from .maps import Inside, Look
from .nan import NanChoice
from .offer import WeightsOffer
from .order import Order, Origin
from .outcome import add_result
from .recipes import RecipeBox
from .refine import RefineRounds
from .stop_curve import StopCurve
from .to_disk import ToDisk, write

if TYPE_CHECKING:
    from ..kit.region import Region

_HINT = (
    "Open an image first: File > Open Sample > Deconvolution, or drop a file on the window. "
    "Then choose the blur (PSF) and a method, and press Run."
)
_FIRST = "richardson-lucy"


class DeconvolvePanel(Panel):
    """Restore an image layer.

    A subclass with ``preset="wiener"`` opens on that method; see `panels.presets`.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it is docked in.
    """

    preset: ClassVar[str] = ""

    def __init_subclass__(cls, *, preset: str = "", **options: object) -> None:
        super().__init_subclass__(**options)
        cls.preset = preset

    def __init__(self, napari_viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._origin: Origin | None = None
        self._wanted: dict[str, Any] = {}
        self.hint = Notice()
        self.image = LayerCombo(napari_viewer, is_image, shy=("truth", "result"))
        self.image.setToolTip("The image to sharpen. It is never changed.")
        self.psf = PsfSource(napari_viewer, adopt=is_ours, apart=True)
        self.variety = VarietyBox(napari_viewer)
        self.to_disk = ToDisk()
        self.curve = StopCurve()
        self.method = MethodChoice(self.preset or _FIRST, described=True)
        self.offer = WeightsOffer()
        self.noise = NoiseLevel()
        self.refine = RefineRounds()
        self.nan = NanChoice()
        self.linear = QCheckBox("In linear light (sRGB photos)")
        self.linear.setToolTip(
            "Take the photo's values to light before and back after: helps with large blurs of "
            "bright spots and with coloured fringes."
        )
        self.recipes = RecipeBox(napari_viewer)
        self.inside = Inside(
            napari_viewer, lambda: Look(self.image.layer, self.order(), self.psf.prepared)
        )
        self.run_bar = RunBar("Run", "Deconvolve")
        self.expectation = Expectation(self.run_bar, lambda: (self.image.layer, self.order()))
        self.live_row = LiveRow(napari_viewer, self._task)
        self.live = self.live_row.live
        self._build()
        self._connect()
        self._on_image()

    def order(self) -> Order:
        """What the panel is set to; a `DeconvError` if a field does not fit."""
        if self.image.layer is None:
            raise DeconvError("No image is chosen.", "Open one: File > Open Sample.")
        linear = self.linear.isVisibleTo(self) and self.linear.isChecked()
        psf, image = self.variety.applied(self.psf.request()), self.psf.image
        method, noise, refine = self.method.spec(), self.noise.value, self.refine.value()
        return Order(method, psf, noise, image, linear, refine, self.nan.value())

    def run(self) -> None:
        """Restore the chosen layer; the result becomes a new layer."""
        try:
            order, layer = self.order(), self.image.layer
            target = self.to_disk.target(layer, order.method.title)
            self.refine.check(target)
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        assert layer is not None  # or there is no order
        self.live_row.off()
        self.expectation.stop()
        self.image.pick(layer)  # from here on it is meant, whatever else is opened
        self._origin = Origin(Placement.of(layer), order.method.title, layer.source.path)
        data, axes, path = pixels(layer), axes_of(layer), layer.source.path
        if target is None:
            self.run_bar.start(lambda cancel: order.run(data, axes, cancel))
        else:
            self.run_bar.start(lambda cancel: write(order, path, data, axes, target, cancel))

    def load(self, record: RunRecord) -> None:
        """Set the panel to a result's record.

        Raises
        ------
        DeconvError
            If the image or the PSF it names is not there.
        """
        self.image.pick(find(self._viewer, record.source))
        psf = PsfRequest.from_dict(record.psf)
        first = next(iter(psf.channels.values()), psf)
        self.psf.restore(psf if psf.generator or psf.file or psf.layer else first)
        self.variety.restore(psf)
        fields = dict(record.method)
        name = str(fields.pop("name"))
        if not self.method.choose(name, fields):
            raise DeconvError(f"There is no method {name!r}.", "Choose another.")
        self.linear.setChecked(record.light == "linear")
        self.refine.setValue(record.refine_psf)
        self.nan.choose(record.nan)
        self.noise.set_value(record.given_noise)

    def _build(self) -> None:
        top = rows()
        top.addRow("Image", self.image)
        noise = rows()
        noise.addRow("Noise", self.noise)
        noise.addRow("Refine PSF", self.refine)
        noise.addRow(self.nan)
        for part in (
            self.hint, top, self.to_disk, heading("Blur"), self.psf, self.variety,
            heading("Method"), self.method, self.offer, noise, self.linear, self.curve,
            self.inside,
        ):  # fmt: skip
            self.body.addWidget(part) if isinstance(part, QWidget) else self.body.addLayout(part)
        self.body.addStretch(1)
        # What a person comes back to stays in sight, however many fields a method has.
        for below in (self.recipes, self.live_row, self.run_bar):
            self.footer.addWidget(below)

    def _connect(self) -> None:
        self.image.picked.connect(self._on_image)
        self.psf.changed.connect(lambda: self.variety.set_psf(self.psf.prepared))
        self.psf.shown.connect(lambda: self.variety.set_psf(self.psf.prepared))
        self.psf.shown.connect(self._on_change)
        self.variety.changed.connect(self._on_change)
        for signal in (self.psf.shown, self.method.changed):
            signal.connect(lambda: self.offer.look(self.method, self.psf.prepared))
        self.method.changed.connect(self._on_method)
        self.method.loaded.connect(self._on_methods)
        self.method.failed.connect(self.run_bar.fail)
        self.noise.changed.connect(self._on_change)
        self.linear.toggled.connect(self._on_change)
        self.nan.changed.connect(self._on_change)
        self.run_bar.pressed.connect(self.run)
        self.run_bar.done.connect(self._on_result)
        self.recipes.again.connect(self._on_again)
        self.on_close(self.live.close)
        self.on_close(self.expectation.stop)
        self.on_close(self.run_bar.job.stop)
        self.on_close(self.inside.job.stop)

    def _on_methods(self) -> None:
        self.recipes.kinds = self.method.kinds
        self._on_image()

    def _on_image(self) -> None:
        layer = self.image.layer
        self.hint.say("" if layer is not None else _HINT)
        self.run_bar.set_ready(layer is not None and self.method.isEnabled())
        self.linear.setVisible(layer is not None and layer.rgb)
        self.psf.set_image(layer)
        self.variety.set_image(layer)
        self.to_disk.set_image(layer)
        self.noise.set_image(layer)
        self.nan.set_image(layer)
        self._on_change()

    def _on_change(self) -> None:
        self.live.refresh()
        self.expectation.refresh()

    def _on_method(self) -> None:
        kind = self.method.kind
        self.inside.look_at(kind)
        self._on_change()

    def _task(self) -> Task:
        # A region tells less of the noise than the image does.
        order, prepared = replace(self.order(), noise=self.noise.level), self.psf.prepared
        if prepared is None:
            raise DeconvError("The PSF is not ready.", "See above.")
        prepared.usable()

        def psf(region: Region) -> NDArray[Any]:
            # Where PSFs differ across the image, that of the middle of what is in view holds.
            middle = zip(region.axes, region.offset, region.data.shape, strict=False)
            place = {a: at + n // 2 * (a in "YX") for a, at, n in middle}
            return order.psf_at(prepared, place)

        shape = tuple(prepared.array.shape)

        return Task(self.image.layer, shape, psf, order.preview)

    def _on_result(self, made: Any) -> None:
        if self._origin is not None:
            record, said, kind = add_result(self._viewer, self._origin, made)
            self.run_bar.message.say(said, kind)
            self.curve.show_record(record)

    def _on_again(self, record: RunRecord) -> None:
        try:
            if self.run_bar.running:
                raise DeconvError("Another run is on.", "Wait for it, or cancel it first.")
            self.load(record)
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        self.run()
