"""The Compare panel: several configured methods on one layer, with the numbers that tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.viewer import Viewer
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QWidget

from ...core.errors import DeconvError
from ...psf import PsfRequest
from ..kit.inputs import Fold
from ..kit.layer_combo import LayerCombo
from ..kit.layers import Placement, is_image, is_ours, planes
from ..kit.parts import Notice, Panel, heading, read_out, rows, small
from ..kit.run_bar import RunBar
from ..psf.finder import Finder, is_estimate
from ..psf.image import FromImage
from ..psf.source import PsfSource
from .export import ExportBox
from .group import Group
from .inputs import Judging
from .list import MethodList, deconvolve_settings
from .order import CompareOrder, order_for
from .probes import Probes
from .sweep import SweepBox
from .table import Table
from .views import Views

if TYPE_CHECKING:
    from ...comparison.material import Material
    from ...comparison.recipe import Comparison
    from ...comparison.run import Outcome, Progress
    from ...comparison.sweep import Sweep
    from ...estimation.result import Estimate

_HINT = (
    "Open an image first: File > Open Sample > Deconvolution, or drop a file on the window. "
    "Then put methods on the list, and press Compare."
)
_FIND = "Find it in the image"
_PRESUMED = (
    "This blur is only a preset: nobody found or measured it. If it is wrong, all results ring."
)
_POOR = "The blur was probably not found: see above, under “How was it blurred?”."
_BUSY = ("Another run is on.", "Wait for it, or cancel it first.")
_START = ("wiener", "richardson-lucy", "tv")


class ComparePanel(Panel):
    """Compare methods and settings on an image layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it is docked in.
    """

    def __init__(self, napari_viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._order: Any = None
        # What is shown: of the comparison in the table, and of the sweep.
        self._kept: dict[str, tuple[CompareOrder, Outcome, str]] = {}
        self._sweeping: Any = None
        self._shown = 0
        self.hint, self.notice = Notice(), Notice(answers=True)
        self.image = LayerCombo(napari_viewer, is_image, shy=("truth", "result"))
        self.image.setToolTip("The image to restore. It is never changed.")
        self.judging = Judging(napari_viewer)
        self.page = FromImage(napari_viewer, brief=True)
        self.psf = PsfSource(
            napari_viewer, adopt=is_ours, apart=True, page=self.page, question=True
        )
        self.blur, self.blurred_by = Fold("How was it blurred?", self.psf), read_out()
        self.doubt = Notice()
        self.methods = MethodList()
        self.table = Table()
        self.columns = small("Columns…", "Choose which numbers the table shows.")
        self.columns.hide()
        self.group = Group(self, napari_viewer)
        self.views = Views(napari_viewer, self.group, self._say)
        self.probes = Probes(napari_viewer, self.group, self._say)
        self.sweep = SweepBox(napari_viewer, self.group)
        self.export = ExportBox(self._exported)
        self.run_bar = RunBar("Compare", "Compare")
        self.finder = Finder(
            napari_viewer, self.image, self.psf, self.run_bar, lambda: self.run(self._wanted)
        )
        self._wanted: Sweep | None = None
        self._build()
        self._connect()
        self._on_image()

    def sizeHint(self) -> QSize:
        """A little wider than the other panels, for the table."""
        return QSize(380, 640)

    def order(self, sweep: Sweep | None = None) -> CompareOrder:
        """What the panel is set to; a `DeconvError` if something does not fit."""
        methods = () if sweep is not None else self.methods.methods()
        if sweep is None and not methods:
            raise DeconvError(
                "The list of methods is empty.", "Add some: 'Set up a method', then 'Add'."
            )
        layers = {"image": self.image.layer, **self.judging.layers}
        return order_for(
            layers, self.psf.preparing(), methods=methods, sweep=sweep, **self.judging.settings()
        )

    def run(self, sweep: Sweep | None = None) -> None:
        """Compare; results become layers as they arrive.

        Where the blur is to be found in the image, that is done first.
        """
        self._wanted = sweep
        if self.psf.needs_estimate:
            self.finder.start()
            return
        try:
            order = self.order(sweep)
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        layer = self.image.layer
        self.image.pick(layer)
        self._sweeping, self._order = sweep, order
        self._shown, self._unit = 0, order.unit
        self._placement, self._axes = Placement.of(layer), order.axes
        self._say("")
        if sweep is None:
            self.group.back()
            self.group.begin(layer, self.judging.truth.layer)
        self.run_bar.start(order.run)

    def find(self) -> None:
        """Find the blur in the image, and take it for the comparison to come."""
        if self.run_bar.running:
            self.run_bar.fail(DeconvError(*_BUSY))
            return
        self.psf.choice.choose("image")
        if self.psf.needs_estimate:
            self.finder.start(goes_on=False)

    def load(self, comparison: Comparison) -> None:
        """Set methods, PSF and judging from a recipe."""
        methods = [comparison.sweep.method] if comparison.sweep else comparison.methods
        self.methods.set_methods(methods)
        self.judging.set_settings(comparison)
        if {"spec", "layer"} & set(comparison.psf):
            try:
                self.psf.restore(PsfRequest.from_dict(comparison.psf))
            except DeconvError as error:
                self._say(str(error))

    def _build(self) -> None:
        top = rows()
        top.addRow("Image", self.image)
        for part in (
            self.hint, top, self.judging, self.blur, self.blurred_by, self.doubt,
            heading("Methods"),
            self.methods, Fold("Sweep a field", self.sweep),
            heading("Results"), self.table, self.columns, self.views, self.probes, self.notice,
            Fold("Export and replay", self.export),
        ):  # fmt: skip
            self.body.addWidget(part) if isinstance(part, QWidget) else self.body.addLayout(part)
        self.body.addStretch(1)
        self.footer.addWidget(self.run_bar)

    def _connect(self) -> None:
        self.image.picked.connect(self._on_image)
        self.psf.changed.connect(self._on_blur)
        self.psf.shown.connect(self._on_blur)
        self.doubt.button.clicked.connect(self.find)
        self.run_bar.message.button.clicked.connect(self.find)
        self.page.verdict.button.clicked.connect(lambda: self.run(self._wanted))
        self.run_bar.job.on_preview = self.finder.preview
        self.judging.truth.picked.connect(self._on_truth)
        self.methods.changed.connect(self._on_list)
        self.methods.choice.loaded.connect(self._on_methods)
        self.methods.choice.failed.connect(self.run_bar.fail)
        self.methods.list.currentRowChanged.connect(lambda _: self._on_list())
        self.methods.buttons["take"].clicked.connect(self._take)
        self.columns.clicked.connect(lambda: self.table.choose_columns())
        self.table.chosen.connect(self.group.select)
        self.sweep.pressed.connect(self._on_sweep)
        self.export.loaded.connect(self.load)
        self.run_bar.pressed.connect(self.run)
        self.run_bar.done.connect(self._on_done)
        self._tell_step = self.run_bar.job.on_step
        self.run_bar.job.on_step = self._on_step
        self.run_bar.job.on_cancel = self._on_cancel
        for notice in (self.run_bar.message, self.notice):
            notice.keep_to(self._viewer, self.image)
        self.on_close(self.views.curtain.close_view)
        self.on_close(self.run_bar.job.stop)

    def _on_methods(self) -> None:
        self.methods.setEnabled(True)
        kinds = self.methods.choice.kinds
        if not self.methods.methods():
            self.methods.set_methods([kinds[name]() for name in _START if name in kinds])

    def _on_image(self) -> None:
        layer = self.image.layer
        self.hint.say(self.image.hint(_HINT))
        self.run_bar.set_ready(layer is not None)
        self.psf.set_image(layer)
        self.judging.set_image(layer)
        self._on_blur()
        if layer is not None and self._is_open:
            self.blur.button.setChecked(True)

    @property
    def _is_open(self) -> bool:
        """Whether it is open how the image was blurred."""
        return self.psf.needs_estimate or self.psf.choice.name == "unknown"

    def _on_blur(self) -> None:
        """Say which blur is taken, though it may be folded away."""
        found = self.psf.choice.name == "image" and not self._is_open
        estimate = self.page.estimate if found else None
        sure = "" if estimate is None else f" ({estimate.confidence.level})"
        title = f"what was found in the image{sure}" if found else self.psf.title
        self.blurred_by.setText(f"Blurred by: {title if not self._is_open else 'not known yet'}")
        prepared = self.psf.prepared
        self.methods.fit(None if prepared is None else int(prepared.array.ndim))
        photo = self.image.layer is not None and planes(self.image.layer) == 1
        button = _FIND if photo else ""
        if self.psf.needs_estimate and photo:
            self.doubt.say("Compare finds the blur in the image first.", "info", button)
        elif self._is_open and photo:
            self.doubt.say("Choose above how the image was blurred, or:", "info", button)
        elif self.psf.presumed:
            self.doubt.say(_PRESUMED, "warning", button)
        else:
            self.doubt.say("")

    def _on_truth(self) -> None:
        if not self.run_bar.running:
            self.group.truth = self.judging.truth.layer

    def _on_list(self) -> None:
        self.sweep.set_method(self.methods.selected())

    def _take(self) -> None:
        try:
            self.methods.add(deconvolve_settings(self.window() or self))
        except DeconvError as error:
            self.methods.notice.say(str(error), "error")

    def _on_sweep(self) -> None:
        try:
            if self.run_bar.running:
                raise DeconvError(*_BUSY)
            sweep = self.sweep.sweep()
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        self.run(sweep)

    def _on_step(self, step: Progress, left: str) -> None:
        self._tell_step(step, left)
        if not self.finder.running:
            self._arrived(step.rows, step.before)

    def _arrived(self, judged: tuple[Any, ...], before: Any) -> None:
        """Show the rows that are new."""
        if len(judged) == self._shown:
            return
        fresh, self._shown = judged[self._shown :], len(judged)
        self._keep(judged, before)
        if self._sweeping is not None:
            self.sweep.follow_rows(judged, self._sweeping.values)
            return
        first = not self.group.results
        for row in fresh:
            if row.data is not None:
                self.group.add(row)
        self.table.show_rows(judged, self._unit, before)
        self.columns.show()
        if self.group.results:
            if first:
                self.group.side_by_side()
            self.views.offer()
            self.probes.follow()

    def _keep(self, rows_: tuple[Any, ...], before: Any) -> None:
        """Keep what stands for the export, though the run may yet be cancelled."""
        from ...comparison.run import Outcome

        comparison = self._order.comparison
        if self._sweeping is None:
            comparison = replace(comparison, methods=comparison.methods[: len(rows_)])
        else:
            values = self._sweeping.values[: len(rows_)]
            comparison = replace(comparison, sweep=replace(self._sweeping, values=values))
        kind = "comparison" if self._sweeping is None else "sweep"
        outcome = Outcome(comparison, rows_, (), 0.0, before)
        self._kept[kind] = (self._order, outcome, self._placement.name)

    def _on_done(self, result: Outcome | Estimate) -> None:
        if is_estimate(result):
            self.finder.take(result)
            self.blur.button.setChecked(True)  # where it says how sure that is
            if result.confidence.level == "poor":
                self.run_bar.message.say(_POOR, "warning")
        else:
            self._show(result)

    def _show(self, outcome: Outcome) -> None:
        self._arrived(outcome.rows, outcome.before)
        kind = "comparison" if self._sweeping is None else "sweep"
        self._kept[kind] = (self._order, outcome, self._placement.name)
        if self._sweeping is not None:
            self.sweep.finish(outcome, self._placement, self._axes)
        failed = [row for row in outcome.rows if row.error]
        words = [f"Done in {outcome.seconds:.1f} s."]
        if failed:
            words.append(f"{len(failed)} of {len(outcome.rows)} failed: see the table.")
            words += [f"{row.label}: {row.error}" for row in failed[:3]]
        found = "estimate" in outcome.comparison.psf or "Z" in self._axes
        self.run_bar.message.say(
            "\n".join([*words, *outcome.notes]),
            "warning" if failed or outcome.doubt else "info",
            _FIND if outcome.doubt and not found else "",
            about=self.group.results.values(),
        )

    def _on_cancel(self) -> None:
        if self.finder.running:
            self.run_bar.message.say("Cancelled. The blur is not found yet.")
            return
        what = "value" if self._sweeping is not None else "result"
        self.run_bar.message.say(f"Cancelled. {self._shown} {what}(s) stood by then.")

    def _exported(self) -> list[tuple[Outcome, Material, str, tuple[int, ...]]]:
        """What there is to export, with the rectangle and the plane as they are now."""
        parts = []
        for order, outcome, name in self._kept.values():
            comparison = replace(outcome.comparison, rectangle=self.probes.corners())
            count = len(order.image.shape)
            at = tuple(int(i) for i in self._viewer.dims.current_step)[-count:]
            at = at if len(at) == count else ()
            assert order.material is not None
            parts.append((replace(outcome, comparison=comparison), order.material, name, at))
        return parts

    def _say(self, text: str) -> None:
        self.notice.say(text, "info")
