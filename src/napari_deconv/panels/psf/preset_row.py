"""Optics presets: a list to choose from, and a menu to save, take in and pass on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QMessageBox,
    QToolButton,
    QWidget,
)

from ...core.errors import DeconvError
from ...psf.microscope import Microscope
from ...psf.preset import OpticsPreset, fitting, saved
from ..kit.inputs import Combo

_NONE = "None"
_OF_THE_IMAGE = ("emission_nm", "excitation_nm", "depth_um", "thickness_um")
"""Fields that belong to a channel or a specimen, not to a microscope."""
_PATTERN = "Optics preset (*.json)"


class PresetRow(QWidget):
    """A combo of the saved presets, that of the image's microscope first, and a menu beside it."""

    chosen = Signal(object)
    """An `OpticsPreset`, or None."""
    save_asked = Signal()
    failed = Signal(str)
    """What went wrong, in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._microscope = ""
        self.combo = Combo()
        self.combo.setAccessibleName("Optics preset")
        self.menu = QMenu(self)
        self.more = QToolButton()
        self.more.setText("…")
        self.more.setFixedWidth(30)
        self.more.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.more.setToolTip("Save these optics, or take in and pass on a preset")
        self.more.setAccessibleName("More about presets")
        self.more.setMenu(self.menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.actions_by_name = {
            "save": self.menu.addAction("Save these optics as…", self.save_asked.emit),
            "take": self.menu.addAction("Take in a shared file…", self._take),
            "pass": self.menu.addAction("Write this one to a file…", self._pass_on),
            "delete": self.menu.addAction("Delete this one", self._delete),
        }
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.more)
        self.combo.activated.connect(lambda _: self.chosen.emit(self.preset))
        self.menu.aboutToShow.connect(self._set_actions)
        self.refresh()

    @property
    def preset(self) -> OpticsPreset | None:
        """The chosen preset."""
        chosen = self.combo.currentData()
        return chosen if isinstance(chosen, OpticsPreset) else None

    @property
    def fitting(self) -> OpticsPreset | None:
        """The preset for the image's microscope."""
        return fitting(self._microscope)

    def set_microscope(self, name: str) -> None:
        """Tell how the image names its microscope."""
        self._microscope = name
        self.refresh(self.preset)

    def refresh(self, choose: OpticsPreset | None = None) -> None:
        """List the saved presets."""
        fit = self.fitting
        presets = sorted(saved(), key=lambda preset: preset != fit)
        self.combo.clear()
        self.combo.addItem(_NONE, None)
        for preset in presets:
            mark = " (this microscope)" if preset == fit else ""
            self.combo.addItem(f"{preset.name}{mark}", preset)
            self.combo.setItemData(
                self.combo.count() - 1, _tip(preset), Qt.ItemDataRole.ToolTipRole
            )
        at = [i + 1 for i, preset in enumerate(presets) if preset == choose]
        self.combo.setCurrentIndex(at[0] if at else 0)

    def choose(self, preset: OpticsPreset | None) -> None:
        """Choose as by hand."""
        self.refresh(preset)
        self.chosen.emit(self.preset)

    def save(self, kind: str, fields: dict[str, Any]) -> None:
        """Ask for a name and save these optics under it."""
        name, sure = QInputDialog.getText(
            self, "Save optics", "Name of the preset, such as 60x oil:"
        )
        if not sure or not name.strip():
            return
        own = {key: value for key, value in fields.items() if key not in _OF_THE_IMAGE}
        self._keep(lambda: OpticsPreset(name.strip(), kind, own, self._microscope))

    def _keep(self, make: Callable[[], OpticsPreset]) -> None:
        try:
            preset = make()
            if preset.path.exists() and not self._sure(f"Replace the preset “{preset.name}”?"):
                return
            preset.save()
        except DeconvError as error:
            self.failed.emit(str(error))
            return
        self.choose(preset)

    def _take(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Take in a preset", "", _PATTERN)
        if path:
            self._keep(lambda: OpticsPreset.load(path))

    def _pass_on(self) -> None:
        preset = self.preset
        if preset is None:
            return
        start = f"{preset.name}.json"
        path, _ = QFileDialog.getSaveFileName(self, "Write the preset to a file", start, _PATTERN)
        if not path:
            return
        try:
            preset.save(path if path.lower().endswith(".json") else f"{path}.json")
        except DeconvError as error:
            self.failed.emit(str(error))

    def _delete(self) -> None:
        preset = self.preset
        if preset is not None and self._sure(f"Delete the preset “{preset.name}”?"):
            try:
                preset.path.unlink(missing_ok=True)
            except OSError as error:
                self.failed.emit(f"It could not be deleted: {error}.")
            self.choose(None)

    def _sure(self, question: str) -> bool:
        yes = QMessageBox.StandardButton.Yes
        return QMessageBox.question(self, "Optics preset", question) == yes

    def _set_actions(self) -> None:
        for name in ("pass", "delete"):
            self.actions_by_name[name].setEnabled(self.preset is not None)


def offered(kind: type[Any] | None) -> bool:
    """Whether presets make sense for a kind of PSF."""
    return kind is not None and issubclass(kind, Microscope)


def _tip(preset: OpticsPreset) -> str:
    fields = "\n".join(f"{key} {value}" for key, value in preset.fields.items())
    return "\n".join(filter(None, (preset.microscope, preset.kind, fields)))
