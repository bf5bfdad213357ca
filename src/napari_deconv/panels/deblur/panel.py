"""The Deblur panel: a photo, one button, before and after, and how strong."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.utils.events import Event
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...core.record import Note
from ..kit.inputs import Fold
from ..kit.job import Make
from ..kit.layer_combo import LayerCombo
from ..kit.layers import KEY, Placement, add_image, axes_of, follow, is_image, pixels
from ..kit.parts import Delay, Notice, Panel, heading, read_out, rows
from ..kit.run_bar import RunBar
from ..menus import open_deconvolve

if TYPE_CHECKING:
    from ...deblurring import Deblurred

_HINT = "Open a photo first: drop it on the window, or File > Open Sample > Deconvolution."
_STACK = "This panel is for one photo. A stack is restored in Deconvolve."
_HELP = (
    "Finds the blur in the photo itself (shake, out of focus, motion), judges what it found, and "
    "restores the photo. The photo is never changed."
)
_COLOURS = {"good": "#2e9d5b", "fair": "#c98a00", "poor": "#d6403a"}
_WORDS = {
    "good": "The blur was found.",
    "fair": "The blur is likely, not sure. Compare before and after.",
    "poor": "The blur was not found. Little or nothing was changed.",
}
_PERCENT = 100
_SETTLE_MS = 40


class DeblurPanel(Panel):
    """Deblur a photo of which nothing is known.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it is docked in.
    """

    def __init__(self, napari_viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._placement: Placement | None = None
        self._before: NDArray[Any] | None = None
        self._look: NDArray[Any] | None = None
        self.deblurred: Deblurred | None = None
        self.layer: Image | None = None
        self.curtain: Image | None = None
        self.hint = Notice()
        self.image = LayerCombo(
            napari_viewer, _is_photo, empty="No photo is open", shy=("truth", "result")
        )
        self.run_bar = RunBar("Deblur this photo", "Deblurring")
        self.level = QLabel()
        self.level.setWordWrap(True)
        self.words, self.measured = read_out(), read_out()
        self.details = Fold("Details", self.measured)
        self.strength, self.percent = _slider("Strength"), QLabel()
        self.edge = _slider("Edge between before and after")
        self.edge.setToolTip("Left of the edge stands the photo before, right of it after.")
        self.whole = QCheckBox("Show the photo &before")
        self._results, self._title = QWidget(), heading("Result")
        self._settle = Delay(self, _SETTLE_MS, self._apply)
        self._build()
        self._connect()
        self._on_image()

    def run(self) -> None:
        """Deblur the chosen layer; a first look and then the result become a new layer."""
        layer = self.image.layer
        if layer is None:
            self.run_bar.fail(DeconvError("No photo is open.", _HINT))
            return
        self.image.pick(layer)
        self._forget()
        self._placement = Placement.of(layer)
        self._before = np.asarray(pixels(layer))
        self.run_bar.start(_deblurring(layer), previews=True)

    def _build(self) -> None:
        top = rows()
        top.addRow("Photo", self.image)
        fields = rows()
        strong = QHBoxLayout()
        strong.addWidget(self.strength, 1)
        strong.addWidget(self.percent)
        self.percent.setMinimumWidth(self.percent.fontMetrics().horizontalAdvance("100 % "))
        fields.addRow("Strength", strong)
        fields.addRow("Before | after", self.edge)
        fields.addRow(self.whole)
        # A form would not heed that wrapped texts become higher when the details are opened.
        inner = QVBoxLayout(self._results)
        inner.setContentsMargins(0, 0, 0, 0)
        for part in (self._title, self.level, fields, self.words, self.details):
            inner.addWidget(part) if isinstance(part, QWidget) else inner.addLayout(part)
        self._results.hide()
        for above in (self.hint, top, read_out(_HELP), self.run_bar, self._results):
            self.body.addWidget(above) if isinstance(above, QWidget) else self.body.addLayout(above)
        self.body.addStretch(1)

    def _connect(self) -> None:
        self.image.picked.connect(self._on_image)
        self.run_bar.pressed.connect(self.run)
        self.run_bar.job.on_preview = self._on_look
        self.run_bar.done.connect(self._on_done)
        self.strength.valueChanged.connect(self._on_strength)
        self.edge.valueChanged.connect(self._on_edge)
        self.whole.toggled.connect(self._on_edge)
        self.on_close(self.run_bar.job.stop)
        self.run_bar.message.keep_to(self._viewer, self.image)
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            follow(self, event, lambda _: self._on_image())
        follow(self, self._viewer.layers.events.removed, self._on_removed)
        self.hint.button.clicked.connect(lambda: open_deconvolve(self._viewer))

    def _on_image(self) -> None:
        words, button = self.image.hint(_HINT), ""
        if words and any(is_image(x) and not _is_photo(x) for x in self._viewer.layers):
            words, button = _STACK, "Open Deconvolve"
        self.hint.say(words, button=button)
        self.run_bar.set_ready(self.image.layer is not None)

    def _forget(self) -> None:
        """A new run makes a new layer; that of the last one stays."""
        self.deblurred = self.layer = self._look = None
        self._remove_curtain()
        self._results.hide()

    def _on_look(self, look: NDArray[Any]) -> None:
        if look is self._look:
            return
        self._look = look
        self._show(look, "first look", {"kind": "preview"})

    def _on_done(self, deblurred: Deblurred) -> None:
        assert self._placement is not None
        name = self._placement.name
        self.deblurred = deblurred
        self._title.setText(f"Result of {name}")
        record = replace(deblurred.record, source=name)
        self._show(deblurred.data, "deblurred", record.to_dict())
        sure = deblurred.confidence.level
        self.level.setText(f"{sure.capitalize()}: {_WORDS[sure]}")
        self.level.setStyleSheet(
            f"background-color: {_COLOURS[sure]}; color: white; font-weight: bold; "
            "border-radius: 4px; padding: 6px;"
        )
        more = [n for n in _worth_saying(deblurred) if not _is_first(n)]
        self.measured.setText("\n\n".join(map(str, more)))
        self.details.setVisible(bool(more))
        for slider, value in (
            (self.strength, round(_PERCENT * deblurred.strength)),
            (self.edge, 0),
        ):
            slider.blockSignals(True)
            slider.setValue(value)
            slider.blockSignals(False)
        self.whole.setChecked(False)
        self._tell_strength()
        self._results.show()

    def _show(self, data: NDArray[Any], title: str, record: dict[str, Any]) -> None:
        """Put the photo as it is by now into the run's layer."""
        placement = self._placement
        assert placement is not None
        title = f"{placement.name} {title}"
        if self.layer is None or self.layer not in self._viewer.layers:
            self.layer = add_image(self._viewer, data, title, placement.options, record)
            return
        self.layer.data = data
        self.layer.name = title
        self.layer.metadata = {**self.layer.metadata, KEY: record}

    def _on_strength(self) -> None:
        self._tell_strength()
        self._settle.start()

    def _tell_strength(self) -> None:
        """Say how strong it is, and what to think of that."""
        now = self.strength.value()
        self.percent.setText(f"{now} %")
        if self.deblurred is None:
            return
        notes = [n for n in _worth_saying(self.deblurred) if _is_first(n)]
        told = [_of_strength(self.deblurred, now) if n.code == "strength" else n for n in notes]
        self.words.setText("\n\n".join(map(str, told)))

    def _apply(self) -> None:
        """Mix photo and restoration anew; nothing is estimated or restored for it."""
        if self.deblurred is None or self.layer not in self._viewer.layers:
            return
        assert self.layer is not None
        share = self.strength.value() / _PERCENT
        self.layer.data = self.deblurred.at(share)
        record = {**self.layer.metadata[KEY], "strength": share}
        self.layer.metadata = {**self.layer.metadata, KEY: record}

    def _on_edge(self, *_: object) -> None:
        """Lay the left part of the photo before over the result."""
        if self._before is None or self._placement is None:
            return
        axis = -2 if self._placement.options["rgb"] else -1
        width = self._before.shape[axis]
        share = _PERCENT if self.whole.isChecked() else self.edge.value()
        columns = round(width * share / _PERCENT)
        if not columns:
            if self.curtain is not None:
                self.curtain.visible = False
            return
        cut = [slice(None)] * self._before.ndim
        cut[axis] = slice(0, columns)
        part = self._before[tuple(cut)]
        if self.curtain is None or self.curtain not in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self.curtain = add_image(
                self._viewer, part, "Before", self._placement.options, {"kind": "preview"}
            )
            self._viewer.layers.selection.active = active
        else:
            self.curtain.data = part
            self.curtain.visible = True

    def _on_removed(self, event: Event) -> None:
        """Say nothing more of a result that is gone."""
        if event.value is self.layer and not self.run_bar.running:
            self._forget()

    def _remove_curtain(self) -> None:
        if self.curtain is not None and self.curtain in self._viewer.layers:
            self.curtain.visible = False
        self.curtain = None


