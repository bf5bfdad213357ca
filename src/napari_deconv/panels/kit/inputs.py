"""Inputs that behave well in a narrow, scrolling panel."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QEvent, QLocale, QObject, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QKeyEvent, QPaintEvent, QValidator
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .parts import Delay, reveal
from .remembered import remember, remembered


class Combo(QComboBox):
    """A combo box that stays narrow: long entries are elided, the tooltip has them whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.nothing = ""
        """What is shown while nothing is chosen; Qt's own text for that would widen the box."""
        self.currentIndexChanged.connect(lambda _: self.show_tip())
        guard_fields(self)

    def add_entry(self, title: str, name: str, tip: str = "") -> None:
        """Add an entry with its data, and what to say where the mouse rests on it."""
        self.addItem(title, name)
        self.setItemData(self.count() - 1, tip or title, Qt.ItemDataRole.ToolTipRole)

    def add_heading(self, title: str, at: int | None = None) -> None:
        """Add a line that cannot be chosen: a title for the entries below it."""
        place = self.count() if at is None else at
        self.insertItem(place, title)
        font = self.font()
        font.setBold(True)
        self.setItemData(place, font, Qt.ItemDataRole.FontRole)
        self.setItemData(place, 0, Qt.ItemDataRole.UserRole - 1)  # the flags: none

    def set_usable(self, at: int, usable: bool) -> None:
        """Let an entry be chosen, or grey it."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        self.setItemData(at, flags.value if usable else 0, Qt.ItemDataRole.UserRole - 1)
        grey = None if usable else QBrush(QColor(128, 128, 128))
        self.setItemData(at, grey, Qt.ItemDataRole.ForegroundRole)

    def show_tip(self) -> None:
        """Take over the current entry's tip: signals that are blocked change none."""
        tip = self.currentData(Qt.ItemDataRole.ToolTipRole)
        self.setToolTip(str(tip or self.currentText()))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the current entry elided: under a style sheet Qt would cut it off."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        controls = QStyle.ComplexControl.CC_ComboBox
        edit = QStyle.SubControl.SC_ComboBoxEditField
        width = self.style().subControlRect(controls, option, edit, self).width() - 6
        mode = Qt.TextElideMode.ElideMiddle
        text = option.currentText or self.nothing
        option.currentText = self.fontMetrics().elidedText(text, mode, width)
        painter.drawComplexControl(controls, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class Names(Combo):
    """A name out of a list that is made when it is asked for, or typed, such as a path.

    Parameters
    ----------
    names : callable
        Makes the list.
    empty : str
        What no name stands for.
    """

    changed = Signal()

    def __init__(
        self, names: Callable[[], Sequence[str]], empty: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._names = names
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.lineEdit().setPlaceholderText(empty)
        self.lineEdit().textChanged.connect(lambda _: self.changed.emit())

    @property
    def native(self) -> QWidget:
        """Itself: it answers like a magicgui widget."""
        return self

    @property
    def value(self) -> str:
        """What is chosen or typed; empty for none."""
        return str(self.currentText()).strip()

    @value.setter
    def value(self, value: str) -> None:
        self.setEditText(value)

    def showPopup(self) -> None:
        """List the names as they are now."""
        text = self.currentText()
        self.blockSignals(True)
        self.lineEdit().blockSignals(True)
        self.clear()
        self.addItems(["", *self._names()])
        self.setItemData(0, self.lineEdit().placeholderText(), Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex(self.findText(text))
        self.setEditText(text)
        self.lineEdit().blockSignals(False)
        self.blockSignals(False)
        super().showPopup()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw as Qt does: what is typed is a line of text."""
        QComboBox.paintEvent(self, event)


class Number(QDoubleSpinBox):
    """A real number of any magnitude, shown without trailing zeros.

    Parameters
    ----------
    low, high : float
        Bounds.
    zero : str
        What 0 is called, where it stands for something.
    """

    def __init__(
        self, low: float = 0.0, high: float = 1e9, zero: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._zero = zero
        self.setDecimals(10)
        self.setRange(low, high)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.setMinimumWidth(60)
        guard_fields(self)

    def textFromValue(self, value: float) -> str:
        """Six significant digits at most."""
        return self._zero if self._zero and value == 0 else f"{value:.6g}"

    def valueFromText(self, text: str) -> float:
        """The number typed; the word for 0 is 0."""
        return 0.0 if text.strip() == self._zero else float(text.replace(",", ".") or 0)

    def validate(self, text: str, at: int) -> Any:
        """Accept numbers in either notation, and the word for 0."""
        if self._zero.startswith(text.strip()) or re.fullmatch(_NUMBER_BEGUN, text.strip()):
            try:
                done = self.minimum() <= self.valueFromText(text) <= self.maximum()
            except ValueError:
                done = False
            state = QValidator.State.Acceptable if done else QValidator.State.Intermediate
        else:
            state = QValidator.State.Invalid
        return state, text, at

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What is typed replaces the word for 0."""
        _select_word(self, self._zero, event)
        super().keyPressEvent(event)

    def stepBy(self, steps: int) -> None:
        """Step the value; from 0 by a step that suits images on the unit scale."""
        if self.value() == 0 and steps > 0 and self.minimum() == 0:
            self.setValue(min(0.01, self.maximum()))
            return
        super().stepBy(steps)


class NamedNumber(QWidget):
    """A choice of names that stand for numbers, and the number beside it.

    Parameters
    ----------
    low, high : float
        Bounds.
    named : sequence of (str, float)
        The names and their numbers; other numbers can be typed.
    """

    valueChanged = Signal(float)  # noqa: N815 - as Qt's spin boxes have it

    def __init__(
        self,
        low: float,
        high: float,
        named: Sequence[tuple[str, float]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.names, self.number = Combo(), Number(low, high)
        for name, value in named:
            self.names.addItem(name, value)
        self.names.addItem("other", None)
        # Nobody steps such a number; the names beside it need the room.
        self.number.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.number.setStyleSheet("min-width: 36px; max-width: 48px; padding: 1px 6px;")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.names, 1)
        layout.addWidget(self.number)
        self.setFocusProxy(self.names)
        self.names.activated.connect(self._on_name)
        self.number.valueChanged.connect(self._on_number)
        self._show_name()

    def value(self) -> float:
        """The number."""
        return float(self.number.value())

    def setValue(self, value: float) -> None:
        """Set the number, and the name that it has."""
        self.number.setValue(value)
        self._show_name()

    def setAccessibleName(self, name: str) -> None:
        """Name both fields."""
        self.names.setAccessibleName(name)
        self.number.setAccessibleName(f"{name}: number")

    def _show_name(self) -> None:
        places = (i for i in range(self.names.count() - 1) if self._has(i))
        self.names.setCurrentIndex(next(places, self.names.count() - 1))

    def _has(self, index: int) -> bool:
        return abs(float(self.names.itemData(index)) - self.value()) < 5e-4

    def _on_name(self, index: int) -> None:
        if (value := self.names.itemData(index)) is not None:
            self.number.setValue(float(value))
        else:
            self.number.setFocus()

    def _on_number(self, value: float) -> None:
        self._show_name()
        self.valueChanged.emit(value)


class Whole(QSpinBox):
    """A whole number from 0.

    Parameters
    ----------
    high : int
        The greatest.
    zero : str
        What 0 is called.
    """

    def __init__(self, high: int, zero: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(0, high)
        self.setSpecialValueText(zero)
        self.setMinimumWidth(60)
        guard_fields(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What is typed replaces the word for 0."""
        _select_word(self, self.specialValueText(), event)
        super().keyPressEvent(event)


def _select_word(spin: QAbstractSpinBox, word: str, event: QKeyEvent) -> None:
    if word and event.text().strip() and spin.lineEdit().text() == word:
        spin.lineEdit().selectAll()


_NUMBER_BEGUN = r"[+-]?\d*[.,]?\d*(e[+-]?\d*)?"


class Fold(QWidget):
    """A part of a panel that is folded away until its title is clicked.

    Parameters
    ----------
    title : str
        What the part is.
    content : QWidget
        The part.
    kept_as : str, optional
        Under which name a person's choice is kept for the next time; by default it is not.
    """

    def __init__(
        self, title: str, content: QWidget, kept_as: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.content = content
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(content)
        # The layout settles first.
        self._reveal = Delay(self, 0, lambda: reveal(self))
        self.button.toggled.connect(self.unfold)
        open_before = bool(kept_as) and remembered(kept_as)
        self.button.setChecked(open_before)
        self.unfold(open_before)
        # What opens by itself must not scroll a panel away from its beginning.
        self.button.clicked.connect(lambda on: self._reveal.start() if on else None)
        if kept_as:
            self.button.clicked.connect(lambda on: remember(kept_as, on))

    def unfold(self, on: bool) -> None:
        """Show the content, or fold it away."""
        self.button.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self.content.setVisible(on)


class FileRow(QWidget):
    """A path as text with a button that browses for it.

    Parameters
    ----------
    caption : str
        Title of the dialog.
    hint : str
        Shown while it is empty.
    pattern : str
        File filter of the dialog; empty asks for a folder.
    """

    changed = Signal()

    def __init__(
        self, caption: str, hint: str, pattern: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._caption, self._pattern = caption, pattern
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(hint)
        self.edit.setMinimumWidth(60)
        self.button = QPushButton("…")
        self.button.setFixedWidth(30)
        self.button.setToolTip(caption)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.edit)
        layout.addWidget(self.button)
        self.edit.textEdited.connect(lambda _: self.changed.emit())
        self.button.clicked.connect(self._browse)

    @property
    def path(self) -> str:
        """The path as it stands; may be empty or wrong."""
        return str(self.edit.text()).strip()

    def set_path(self, path: str) -> None:
        """Set the path."""
        self.edit.setText(path)
        self.edit.setToolTip(path)
        self.changed.emit()

    def _browse(self) -> None:
        if self._pattern:
            path, _ = QFileDialog.getOpenFileName(self, self._caption, self.path, self._pattern)
        else:
            path = QFileDialog.getExistingDirectory(self, self._caption, self.path)
        if path:
            self.set_path(path)


class _WheelGuard(QObject):
    """Leaves the wheel to the scroll area until a field was clicked."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Swallow wheel events over fields without the focus."""
        focused = isinstance(watched, QWidget) and watched.hasFocus()
        if event.type() != QEvent.Type.Wheel or focused:
            return False
        event.ignore()
        return True


def _pressed(event: QKeyEvent) -> bool:
    return event.type() == QEvent.Type.KeyPress


class _DecimalPoint(QObject):
    """Takes a typed comma for the decimal point."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Put a point where a comma is typed."""
        if not isinstance(event, QKeyEvent) or not _pressed(event) or event.text() != ",":
            return False
        edit = watched if isinstance(watched, QLineEdit) else watched.findChildren(QLineEdit)[0]
        edit.insert(".")
        return True


class _NoFraction(QObject):
    """Refuses the point in a whole number, and the digits typed behind it.

    Without the point alone, 2.5 would become 25.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._behind = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Swallow a point or comma, and what is typed until something else is done."""
        if event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.FocusIn):
            self._behind = False
        if not isinstance(event, QKeyEvent) or not _pressed(event) or event.key() in _MODIFIERS:
            return False
        self._behind = event.text() in (".", ",") or (self._behind and event.text().isdigit())
        return self._behind


_MODIFIERS = (Qt.Key.Key_Shift, Qt.Key.Key_CapsLock, Qt.Key.Key_NumLock, Qt.Key.Key_AltGr)


class _NoFractionPasted(QValidator):
    """The validator of a whole number, which would take the comma of a pasted 2,5 for thousands."""

    def __init__(self, usual: QValidator, parent: QObject) -> None:
        super().__init__(parent)
        self._usual = usual

    def validate(self, text: str, at: int) -> Any:
        """Refuse a point or comma beside a digit."""
        if re.search(r"\d[.,]|[.,]\d", text):
            return QValidator.State.Invalid, text, at
        return self._usual.validate(text, at)


def guard_fields(widget: QWidget) -> None:
    """Keep scrolling over ``widget`` from changing its fields, and numbers in one notation.

    Where the decimal point is a comma, Qt takes a point for a separator of thousands: 2.5 would
    become 25. So it would in whole numbers, where a point alone is refused.
    """
    wheel, point = _WheelGuard(widget), _DecimalPoint(widget)
    for kind in (QAbstractSpinBox, QComboBox, QSlider):
        for field in [*widget.findChildren(kind), *([widget] if isinstance(widget, kind) else [])]:
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            field.installEventFilter(wheel)
            if isinstance(field, QAbstractSpinBox):
                field.setLocale(QLocale.c())
                whole = not isinstance(field, QDoubleSpinBox)
                keys = _NoFraction(widget) if whole else point
                for part in (field, *field.findChildren(QLineEdit)):
                    part.installEventFilter(keys)
                usual = field.lineEdit().validator()
                if whole and usual is not None and not isinstance(usual, _NoFractionPasted):
                    field.lineEdit().setValidator(_NoFractionPasted(usual, widget))
