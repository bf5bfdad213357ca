"""The list of configured methods to compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QBrush, QColor, QKeyEvent
from qtpy.QtWidgets import QGridLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..deconvolve.panel import DeconvolvePanel
from ..kit.form import MethodChoice, only_in
from ..kit.inputs import Fold
from ..kit.misfit import needs
from ..kit.parts import Notice, small

if TYPE_CHECKING:
    from ...restoration.base import Method

_GREY = QBrush(QColor(128, 128, 128))


class MethodList(QWidget):
    """Configured methods in the order they run, and a form that adds to them."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setAccessibleName("Methods to compare")
        self.list.setFixedHeight(92)
        self.list.setMinimumWidth(60)
        self.list.setToolTip("Drag to change the order; Delete takes one away.")
        self.list.setDragDropMode(QListWidget.DragDropMode.InternalMove)
        self.choice = MethodChoice()
        self.notice, self.misfit = Notice(answers=True), Notice()
        self._ndim: int | None = None
        self._methods: list[Any] = []
        tips = {
            "add": ("Add", "Add the method set up below."),
            "take": ("Add from Deconvolve", "Add the method as the Deconvolve panel is set."),
            "remove": ("Remove", "Take the selected method off the list."),
            "clear": ("Clear", "Empty the list."),
        }
        self.buttons = {key: small(text, tip) for key, (text, tip) in tips.items()}
        self.setEnabled(False)
        self._build()
        self.misfit.button.clicked.connect(self._remove_unfit)
        self.changed.connect(self._mark)
        self.list.model().rowsMoved.connect(lambda *_: self.changed.emit())
        self.buttons["add"].clicked.connect(self._add_chosen)
        self.buttons["remove"].clicked.connect(self._remove)
        self.buttons["clear"].clicked.connect(lambda: self.set_methods([]))

    def methods(self) -> tuple[Any, ...]:
        """The methods in the order shown."""
        return tuple(method for _, method in self._items())

    def selected(self) -> Any:
        """The method selected, else the only one, else None."""
        item = self.list.currentItem()
        if item is None and self.list.count() == 1:
            item = self.list.item(0)
        return None if item is None else self._methods[item.data(256)]

    def add(self, method: Method) -> None:
        """Put a configured method at the end."""
        item = QListWidgetItem(str(method))
        item.setToolTip(str(method))
        item.setData(256, len(self._methods))
        self._methods.append(method)
        self.list.addItem(item)
        self.notice.say("")
        self.changed.emit()

    def set_methods(self, methods: Sequence[Any]) -> None:
        """Replace the methods of the list."""
        self.list.clear()
        self._methods = []
        for method in methods:
            self.add(method)
        self.changed.emit()

    def fit(self, ndim: int | None) -> None:
        """Mark what does not work with a PSF of so many dimensions; None is not known."""
        self._ndim = ndim
        self.choice.fit(ndim)
        self._mark()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete takes the selected one away."""
        if event.key() in (0x01000007, 0x01000003):  # Delete, Backspace
            self._remove()
            return
        super().keyPressEvent(event)

    def _build(self) -> None:
        buttons = QGridLayout()
        buttons.setSpacing(3)
        buttons.addWidget(self.buttons["take"], 0, 0, 1, 2)
        for i, key in enumerate(("remove", "clear")):
            buttons.addWidget(self.buttons[key], 1, i)
        form = QWidget()
        inner = QVBoxLayout(form)
        inner.setContentsMargins(0, 0, 0, 0)
        for part in (self.choice, self.buttons["add"]):
            inner.addWidget(part)
        self.fold = Fold("Set up a method", form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addLayout(buttons)
        layout.addWidget(self.notice)
        layout.addWidget(self.misfit)
        layout.addWidget(self.fold)

    def _add_chosen(self) -> None:
        try:
            self.add(self.choice.spec())
        except DeconvError as error:
            self.notice.say(str(error), "error")

    def _items(self) -> list[tuple[QListWidgetItem, Any]]:
        """Every entry with its method."""
        items = (self.list.item(i) for i in range(self.list.count()))
        return [(item, self._methods[item.data(256)]) for item in items if item is not None]

    def _mark(self) -> None:
        """Say of every method whether it works with the PSF."""
        unfit = []
        for item, method in self._items():
            fits = self.choice.fits_in(method.name, self._ndim)
            why = "" if fits else f"{method.title} {needs(method, self._ndim)}."
            item.setText(str(method) if fits else f"{method} ({only_in(type(method))} only)")
            item.setToolTip(why or str(method))
            item.setData(Qt.ItemDataRole.ForegroundRole, None if fits else _GREY)
            unfit += [] if fits else [why]
        self.misfit.say("\n".join(dict.fromkeys(unfit)), "warning", "Take it off the list")

    def _remove_unfit(self) -> None:
        fitting = [m for _, m in self._items() if self.choice.fits_in(m.name, self._ndim)]
        self.set_methods(fitting)

    def _remove(self) -> None:
        row = self.list.currentRow()
        if row < 0:
            self.notice.say("No method is selected. Click one in the list.", "info")
            return
        self.list.takeItem(row)
        self.changed.emit()


def deconvolve_settings(window: QWidget) -> Any:
    """The method of the window's Deconvolve panel as it stands; of several, of a visible one.

    Raises
    ------
    DeconvError
        If there is no such panel, or a field of it does not fit.
    """
    panels = window.findChildren(DeconvolvePanel)
    shown = [panel for panel in panels if panel.method.form is not None]
    if not shown:
        raise DeconvError(
            "No Deconvolve panel is open.",
            "Open Plugins > Deconvolution > Deconvolve, or set the method up below.",
        )
    visible = [panel for panel in shown if panel.isVisible()]
    return (visible or shown)[0].method.spec()
