"""What to do with the record that a result carries: run it again, or copy it as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...core.record import RunRecord
from ..kit.layers import follow, record
from ..kit.parts import read_out, small


class RecipeBox(QWidget):
    """Buttons for the result layer that is selected; hidden while none is.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose selection it follows.
    """

    again = Signal(object)
    """Run this record again."""

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.kinds: Mapping[str, Any] = {}
        self.readout = read_out("Selected result")
        self.rerun = small("Re-run", "Load these settings into the panel and run them again.")
        self.python = small("Copy Python", "Copy a script that makes this result.")
        self.shell = small("Copy command", "Copy the command line that makes this result.")
        buttons = QHBoxLayout()
        buttons.setSpacing(3)
        for button in (self.rerun, self.python, self.shell):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.readout)
        layout.addLayout(buttons)
        self.rerun.clicked.connect(lambda: self._use(self.again.emit))
        self.python.clicked.connect(lambda: self._use(self._copy_script))
        self.shell.clicked.connect(lambda: self._use(self._copy_command))
        follow(self, viewer.layers.selection.events.active, self._on_active)
        self._on_active()

    def record(self) -> RunRecord | None:
        """The selected result's record; None if no result is selected.

        Raises
        ------
        DeconvError
            If it is not of the form of ours: anybody may have written it.
        """
        layer = self._viewer.layers.selection.active
        data = record(layer)
        if data.get("kind") != "result":
            return None
        run = RunRecord.from_dict(data, f"The layer {layer.name!r}")
        if self.kinds:
            _check_names(run)
        return run

    def _on_active(self, event: Any = None) -> None:
        try:
            selected, problem = self.record(), ""
        except DeconvError as error:
            selected, problem = None, str(error)
        self.setVisible(selected is not None or bool(problem))
        for button in (self.rerun, self.python, self.shell):
            button.setEnabled(selected is not None)
        if selected is not None:
            self.shell.setEnabled(selected.has_command)
            usual = self.kinds.get(str(selected.method["name"]))
            self.readout.setText(
                f"Selected: {selected.summary(usual)}\n{_changed(selected)}".strip()
            )
        elif problem:
            self.readout.setText(problem)

    def _use(self, action: Callable[[RunRecord], object]) -> None:
        try:
            selected = self.record()
            if selected is not None:
                action(selected)
        except DeconvError as error:
            self.readout.setText(str(error))

    def _copy_script(self, selected: RunRecord) -> None:
        QApplication.clipboard().setText(selected.as_python())
        here = " It is for napari's console: it takes the layers." if selected.takes_layers else ""
        self.readout.setText(f"Copied the script.{here}")

    def _copy_command(self, selected: RunRecord) -> None:
        QApplication.clipboard().setText(selected.as_command())
        missing = selected.missing_files
        remedy = f" Save the layers as {' and '.join(missing)} first." if missing else ""
        self.readout.setText(f"Copied the command line.{remedy}")


def _changed(record: RunRecord) -> str:
    """A word on weights that are other ones since."""
    if "sha256" not in record.chosen:
        return ""
    from ...restoration.weights import changed_since

    return changed_since(record.chosen)


def _check_names(record: RunRecord) -> None:
    """Raise unless method and PSFs are there, and have the fields that the record names."""
    from ...psf import PsfRequest
    from ...restoration.base import Method

    Method.from_dict(record.method)
    PsfRequest.from_dict(record.psf)
