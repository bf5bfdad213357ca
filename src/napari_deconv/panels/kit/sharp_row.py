"""A folder of sharp images, with a word on what of it is taken."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...degradation.sharp_folder import sharp_folder
from .inputs import FileRow
from .parts import Notice


class SharpRow(QWidget):
    """The path of a folder; of a data set made here, its sharp images are taken, and that is said.

    Parameters
    ----------
    hint : str
        Shown while it is empty.
    """

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row, self.note = FileRow("Folder of sharp images", hint), Notice()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.row)
        layout.addWidget(self.note)
        self.row.changed.connect(self._tell)
        self.note.button.clicked.connect(self._take_truth)
        self.set_path = self.row.set_path

    @property
    def path(self) -> str:
        """The path as it stands; may be empty or wrong."""
        return self.row.path

    def _take_truth(self) -> None:
        self.set_path(str(Path(self.path).parent / "truth"))

    def _tell(self) -> None:
        folder = Path(self.path)
        try:
            taken = sharp_folder(folder) if self.path else folder
        except DeconvError as error:
            self.note.say(str(error), "warning", "Take truth/")
            return
        other = taken != folder
        self.note.say("A data set: its sharp images, in truth/, are taken." if other else "")
