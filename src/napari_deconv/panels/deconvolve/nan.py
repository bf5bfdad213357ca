"""What becomes of NaN in an image."""

from __future__ import annotations

import numpy as np
from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QWidget

from ..kit.inputs import Combo
from ..kit.layers import pixels

_WORDS = {
    "refuse": "NaN is an error",
    "unseen": "NaN was not observed, and stays NaN",
    "fill": "NaN was not observed, and is filled",
}


class NanChoice(QWidget):
    """A choice that is there for layers of floats only: others hold no NaN."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.combo = Combo()
        for word, text in _WORDS.items():
            self.combo.addItem(text, word)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addRow("NaN", self.combo)
        self.setVisible(False)
        self.combo.currentIndexChanged.connect(lambda _: self.changed.emit())

    def value(self) -> str:
        """The engine's word for it."""
        return str(self.combo.currentData()) if self.isVisibleTo(self.parentWidget()) else "refuse"

    def choose(self, word: str) -> None:
        """Take one of the engine's words."""
        self.combo.setCurrentIndex(max(0, self.combo.findData(word)))

    def set_image(self, layer: Image | None) -> None:
        """Show itself where the layer may hold NaN."""
        self.setVisible(layer is not None and np.dtype(pixels(layer).dtype).kind == "f")
