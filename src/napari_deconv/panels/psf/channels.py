"""The table of channels: which light each emits, and which PSF it gets."""

from __future__ import annotations

from dataclasses import replace

from napari.layers import Image
from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QGridLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ...core.errors import DeconvError
from ...psf import PSF, Fact, PreparedPsf, PsfRequest
from ..kit.inputs import Combo, Number, guard_fields
from ..kit.layers import axes_of, find, follow, is_psf, pixels, planes
from ..kit.parts import read_out, rows
from .layer import image_facts, psf_in, rendered
from .layer_optics import emission_of, facts_held, optics_of, stated_psf

_SAME, _NONE = "As above", "None: leave as is"
_MOST = 12
"""More channels than this are not channels of light."""


class VarietyBox(QWidget):
    """How many PSFs over depth, and one row per channel; hidden where neither makes sense.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers can serve as PSF.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._image = viewer, None
        self._count, self._planes = 0, 1
        self._prepared: PreparedPsf | None = None
        self.depths = QSpinBox()
        self.depths.setRange(1, 9)
        self.depths.setMinimumWidth(60)
        self.depths.setToolTip(
            "Immersion and sample differ, so the PSF changes with depth: this many are blended "
            "over the planes. Each takes about as long as a plain run of its planes."
        )
        self.switch = QCheckBox("One PSF per channel")
        self.table = QWidget()
        self.emissions: list[Number] = []
        self.psfs: list[Combo] = []
        self._deep = QWidget()
        form = rows()
        form.addRow("PSFs over depth", self.depths)
        self._deep.setLayout(form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self._deep, self.switch, self.table):
            layout.addWidget(part)
        guard_fields(self)
        self.depths.valueChanged.connect(self._tell)
        self.switch.toggled.connect(self._on_switch)
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            follow(self, event, self._list_psfs)
        self._lay_out()
        self.set_psf(None)

    def set_image(self, layer: Image | None) -> None:
        """Tell which image it is about: its channels and planes."""
        if layer is not self._image:
            self._image = layer
            self._planes = planes(layer) if layer is not None else 1
            self._lay_out()

    def set_psf(self, prepared: PreparedPsf | None) -> None:
        """Tell which PSF stands above; None while there is none."""
        self._prepared = prepared
        request = prepared.request if prepared is not None else PsfRequest()
        self._deep.setVisible(self._planes > 1 and request.deepens)
        light = hasattr(request.generator, "emission_nm")
        for emission, psf in zip(self.emissions, self.psfs, strict=True):
            emission.setEnabled(light and psf.currentData() is None)

    @property
    def one_each(self) -> bool:
        """Whether every channel gets a PSF of its own."""
        return self.switch.isVisibleTo(self) and self.switch.isChecked()

    def applied(self, request: PsfRequest, shown: int = 0) -> PsfRequest:
        """A PSF request with the settings made here: over depth, and by channel.

        The request is as the fields stand, which are for the channel ``shown``.

        Raises
        ------
        DeconvError
            If a channel's does not fit, or no channel has one.
        """
        if self._planes > 1 and request.deepens:
            request = replace(request, depths=self.depths.value())
        if not self.one_each:
            return request
        parts = {channel: self._part(channel, request, shown) for channel in range(self._count)}
        channels = {channel: part for channel, part in parts.items() if part is not None}
        if not channels:
            raise DeconvError("All channels are left as they are.", "Give one a PSF.")
        return replace(request, channels=channels)

    def restore(self, request: PsfRequest) -> None:
        """Set everything as an earlier request has it."""
        channels = request.channels
        self.depths.setValue(max([request.depths, *(part.depths for part in channels.values())]))
        self.switch.setChecked(bool(channels))
        for channel in range(self._count if channels else 0):
            part, combo = channels.get(channel), self.psfs[channel]
            layer = find(self._viewer, part.layer) if part is not None and part.layer else None
            combo.setCurrentIndex(1 if part is None else max(0, combo.findData(layer)))
            light = getattr(part and part.generator, "emission_nm", None)
            if light is not None:
                self.emissions[channel].setValue(light)

    def _part(self, channel: int, request: PsfRequest, shown: int) -> PsfRequest | None:
        """The PSF of one channel; None for one that is left as it is."""
        combo, spec = self.psfs[channel], request.generator
        if combo.currentText() == _NONE:
            return None
        if combo.currentData() is not None:
            layer = psf_in(combo.currentData(), self._image)
            return replace(layer, depths=request.depths)
        if spec is None or not hasattr(spec, "emission_nm"):
            return request
        own = {"emission_nm": self.emissions[channel].value()}
        ndim = len(request.pixel_size or (1, 1))
        spec = spec.but(**own | self._by_file(channel, spec, own, shown))
        part = rendered(spec, ndim, request.size, image_facts(self._image))
        psf = stated_psf(optics_of(self._image)[0], channel, spec.name)
        facts = [f for f in request.facts if f.field in ("kind", "pixel_size", "z_step")]
        facts[1:1] = facts_held(psf, type(spec), spec.to_dict())
        return replace(part, depths=request.depths, facts=tuple(facts))

    def _by_file(
        self, channel: int, spec: PSF, typed: dict[str, float], shown: int
    ) -> dict[str, float]:
        """What else differs between channels; what a person typed above holds for all of them."""
        optics, held = optics_of(self._image)[0], spec.to_dict()
        above = stated_psf(optics, shown, spec.name).spec.to_dict()
        own = {
            fact.field: fact for fact in stated_psf(optics, channel, spec.name, typed=typed).facts
        }
        return {
            key: float(own[key].value)
            for key in ("excitation_nm", "pinhole_airy")
            if key in held and (not own[key].assumed or held[key] == above[key])
        }

    def _lay_out(self) -> None:
        """A row per channel."""
        layer = self._image
        axes = axes_of(layer) if layer is not None else ""
        count = int(pixels(layer).shape[axes.index("C")]) if "C" in axes else 0
        self._count = count if 1 < count <= _MOST else 0
        old, self.table = self.table, QWidget()
        self.layout().replaceWidget(old, self.table)
        old.deleteLater()
        grid = QGridLayout(self.table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(2, 1)
        self.emissions, self.psfs = [], []
        optics, lights = optics_of(layer)[0] if self._count else None, 0
        for column, text in enumerate(("Ch.", "Light (nm)", "PSF")):
            grid.addWidget(read_out(text), 0, column)
        for channel in range(self._count):
            assert optics is not None
            fact = emission_of(optics, channel)
            lights += not fact.assumed
            self._add_row(grid, channel, fact)
        self.switch.setVisible(bool(self._count))
        self.switch.setChecked(lights > 1)
        self._list_psfs()
        self._on_switch()

    def _add_row(self, grid: QGridLayout, channel: int, light: Fact) -> None:
        emission, psf = Number(200, 2000), Combo()
        emission.setValue(float(light.value))
        # Nobody steps a wavelength; the choice beside it needs the room.
        emission.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        emission.setToolTip(f"The light that this channel records: {light}.")
        emission.setStyleSheet("min-width: 36px; max-width: 48px; padding: 1px 6px;")
        psf.setMinimumWidth(100)
        emission.setAccessibleName(f"Emission of channel {channel}")
        psf.setAccessibleName(f"PSF of channel {channel}")
        grid.addWidget(QLabel(str(channel)), channel + 1, 0)
        grid.addWidget(emission, channel + 1, 1)
        grid.addWidget(psf, channel + 1, 2)
        self.emissions.append(emission)
        self.psfs.append(psf)
        emission.valueChanged.connect(self._tell)
        psf.currentIndexChanged.connect(self._tell)

    def _list_psfs(self, *_: object) -> None:
        for combo in self.psfs:
            kept = combo.currentData(), combo.currentText()
            combo.blockSignals(True)
            combo.clear()
            combo.addItem(_SAME, None)
            combo.addItem(_NONE, None)
            for layer in self._viewer.layers:
                if is_psf(layer) and layer is not self._image:
                    combo.addItem(layer.name, layer)
            index = combo.findData(kept[0]) if kept[0] is not None else combo.findText(kept[1])
            combo.setCurrentIndex(max(0, index))
            combo.blockSignals(False)

    def _on_switch(self, *_: object) -> None:
        self.table.setVisible(bool(self._count) and self.switch.isChecked())
        self._tell()

    def _tell(self, *_: object) -> None:
        self.set_psf(self._prepared)
        self.changed.emit()
