"""Export and replay: a folder with everything, and a recipe that sets the panel again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...core.json_text import read_json
from ..kit.inputs import FileRow
from ..kit.job import Job, steps_of
from ..kit.parts import Notice, small


class ExportBox(QWidget):
    """A folder, a button that fills it, and one that loads a recipe.

    Parameters
    ----------
    ask : callable
        Returns, of the comparison and of the sweep that the panel shows: outcome, material, the
        image's name and the plane to show. Nothing before a run.
    """

    loaded = Signal(object)
    """A `Comparison` out of a file."""

    def __init__(self, ask: Callable[[], Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ask_what = ask
        self.folder = FileRow("Folder to export to", "a new folder")
        self.button = small("Export", "Table, figure, results and recipe, into this folder.")
        self.load_button = small("Load recipe…", "Set the methods from a comparison.json.")
        self.notice = Notice(answers=True)
        self._job = Job(self)
        buttons = QHBoxLayout()
        buttons.setSpacing(3)
        for button in (self.button, self.load_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.folder)
        layout.addLayout(buttons)
        layout.addWidget(self.notice)
        self.button.clicked.connect(self.export)
        self.load_button.clicked.connect(self._ask)
        self._job.on_result = self._on_done
        self._job.on_error = lambda error: self.notice.say(str(error), "error")
        self._job.on_end = lambda: self.button.setEnabled(True)

    def export(self) -> None:
        """Write everything beside the window."""
        shown = self._ask_what()
        if not shown:
            self.notice.say("There is nothing to export. Run a comparison first.")
            return
        if not self.folder.path:
            self.notice.say("No folder is named. Type one, or browse for it with …", "warning")
            return
        folder = Path(self.folder.path).expanduser()

        def call() -> Any:
            from ...comparison.export import export
            from ...io.locks import only_run

            notes: list[str] = []
            with only_run(folder):
                for outcome, material, name, at in shown:
                    swept = outcome.comparison.sweep is not None and len(shown) > 1
                    place = folder / "sweep" if swept else folder
                    notes += export(outcome, material, place, name=name, at=at)
            return tuple(notes)

        self.button.setEnabled(False)
        self.notice.say("Writing…")
        self._job.start(steps_of(call))

    def load(self, path: str) -> None:
        """Read a recipe and tell it."""
        from ...comparison.recipe import Comparison

        try:
            comparison = Comparison.from_dict(read_json(path, remedy="Choose a comparison.json."))
        except DeconvError as error:
            self.notice.say(str(error), "error")
        else:
            self.notice.say("")
            self.loaded.emit(comparison)

    def _ask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Load a comparison", self.folder.path, "Recipe (*.json)"
        )
        if path:
            self.load(path)

    def _on_done(self, notes: tuple[str, ...]) -> None:
        self.notice.say("\n".join(["Exported.", *notes]), "warning" if notes else "info")
