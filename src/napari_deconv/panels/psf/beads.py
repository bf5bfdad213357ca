"""A PSF from an image of beads: points or found, a verdict on each, a PSF layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Points
from napari.viewer import Viewer
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from ...core.errors import DeconvError
from ...io.atomic import replacing
from ..kit.inputs import Combo, Fold
from ..kit.job import steps_of
from ..kit.layer_combo import LayerCombo
from ..kit.layers import KEY, Placement, axes_of, follow, is_image, pixel_size, pixels
from ..kit.parts import Notice, Panel, read_out, rows, small
from ..kit.run_bar import RunBar
from .beads_theory import Theory, compared
from .layer import add_psf, image_facts, psf_name, typed_size
from .picture import Picture

if TYPE_CHECKING:
    from ...psf.beads.report import Bead, Measured

_AUTOMATIC = "found by themselves"
_COLOURS = {"": "#4caf50", "border": "#ff9800", "close": "#ffeb3b", "saturated": "#e53935",
            "dim": "#90a4ae", "shape": "#ab47bc", "discarded": "#616161"}  # fmt: skip
_HELP = (
    "Sub-resolution beads, recorded like the image. Beads are fitted, centred, freed of their "
    "background and averaged; each gets a verdict. A click on its circle (or its tick in the "
    "table) leaves a bead out; another takes it in again."
)
_PAGE = "PDF (*.pdf);;PNG (*.png);;SVG (*.svg)"


class BeadsPanel(Panel):
    """Measure a PSF from beads; it becomes a PSF layer, the beads points coloured by verdict.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it is docked in.
    """

    def __init__(self, napari_viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self.image = LayerCombo(napari_viewer, is_image, shy=("truth", "result"))
        self.points = Combo()
        self.points.setToolTip("A points layer with one point on each bead, or find them.")
        self.extent = QLineEdit()
        self.extent.setPlaceholderText("automatic")
        self.extent.setToolTip("Odd size of the PSF: empty for automatic, 31, or 21, 31, 31.")
        self.symmetric = QCheckBox("Average mirror images and turns")
        self.symmetric.setToolTip("For lenses without coma or astigmatism: less noise.")
        self.theory = Theory(napari_viewer)
        self.fold = Fold("Compare with the optics", self.theory)
        self.bar = RunBar("Measure PSF", "Measuring the PSF")
        self.picture, self.readout, self.message = Picture(), read_out(), Notice()
        self.table = QTableWidget(0, 3)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setMinimumHeight(140)
        self.to_table = small("Table…", "Write every bead's place, verdict and widths as CSV")
        self.to_page = small("Report…", "Write one page with sections, widths and a map")
        self.verdicts: Points | None = None
        self._layer: Image | None = None
        self._again = False
        """Whether the same image is measured again, without a bead or with it."""
        self._discarded: list[tuple[float, ...]] = []
        self._searched: Image | None = None
        self._measured: Measured | None = None
        self._geometry: tuple[Any, ...] = ()
        self._planes: list[tuple[float, ...]] = []
        self._build()
        self.bar.pressed.connect(self._on_press)
        self.bar.done.connect(self._on_done)
        self.table.cellClicked.connect(self._go_to)
        self.table.itemChanged.connect(self._on_mark)
        self.to_table.clicked.connect(self._write_table)
        self.to_page.clicked.connect(self._write_page)
        self.image.picked.connect(lambda: self.theory.set_image(self.image.layer))
        for event in (napari_viewer.layers.events.inserted, napari_viewer.layers.events.removed):
            follow(self, event, self._list_points)
        self.on_close(self.bar.job.stop)
        for notice in (self.message, self.bar.message):
            notice.keep_to(napari_viewer, self.image)
        clicks = napari_viewer.mouse_drag_callbacks
        clicks.append(self._on_canvas)
        self.on_close(partial(_forget, clicks, self._on_canvas))
        self._list_points()
        self.theory.set_image(self.image.layer)

    def measure(self) -> None:
        """Measure in a worker."""
        try:
            make = self._task()
        except DeconvError as error:
            self.bar.fail(error)
            return
        self.message.say("")
        self.bar.start(steps_of(make))

    def _on_press(self) -> None:
        self._again = False
        self.measure()

    def _build(self) -> None:
        self.body.addWidget(read_out(_HELP))
        form = rows()
        form.addRow("Bead image", self.image)
        form.addRow("Beads", self.points)
        form.addRow("Picture (px)", self.extent)
        form.addRow(self.symmetric)
        self.body.addLayout(form)
        self._written = QWidget()
        row = QHBoxLayout(self._written)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.to_table)
        row.addWidget(self.to_page)
        for part in (self._written, self.table):
            part.hide()
        for part in (self.fold, self.picture, self.readout, self.table, self._written):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.footer.addWidget(self.message)
        self.footer.addWidget(self.bar)
        self.picture.show_psf(None)

    def _list_points(self, *_: object) -> None:
        chosen = self.points.currentData()
        self.points.clear()
        self.points.addItem(_AUTOMATIC, None)
        for layer in self._viewer.layers:
            if isinstance(layer, Points) and KEY not in layer.metadata:
                self.points.addItem(layer.name, layer)
        self.points.setCurrentIndex(max(0, self.points.findData(chosen)))

    def _task(self) -> Any:
        from ...psf.beads import measure

        layer = self.image.layer
        if layer is None:
            raise DeconvError("No image of beads is open.", "Open one.")
        axes, data = axes_of(layer), pixels(layer)
        if layer.rgb or layer.ndim > 3 or set(axes) - set("ZYX"):
            raise DeconvError(
                f"{layer.name!r} has the axes {axes}.", "Give a grey plane or one stack of planes."
            )
        given = self.points.currentData()
        if given is None:
            places = None
        elif not len(given.data):
            raise DeconvError(f"{given.name!r} holds no points.", "Set one on each bead.")
        else:
            world = [given.data_to_world(point) for point in given.data]
            places = np.array([layer.world_to_data(point)[-layer.ndim :] for point in world])
        if layer is not self._searched:
            self._searched, self._discarded = layer, []
        without = list(self._discarded)
        size, even = typed_size(self.extent.text(), layer.ndim), self.symmetric.isChecked()
        facts = image_facts(layer)
        self._geometry = (Placement.of(layer), facts, pixel_size(layer, layer.ndim))
        render = self.theory.render(layer.ndim, facts)

        def make() -> Any:
            measured = measure(np.asarray(data), places, size=size, symmetric=even, discard=without)
            return measured, None if render is None else render(measured.psf.shape)

        return make

    def _on_done(self, result: Any) -> None:
        from ...psf import describe
        from ...psf.beads.page import summary

        measured, theory = result
        self._measured = measured
        placement, facts, size = self._geometry
        unit = facts.unit
        self.picture.show_psf(measured.psf)
        for part in (self._written, self.table):
            part.show()
        words = [describe(measured.psf, size if unit else None, unit)]
        words += summary(measured, size if unit else None, unit)
        words += [] if theory is None else [compared(measured, theory, size, unit)]
        self.readout.setText("\n".join(words))
        image = placement.options
        self._planes = [
            tuple(np.array(bead.place) * image["scale"] + image["translate"])[:-2]
            for bead in measured.beads
        ]
        self._fill(measured.beads)
        self._show_verdicts(measured.beads, placement)
        self._show_psf_layer(measured, placement)
        left = len(measured.beads) - len(measured.used)
        self.message.say(
            f"Made a PSF layer of {len(measured.used)} beads; {left} were not used (see the "
            "table).",
            about=[] if self._layer is None else [self._layer],
        )

    def _show_psf_layer(self, measured: Measured, placement: Placement) -> None:
        """Make a layer, or put the PSF in place of that of the same beads but one."""
        recipe = {
            "beads": len(measured.used),
            "layer": f"{len(measured.used)} beads of {placement.name}",
        }
        layer = self._layer
        same = layer is not None and layer in self._viewer.layers
        if self._again and same and layer is not None and layer.data.shape == measured.psf.shape:
            layer.data = measured.psf
            layer.metadata[KEY]["psf"] = recipe
            layer.name = psf_name(recipe)
        else:
            self._layer = add_psf(
                self._viewer, measured.psf, recipe, placement, by="psf", visible=False
            )

    def _fill(self, beads: tuple[Bead, ...]) -> None:
        _, facts, size = self._geometry
        unit = facts.unit or "px"
        steps = size if facts.unit else (1.0,) * len(size)
        self.table.blockSignals(True)
        self.table.setHorizontalHeaderLabels(["Use", f"FWHM ({unit})", "At (px)"])
        self.table.setRowCount(len(beads))
        for row, bead in enumerate(beads):
            widths = zip(bead.fwhm_px, steps, strict=False)
            px = " x ".join(f"{w:.1f}" for w in bead.fwhm_px)
            texts = (
                bead.words,
                " x ".join(f"{w * step:.3g}" for w, step in widths),
                ", ".join(f"{p:.1f}" for p in bead.place),
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{text} ({px} px)" if column == 1 else text)
                self.table.setItem(row, column, item)
            if self._can_be_left_out(row):
                mark = Qt.CheckState.Unchecked if bead.reason else Qt.CheckState.Checked
                self.table.item(row, 0).setCheckState(mark)
        self.table.resizeColumnsToContents()
        self.table.blockSignals(False)

    def _on_mark(self, item: QTableWidgetItem) -> None:
        """Leave a bead out or take it in again, and measure anew."""
        if self._measured is None or item.column():
            return
        place = self._measured.beads[item.row()].place
        if item.checkState() == Qt.CheckState.Unchecked:
            self._discarded.append(place)
        else:
            near = [p for p in self._discarded if np.abs(np.subtract(p, place)).max() < 1]
            self._discarded = [p for p in self._discarded if p not in near]
        self._again = True
        self.measure()

    def _on_canvas(self, viewer: Viewer, event: Any) -> Iterator[None]:
        """Take a click on a circle, which is no drag, for one on its tick."""
        yield
        if event.type != "mouse_release" or event.button != 1 or self.bar.running:
            return
        marks = self.verdicts
        if marks is None or marks not in viewer.layers or not marks.visible or not len(marks.data):
            return
        apart = np.linalg.norm(
            marks.data - np.asarray(marks.world_to_data(event.position[-2:])), axis=1
        )
        row = int(np.argmin(apart))
        item = self.table.item(row, 0)
        if apart[row] > float(np.max(marks.size)) / 2 or item is None:
            return
        if self._can_be_left_out(row):
            used = item.checkState() == Qt.CheckState.Checked
            mark = Qt.CheckState.Unchecked if used else Qt.CheckState.Checked
            # Measuring lets other events in, which napari does not expect of one for the mouse.
            QTimer.singleShot(0, partial(item.setCheckState, mark))

    def _can_be_left_out(self, row: int) -> bool:
        beads = () if self._measured is None else self._measured.beads
        return row < len(beads) and beads[row].reason in ("", "discarded")

    def _write_table(self) -> None:
        from ...psf.beads.page import table

        def write(measured: Measured, part: Path, size: Any, unit: str) -> None:
            part.write_text(table(measured, size, unit), encoding="utf-8")

        self._write("Write the beads", "beads.csv", "CSV (*.csv)", write)

    def _write_page(self) -> None:
        from ...psf.beads.page import check_page, page

        def write(measured: Measured, part: Path, size: Any, unit: str) -> None:
            check_page()
            page(measured, part, size, unit, self._geometry[0].name)

        self._write("Write the report", "beads.pdf", _PAGE, write)

    def _write(self, caption: str, start: str, pattern: str, how: Callable[..., None]) -> None:
        """Ask where to, and write what was found there."""
        path, _ = QFileDialog.getSaveFileName(self, caption, start, pattern)
        if not path or self._measured is None:
            return
        _, facts, size = self._geometry
        target = Path(path) if Path(path).suffix else Path(path + Path(start).suffix)
        try:
            with replacing(target) as part:
                how(self._measured, part, size if facts.unit else None, facts.unit)
        except DeconvError as error:
            self.message.say(str(error), "error")
            return
        self.message.say(f"Wrote {target.name}.")

    def _show_verdicts(self, beads: tuple[Bead, ...], placement: Placement) -> None:
        shown = self.verdicts if self.verdicts in self._viewer.layers else None
        if shown is not None and self._again and len(shown.data) == len(beads):
            shown.border_color = [_COLOURS[bead.reason] for bead in beads]
            shown.features = {"verdict": [bead.words for bead in beads]}
            return
        # Hidden rather than removed: taking layers away can crash software renderers.
        if shown is not None:
            shown.visible = False
        # Without z they are seen in every plane.
        keys = ("scale", "translate", "units", "axis_labels")
        self.verdicts = self._viewer.add_points(
            np.array([bead.place[-2:] for bead in beads]),
            name=f"Beads of {placement.name}",
            face_color="transparent",
            border_color=[_COLOURS[bead.reason] for bead in beads],
            border_width=0.12,
            size=float(np.median([max(b.fwhm_px[-2:] or (4.0,)) for b in beads])) * 3,
            features={"verdict": [bead.words for bead in beads]},
            metadata={KEY: {"kind": "beads"}},
            **{key: placement.options[key][-2:] for key in keys},
        )

    def _go_to(self, row: int, column: int) -> None:
        if self.verdicts is not None and self.verdicts in self._viewer.layers:
            place = self.verdicts.data_to_world(self.verdicts.data[row])
            plane = self._planes[row] if self._planes else ()
            self._viewer.dims.set_point(range(len(plane)), plane)
            self._viewer.scene.camera.center = (0.0, *place)


def _forget(callbacks: list[Any], callback: Callable[..., Any]) -> None:
    with suppress(ValueError):  # the viewer may have been closed before
        callbacks.remove(callback)
