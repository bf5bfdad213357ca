"""A PSF from an image of beads: points or found, a verdict on each, a PSF layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points
from napari.viewer import Viewer
from qtpy.QtWidgets import QCheckBox, QLineEdit, QTableWidget, QTableWidgetItem, QWidget

from ...core.errors import DeconvError
from ..kit.inputs import Combo, Fold
from ..kit.job import steps_of
from ..kit.layer_combo import LayerCombo
from ..kit.layers import KEY, Placement, axes_of, follow, is_image, pixel_size, pixels
from ..kit.parts import Notice, Panel, read_out, rows
from ..kit.run_bar import RunBar
from .beads_theory import Theory, compared
from .layer import add_psf, image_facts, typed_size
from .picture import Picture

_FOUND = "found by themselves"
_COLOURS = {"": "#4caf50", "border": "#ff9800", "close": "#ffeb3b", "saturated": "#e53935",
            "dim": "#90a4ae", "shape": "#ab47bc"}  # fmt: skip
_HELP = (
    "Sub-resolution beads, recorded like the image. Beads are fitted, centred, freed of their "
    "background and averaged; each gets a verdict."
)


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
        self.theory = Theory()
        self.fold = Fold("Compare with the optics", self.theory)
        self.bar = RunBar("Measure PSF", "Measuring the PSF")
        self.picture, self.told, self.message = Picture(), read_out(), Notice()
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["Verdict", "Bead at (px)", "FWHM (px)"])
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setMinimumHeight(140)
        self.verdicts: Points | None = None
        self._about: tuple[Any, ...] = ()
        self._planes: list[tuple[float, ...]] = []
        self._build()
        self.bar.pressed.connect(self.measure)
        self.bar.done.connect(self._on_done)
        self.table.cellClicked.connect(self._go_to)
        self.image.picked.connect(lambda: self.theory.set_image(self.image.layer))
        for event in (napari_viewer.layers.events.inserted, napari_viewer.layers.events.removed):
            follow(self, event, self._list_points)
        self.on_close(self.bar.job.stop)
        self._list_points()
        self.theory.set_image(self.image.layer)

    def measure(self) -> None:
        """Measure in a worker."""
        try:
            make = self._asked()
        except DeconvError as error:
            self.bar.fail(error)
            return
        self.message.say("")
        self.bar.start(steps_of(make))

    def _build(self) -> None:
        self.body.addWidget(read_out(_HELP))
        form = rows()
        form.addRow("Bead image", self.image)
        form.addRow("Beads", self.points)
        form.addRow("Array (px)", self.extent)
        form.addRow(self.symmetric)
        self.body.addLayout(form)
        for part in (self.fold, self.picture, self.told, self.table):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.footer.addWidget(self.message)
        self.footer.addWidget(self.bar)
        self.picture.show_psf(None)

    def _list_points(self, *_: object) -> None:
        chosen = self.points.currentData()
        self.points.clear()
        self.points.addItem(_FOUND, None)
        for layer in self._viewer.layers:
            if isinstance(layer, Points) and KEY not in layer.metadata:
                self.points.addItem(layer.name, layer)
        self.points.setCurrentIndex(max(0, self.points.findData(chosen)))

    def _asked(self) -> Any:
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
        size, even = typed_size(self.extent.text(), layer.ndim), self.symmetric.isChecked()
        facts = image_facts(layer)
        self._about = (Placement.of(layer), facts, pixel_size(layer, layer.ndim))
        render = self.theory.render(layer.ndim, facts)

        def make() -> Any:
            found = measure(np.asarray(data), places, size=size, symmetric=even)
            return found, None if render is None else render(found.psf.shape)

        return make

    def _on_done(self, made: Any) -> None:
        from ...psf import describe

        found, theory = made
        placement, facts, size = self._about
        unit = facts.unit
        self.picture.show_psf(found.psf)
        said = [describe(found.psf, size if unit else None, unit)]
        said += [] if theory is None else [compared(found, theory, size, unit)]
        self.told.setText("\n".join(said))
        image = placement.options
        self._planes = [
            tuple(np.array(bead.place) * image["scale"] + image["translate"])[:-2]
            for bead in found.beads
        ]
        self._fill(found.beads)
        self._show_verdicts(found.beads, placement)
        about = {"beads": len(found.used), "layer": f"{len(found.used)} beads of {placement.name}"}
        add_psf(self._viewer, found.psf, about, placement, by="psf", visible=False)
        left = len(found.beads) - len(found.used)
        self.message.say(
            f"Made a PSF layer of {len(found.used)} beads; {left} were not used (see the table)."
        )

    def _fill(self, beads: tuple[Any, ...]) -> None:
        self.table.setRowCount(len(beads))
        for row, bead in enumerate(beads):
            texts = (
                bead.said,
                ", ".join(f"{p:.1f}" for p in bead.place),
                " x ".join(f"{w:.1f}" for w in bead.fwhm_px),
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()

    def _show_verdicts(self, beads: tuple[Any, ...], placement: Placement) -> None:
        # Hidden rather than removed: taking layers away can crash software renderers.
        if self.verdicts is not None and self.verdicts in self._viewer.layers:
            self.verdicts.visible = False
        # Without z they are seen in every plane.
        keys = ("scale", "translate", "units", "axis_labels")
        self.verdicts = self._viewer.add_points(
            np.array([bead.place[-2:] for bead in beads]),
            name=f"Beads of {placement.name}",
            face_color="transparent",
            border_color=[_COLOURS[bead.reason] for bead in beads],
            border_width=0.12,
            size=float(np.median([max(b.fwhm_px[-2:] or (4.0,)) for b in beads])) * 3,
            features={"verdict": [bead.said for bead in beads]},
            metadata={KEY: {"kind": "beads"}},
            **{key: placement.options[key][-2:] for key in keys},
        )

    def _go_to(self, row: int, column: int) -> None:
        if self.verdicts is not None and self.verdicts in self._viewer.layers:
            place = self.verdicts.data_to_world(self.verdicts.data[row])
            plane = self._planes[row] if self._planes else ()
            self._viewer.dims.set_point(range(len(plane)), plane)
            self._viewer.scene.camera.center = (0.0, *place)
