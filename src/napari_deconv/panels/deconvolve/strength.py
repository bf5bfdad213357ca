"""How strongly to sharpen, as one slider for all methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from ..kit.inputs import guard_fields
from ..kit.parts import read_out

if TYPE_CHECKING:
    from ...restoration.base import Method
    from ...restoration.strength import Turned

_STEPS = 20


class Strength(QWidget):
    """A slider from off to full; in the middle the method's own setting."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setValue(_STEPS // 2)
        self.slider.setPageStep(2)
        self.slider.setMinimumWidth(80)
        self.slider.setAccessibleName("Strength")
        self.slider.setToolTip(
            "To the left smoother and with less noise, at the end the image as it is; to the right "
            "sharper and with more noise. In the middle the method decides."
        )
        self.share = 1.0
        """How much of the restoration to take."""
        self.readout = read_out()
        line = QHBoxLayout()
        for text, part in (("off", None), ("", self.slider), ("full", None)):
            line.addWidget(read_out(text) if part is None else part, int(part is not None))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(line)
        layout.addWidget(self.readout)
        guard_fields(self)
        self.slider.valueChanged.connect(lambda _: self.changed.emit())

    def turned(self, kind: type[Method]) -> Turned:
        """What it comes to for a method; shown below the slider."""
        from ...restoration.strength import turned

        change = turned(kind, self.slider.value() / _STEPS)
        self.share = change.share
        self.readout.setText(_words(change, self.usual))
        return change

    @property
    def usual(self) -> bool:
        """Whether it stands in the middle."""
        return self.slider.value() * 2 == _STEPS

    def reset(self, share: float = 1.0) -> None:
        """Back to the middle, without a word, and with a share that was recorded."""
        self.slider.blockSignals(True)
        self.slider.setValue(_STEPS // 2)
        self.slider.blockSignals(False)
        self.share = share
        words = _words(None, True) if share == 1 else f"{share:.0%} of the change."
        self.readout.setText(words)


def _words(change: Turned | None, usual: bool) -> str:
    if usual or change is None:
        return "As the method chooses."
    if not change.share:
        return "Off: the image as it is."
    changes = [f"{value} {key}" for key, value in change.fields.items()]
    changes = changes or [f"the noise counts {change.noise:.2g} times"]
    changes += [f"{change.share:.0%} of the change"] * (change.share < 1)
    text = ", ".join(changes)
    return f"{text[0].upper()}{text[1:]}."
