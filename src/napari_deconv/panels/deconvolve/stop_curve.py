"""Where a method stopped by itself: its curve and the rule, in words."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.json_text import JsonObject
from ...core.record import RunRecord
from ..kit.inputs import Fold
from ..kit.parts import read_out
from ..kit.plot import Curve, Plot

_RULE = (
    "A tenth of the pixels was left out on a part of the image; iterations went on until they were "
    "predicted no better. The ring is where it stopped{early}. Type a number of iterations to "
    "choose for yourself."
)


class StopCurve(Fold):
    """The error of held-out pixels over the iterations; hidden where a result has none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        content = QWidget()
        super().__init__("Where it stopped", content, parent=parent)
        self.plot, self.readout = Plot("Error of left-out pixels over iterations"), read_out()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        layout.addWidget(self.readout)
        self.hide()

    def show_record(self, record: RunRecord) -> None:
        """Show a result's curve, or one for every channel."""
        curves = [
            _curve(part.chosen, "" if part.channel is None else f"channel {part.channel}")
            for part in record.parts
            if part.chosen.get("held_out_error")
        ]
        self.setVisible(bool(curves))
        if not curves:
            return
        self.plot.show_curves(curves, "iterations", "error, % of the first")
        best = [int(np.nanargmin(curve.y)) for curve in curves]
        early = any(b > curve.marked for b, curve in zip(best, curves, strict=True))
        early_words = (
            ", a little before the best prediction, because noise is in the image all the same"
        )
        self.readout.setText(_RULE.format(early=early_words if early else ""))


def _curve(chosen: JsonObject, label: str) -> Curve:
    error = np.asarray(chosen["held_out_error"], float)
    # What one iteration gains over the flat start would hide the rest.
    share = 100 * error / error[min(1, len(error) - 1)]
    share[0] = np.nan if len(share) > 1 else share[0]
    count = int(str(chosen["iterations"]))
    prefix = f"{label}: " if label else ""
    return Curve(f"{prefix}stopped after {count}", range(len(share)), list(share), marked=count)
