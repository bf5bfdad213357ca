"""The person's own weights as a list: use, rename, delete, export, import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QInputDialog,
    QListWidget,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ...core.errors import DeconvError
from ..kit.parts import Notice, read_out, small

if TYPE_CHECKING:
    from ...train.library import Entry

_COLUMNS = 3
_PATTERN = "Weights (*.safetensors)"
_FOREIGN = "Weights, or FFDNet and DRUNet as released (*.safetensors *.pth *.pt)"


class WeightsBox(QWidget):
    """The library of weights; it reads only the files' headers."""

    use = Signal(str)
    """The person wants to use the weights of this name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setFixedHeight(110)
        self.readout = read_out()
        self.message = Notice(answers=True)
        self._entries: list[Any] = []
        buttons = QGridLayout()  # in one row they would not fit into a narrow panel
        buttons.setSpacing(3)
        self.buttons: dict[str, QPushButton] = {}
        for text, tip, call in (
            ("Use", "Open the network's panel with these weights.", self._use),
            ("Rename", "Call them something else.", self._rename),
            ("Delete", "Delete the file for good.", self._delete),
            ("Export", "Copy them to a file, to give away.", self._export),
            (
                "Import",
                "Add a file of weights that somebody gave you, or of FFDNet or DRUNet.",
                self._import,
            ),
        ):
            self._add_button(buttons, text, tip, call)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.list, self.readout):
            layout.addWidget(part)
        layout.addLayout(buttons)
        layout.addWidget(self.message)
        self.list.currentRowChanged.connect(self._on_row)
        self.list.itemDoubleClicked.connect(lambda _: self._use())

    @property
    def entry(self) -> Any:
        """What is selected, or None."""
        row = self.list.currentRow()
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def refresh(self, select: str = "") -> None:
        """List the weights anew."""
        from ...train import library

        self._entries = library.entries()
        self.list.clear()
        for entry in self._entries:
            self.list.addItem(entry.name)
        names = [entry.name for entry in self._entries]
        if names:
            self.list.setCurrentRow(names.index(select) if select in names else 0)
        self._on_row(self.list.currentRow())

    def rename(self, name: str, new: str) -> None:
        """Rename an entry, saying what is wrong if it cannot be."""
        self._try(lambda library: library.rename(name, new).name)

    def delete(self, name: str) -> None:
        """Delete an entry."""
        self._try(lambda library: library.delete(name) or "")

    def bring_in(self, file: Path) -> None:
        """Import a file under its own name."""
        self._try(lambda library: library.add(file, library.unused(file.stem)).name)

    def export(self, name: str, file: Path) -> None:
        """Export an entry, over a file that the save dialog has asked about."""
        self._try(lambda library: library.export(name, file, overwrite=True) and name)

    def _add_button(
        self, grid: QGridLayout, text: str, tip: str, call: Callable[[], object]
    ) -> None:
        button = self.buttons[text] = small(text, tip)
        button.clicked.connect(lambda _=False: call())
        grid.addWidget(button, *divmod(len(self.buttons) - 1, _COLUMNS))

    def _on_row(self, row: int) -> None:
        entry = self.entry
        for text, button in self.buttons.items():
            button.setEnabled(entry is not None or text == "Import")
        self.readout.setText(described(entry) if entry is not None else "None yet: train some.")

    def _try(self, call: Callable[[Any], str]) -> None:
        from ...train import library

        self.message.say("")
        try:
            self.refresh(call(library))
        except DeconvError as error:
            self.message.say(str(error), "error")

    def _use(self) -> None:
        if self.entry is not None:
            self.use.emit(self.entry.name)

    def _rename(self) -> None:
        new, chosen = QInputDialog.getText(self, "Rename", "New name:", text=self.entry.name)
        if chosen and new != self.entry.name:
            self.rename(self.entry.name, new)

    def _delete(self) -> None:
        question = f"Delete the weights “{self.entry.name}” for good?"
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        # Return must not delete what took hours.
        if QMessageBox.question(self, "Delete", question, yes | no, no) == yes:
            self.delete(self.entry.name)

    def _export(self) -> None:
        start = f"{self.entry.name}.safetensors"
        path, _ = QFileDialog.getSaveFileName(self, "Export", start, _PATTERN)
        if path:
            self.export(self.entry.name, Path(path))

    def _import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Import", "", _FOREIGN)
        if path:
            self.bring_in(Path(path))


def described(entry: Entry) -> str:
    """Two lines about an entry."""
    from ...restoration.base import methods

    header, psf = entry.header, entry.psf
    score = f"{entry.score:.2f} dB on test images" if entry.score == entry.score else "no score"
    what = f"PSF {psf.shape[1]} x {psf.shape[0]} px" if psf is not None else "any PSF"
    minutes = round(float(header.get("seconds", 0)) / 60, 1)
    work = f"{header['step']} steps in {minutes:g} min" if "step" in header else "from elsewhere"
    denoiser = header.get("fields", {}).get("denoiser", "")
    title = methods()[entry.method].title if entry.method in methods() else entry.method
    name = f"{title} ({denoiser})" if denoiser else title
    words = [f"{name}, {what}, {score}; {work}."]
    words += [f"Trained on {header['trained_on']}."] if header.get("trained_on") else []
    words += [f"{header['licence']}."] if header.get("licence") else []
    return " ".join(words)