def _worth_saying(deblurred: Deblurred) -> list[Note]:
    # A few clipped pixels are in every sharpened photo.
    return [n for n in deblurred.notes if n.code != "clipped" or n.severity == "warning"]


def _is_first(note: Note) -> bool:
    """Whether it is told at once; the rest are details."""
    return note.code in ("confidence", "strength") or note.severity == "warning"


def _of_strength(deblurred: Deblurred, percent: int) -> str:
    """What to think of a strength where the blur is not sure."""
    advised = round(_PERCENT * deblurred.strength)
    if percent > advised:
        return (
            f"Strength is {percent} %, above the advised {advised} %: the blur is not sure. Look "
            "out for ripples along edges."
        )
    return f"Strength is {percent} %: the blur is not sure. Look before you raise it."


def _slider(name: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, _PERCENT)
    slider.setAccessibleName(name)
    return slider


def _is_photo(layer: Any) -> bool:
    """Whether a layer is one plane, gray or in colour."""
    return is_image(layer) and set(axes_of(layer)) <= set("YXS")


def _deblurring(layer: Image) -> Make:
    """What to run for a layer."""
    data, axes = np.asarray(pixels(layer)), axes_of(layer)
    path = layer.source.path

    def make(cancel: threading.Event) -> Generator[Any, None, Any]:
        from ...deblurring import stream
        from ...io.photo import jpeg_tables
        from ..kit.settings import current

        chosen = current()
        return stream(
            data, axes=axes, tables=jpeg_tables(path), device=chosen.device,
            precision=chosen.precision, memory_bytes=chosen.memory_bytes, cancel=cancel,
        )  # fmt: skip

    return make
