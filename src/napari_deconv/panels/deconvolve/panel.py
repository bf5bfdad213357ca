"""The Deconvolve panel: image, PSF, method, preview, run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from napari.layers import Image
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...core.record import RunRecord
from ...degradation.arrays import full_scale
from ...psf import Disk, PsfRequest
from ..kit import settings
from ..kit.axes_row import AxesRow
from ..kit.form import MethodChoice
from ..kit.inputs import Fold
from ..kit.layer_combo import LayerCombo
from ..kit.layers import Placement, axes_of, find, is_image, is_ours, pixels, planes
from ..kit.live import Task
from ..kit.live_row import LiveRow
from ..kit.misfit import Misfit
from ..kit.noise import NoiseLevel
from ..kit.parts import Notice, Panel, heading, rows
from ..kit.result import Origin
from ..kit.run_bar import RunBar
from ..psf.channels import VarietyBox
from ..psf.finder import Finder, is_estimate
from ..psf.image import FromImage
from ..psf.layer import image_facts
from ..psf.source import PsfSource
from .advice import Advice, Advisor, Question
from .before import Before
from .expected import Expectation
from .maps import Inside, Look
from .nan import NanChoice
from .offer import WeightsOffer
from .order import Order
from .outcome import add_result
from .recipes import RecipeBox
from .refine import RefineRounds
from .stop_curve import StopCurve
from .strength import Strength
from .to_disk import ToDisk, check_blocks, write

if TYPE_CHECKING:
    from ..kit.region import Region

_HINT = (
    "Open an image first: File > Open Sample > Deconvolution, or drop a file on the window. "
    "Then say how it was blurred, and press Run."
)
_FIRST = "richardson-lucy"
_KEEP = "Keep as float, run again"
_OFFSET = "Account for the offset, run again"
_STAND_IN = PsfRequest(generator=Disk(radius_px=3.0))
"""What the time is told by while the blur is not found yet."""


class DeconvolvePanel(Panel):
    """Restore an image layer.

    A subclass with ``preset = "wiener"`` opens on that method; see `panels.presets`.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it is docked in.
    """

    preset: ClassVar[str] = ""

    def __init__(self, napari_viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._origin: Origin | None = None
        self._wanted: dict[str, Any] = {}
        self.hint = Notice()
        self.image = LayerCombo(napari_viewer, is_image, shy=("truth", "result"))
        self.image.setToolTip("The image to sharpen. It is never changed.")
        self.axes = AxesRow(napari_viewer)
        self.page = FromImage(napari_viewer, brief=True)
        self.psf = PsfSource(
            napari_viewer, adopt=is_ours, apart=True, page=self.page, question=True
        )
        self.variety = VarietyBox(napari_viewer)
        self.to_disk = ToDisk()
        self.curve = StopCurve()
        self.method = MethodChoice(self.preset or _FIRST, described=True)
        self.method.follows = not self.preset
        self.misfit = Misfit(self.method, ("richardson-lucy", "unrolled-3d", "unrolled"))
        self.strength = Strength()
        self.before = Before(napari_viewer)
        self.offer = WeightsOffer()
        self.noise = NoiseLevel()
        self.refine = RefineRounds()
        self.nan = NanChoice()
        self.linear = QCheckBox("In &linear light")
        self.linear.setToolTip(
            "For sRGB photos: takes their values to light before and back after. Helps with large "
            "blurs of bright spots and with coloured fringes."
        )
        self.float = QCheckBox("Keep as &float")
        self.float.setToolTip(
            "The result is not rounded, and what is brighter than white or darker than black is "
            "not cut off. Colours are then on a scale from 0 to 1."
        )
        self.recipes = RecipeBox(napari_viewer)
        self.inside = Inside(
            napari_viewer, lambda: Look(self.image.layer, self.order(), self.psf.prepared)
        )
        self.run_bar = RunBar("Run", "Deconvolve")
        self.expectation = Expectation(self.run_bar, self._expected)
        self.advisor = Advisor(self, self._question, self._take_advice)
        self.finder = Finder(napari_viewer, self.image, self.psf, self.run_bar, self.run)
        self._dialled: type[Any] | None = None
        self._untouched = True
        """Whether the strength has set no field: then what a form holds stays."""
        self.live_row = LiveRow(napari_viewer, self._task)
        self.live = self.live_row.live
        self._build()
        self._connect()
        self._on_image()

    def order(self) -> Order:
        """What the panel is set to; a `DeconvError` if a field does not fit."""
        return self._order(
            lambda: self.variety.applied(self.psf.request(), self.psf.optics.channel)
        )

    def _order(self, psf: Callable[[], PsfRequest]) -> Order:
        layer = self.image.layer
        if layer is None:
            raise DeconvError("No image is chosen.", "Open one: File > Open Sample.")
        method = self.method.spec()
        return Order(
            method,
            psf(),
            self.noise.value if method.heeds_noise else None,
            self.psf.image,
            linear=layer.rgb and self.linear.isChecked(),
            refine=self.refine.value(),
            strength=self.strength.share,
            nan=self.nan.value(),
            keep_float=_rounds(layer) and self.float.isChecked(),
            path=layer.source.path,
        )

    def run(self) -> None:
        """Restore the chosen layer; the result becomes a new layer.

        Where the blur is to be found in the image, that is done first.
        """
        if self.psf.needs_estimate:
            self._find()
            return
        try:
            order, layer = self.order(), self.image.layer
            target = self.to_disk.target(layer, order.method.title)
            if target is not None:
                check_blocks(order)
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        assert layer is not None  # or there is no order
        self.live_row.off()
        self.expectation.stop()
        self.image.pick(layer)  # from here on it is meant, whatever else is opened
        white = full_scale(np.dtype(pixels(layer).dtype))
        self._origin = Origin(Placement.of(layer), order.method.title, layer.source.path, white)
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
        self.float.setChecked(record.keep_float)
        self.refine.setValue(record.refine_psf)
        self.nan.choose(record.nan)
        self.noise.set_value(record.given_noise)
        self.strength.reset(record.strength)
        self.noise.set_factor(1.0)

    def _build(self) -> None:
        top = rows()
        top.addRow("Image", self.image)
        self._axes_label = QLabel("Axes")
        top.addRow(self._axes_label, self.axes)
        self._dial = rows()
        self._dial.addRow("Strength", self.strength)
        self._levels = rows()
        self._noise_label = QLabel("Noise")
        self._levels.addRow(self._noise_label, self.noise)
        self._levels.addRow("Refine PSF", self.refine)
        self._levels.addRow(self.nan)
        folded = QWidget()
        more = QVBoxLayout(folded)
        more.setContentsMargins(0, 0, 0, 0)
        for part in (
            self.psf.details, self.method.place, self._levels, self.linear, self.float,
            self.variety, self.inside, self.curve,
        ):  # fmt: skip
            more.addWidget(part) if isinstance(part, QWidget) else more.addLayout(part)
        self.more = Fold("More", folded, kept_as="deconvolve: more")
        for part in (
            self.hint, top, self.to_disk, heading("How was it blurred?"), self.psf,
            self.method, self.misfit, self.offer, self._dial, self.more,
        ):  # fmt: skip
            self.body.addWidget(part) if isinstance(part, QWidget) else self.body.addLayout(part)
        self.body.addStretch(1)
        # What a person comes back to stays in sight, however many fields a method has.
        for below in (self.recipes, self.live_row, self.before, self.run_bar):
            self.footer.addWidget(below)

    def _connect(self) -> None:
        self.image.picked.connect(self._on_image)
        self.axes.changed.connect(self._on_image)
        self.psf.changed.connect(lambda: self.variety.set_psf(self.psf.prepared))
        self.psf.shown.connect(lambda: self.variety.set_psf(self.psf.prepared))
        self.psf.shown.connect(self._on_change)
        self.variety.changed.connect(self._on_change)
        self.psf.optics.follows = lambda: self.variety.one_each
        self.variety.changed.connect(self.psf.optics.look)
        for signal in (self.psf.shown, self.method.changed):
            signal.connect(self._on_weights)
        self.method.changed.connect(self._on_method)
        self.method.loaded.connect(self._on_methods)
        self.method.failed.connect(self.run_bar.fail)
        self.psf.shown.connect(self.advisor.refresh)
        self.page.verdict.button.clicked.connect(self.run)
        self.strength.changed.connect(self._on_strength)
        self.run_bar.job.on_preview = self.finder.preview
        self.noise.changed.connect(self._on_change)
        self.linear.toggled.connect(self._on_change)
        self.nan.changed.connect(self._on_change)
        self.run_bar.pressed.connect(self.run)
        self.run_bar.done.connect(self._on_result)
        self.run_bar.message.button.clicked.connect(self._on_remedy)
        self.recipes.again.connect(self._on_again)
        for notice in (self.run_bar.message, self.inside.notice):
            notice.keep_to(self._viewer, self.image)
        self.on_close(self.live.close)
        self.on_close(self.expectation.stop)
        self.on_close(self.advisor.job.stop)
        self.on_close(self.run_bar.job.stop)
        self.on_close(self.inside.job.stop)

    def _on_methods(self) -> None:
        self.recipes.kinds = self.method.kinds
        self._on_image()

    def _on_image(self) -> None:
        layer = self.image.layer
        self.hint.say(self.image.hint(_HINT))
        self.linear.setVisible(layer is not None and layer.rgb)
        self.float.setVisible(layer is not None and _rounds(layer))
        self._axes_label.setVisible(self.axes.set_image(layer))
        self.psf.set_image(layer)
        self.variety.set_image(layer)
        self.to_disk.set_image(layer)
        self.noise.set_image(layer)
        self.nan.set_image(layer)
        self.before.hide()
        self.curve.hide()
        self.advisor.refresh()
        self._on_change()

    def _on_change(self) -> None:
        # What is recommended is about to change where it does not fit.
        fits = self.misfit.look(self._ndim, quiet=self.method.follows)
        ready = self.image.layer is not None and self.method.isEnabled()
        self.run_bar.set_ready(ready and fits)
        self.live.refresh()
        self.expectation.refresh()

    @property
    def _ndim(self) -> int | None:
        """Dimensions of the PSF; None while they are not known."""
        layer, prepared = self.image.layer, self.psf.prepared
        if prepared is not None:
            return int(prepared.array.ndim)
        plane = layer is not None and (layer.rgb or planes(layer) == 1)
        return 2 if plane or self.psf.needs_estimate else None

    def _on_method(self) -> None:
        kind = self.method.kind
        self.inside.look_at(kind)
        heeded = kind is None or kind.heeds_noise
        for part in (self.noise, self._noise_label):
            part.setVisible(heeded)
        if kind is not self._dialled:
            self._dialled = kind
            self._on_strength()
        self._on_change()

    def _on_weights(self) -> None:
        """Look for weights for the PSF, unless the method does not work with it at all."""
        fits = self.method.fits_in(self.method.name, self._ndim)
        self.offer.look(self.method, self.psf.prepared if fits else None)

    def _on_strength(self) -> None:
        """Set what the strength comes to for the method that is chosen."""
        kind = self.method.kind
        if kind is None or self.method.form is None:
            return
        change = self.strength.turned(kind)
        self.noise.set_factor(change.noise)
        if change.fields and not (self.strength.usual and self._untouched):
            self.method.form.set_values(change.fields)
        self._untouched = self.strength.usual

    def _question(self) -> Question | None:
        layer, prepared, chosen = self.image.layer, self.psf.prepared, settings.current()
        if layer is None or not self.method.isEnabled():
            return None
        stack = planes(layer) > 1 and not layer.rgb
        usable = prepared is not None and not any(f.fatal for f in prepared.findings)
        psf = prepared.array if usable and prepared is not None else None
        ndim = (3 if stack else 2) if psf is None else psf.ndim
        facts = image_facts(layer)
        spacing = None if facts is None else facts.sizes(ndim)
        return Question(
            pixels(layer), axes_of(layer), ndim, psf, spacing, chosen.device, chosen.precision
        )

    def _take_advice(self, advice: Advice) -> None:
        best = advice.recommendation
        self.method.recommend(best.method, best.reason, advice.trained)

    def _expected(self) -> tuple[Image | None, Order, str]:
        if self.psf.needs_estimate:
            return self.image.layer, self._order(lambda: _STAND_IN), "finds the blur, then"
        return self.image.layer, self.order(), ""

    def _find(self) -> None:
        """Estimate the blur; restoring comes after it."""
        self.live_row.off()
        self.expectation.stop()
        self.finder.start()

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

    def _on_result(self, result: Any) -> None:
        if is_estimate(result):
            self.finder.take(result)
        elif self._origin is not None:
            before = list(self._viewer.layers)
            record, words, kind = add_result(self._viewer, self._origin, *result)
            layer = next(x for x in self._viewer.layers if x not in before)
            cut = any(n.code == "clipped" and n.severity == "warning" for n in result[0].notes)
            pedestal = any('offset_counts="auto"' in str(note) for note in result[0].notes)
            remedy = _OFFSET if pedestal else _KEEP if cut else ""
            remedy = remedy if not record.written else ""
            self.run_bar.message.say(words, kind, remedy, about=[layer])
            self.curve.show_record(record)
            self.before.show_for(layer)

    def _on_remedy(self) -> None:
        form = self.method.form
        if self.run_bar.message.button.text() != _OFFSET:
            self.float.setChecked(True)
        elif form is not None and "offset_counts" in form.widgets:
            form.set_values({"offset_counts": "auto"})
        self.run()

    def _on_again(self, record: RunRecord) -> None:
        try:
            if self.run_bar.running:
                raise DeconvError("Another run is on.", "Wait for it, or cancel it first.")
            self.load(record)
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        self.run()


def _rounds(layer: Image) -> bool:
    """Whether a result of the layer's type is rounded to whole numbers, and cut off."""
    return np.dtype(pixels(layer).dtype).kind in "iu"
