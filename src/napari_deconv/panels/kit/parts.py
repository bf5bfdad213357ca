"""Small Qt parts that every panel is put together from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from napari.layers import Layer
from napari.settings import get_settings
from napari.utils.events import Event
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QLabel,
    QLayout,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ..menus import dock_of
from .behind import raise_when_chosen
from .bounded import Bounded
from .layers import follow

# Translucent, so that the same colours can be read on the dark and on the light theme.
_TINTS = {
    "info": "rgba(80, 140, 230, 45)",
    "good": "rgba(67, 160, 71, 75)",
    "warning": "rgba(255, 165, 0, 60)",
    "error": "rgba(229, 57, 53, 75)",
}
_BODY_PX = 90
"""The least that is seen of a panel's scrolling body."""
_PRIMARY = """
QPushButton#primary { background-color: #0b6fb8; color: white; font-weight: bold; padding: 6px; }
QPushButton#primary:hover { background-color: #1180d0; }
QPushButton#primary:disabled { background-color: rgba(128, 128, 128, 70); color: gray; }
QPushButton#small { padding: 3px; }
"""
_SMALL = 0.9
"""Of napari's font: the size of what is only told."""


class Panel(QWidget):
    """A dock panel: a scrolling body over a footer that stays in sight.

    Parameters
    ----------
    parent : QWidget, optional
        Its parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._docked = False
        # The dock is put into the window only later.
        self._stack = Delay(self, 0, self._on_docked)
        self._closers: list[Callable[[], object]] = []
        self.body = QVBoxLayout()
        self.body.setContentsMargins(6, 6, 6, 6)
        self.footer = QVBoxLayout()
        self.footer.setContentsMargins(6, 0, 6, 6)
        inner = QWidget()
        inner.setLayout(self.body)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll, 1)
        layout.addLayout(self.footer)
        self._tabs = Delay(self, 0, self._order_tabs)
        self._set_fonts()
        sizes = get_settings().appearance.events.font_size
        sizes.connect(self._set_fonts)
        self.destroyed.connect(lambda: sizes.disconnect(self._set_fonts))

    def sizeHint(self) -> QSize:
        """300 wide by default; as high as the dock allows."""
        return QSize(300, 600)

    def minimumSizeHint(self) -> QSize:
        """Narrow docks and small screens are fine: the body scrolls, the footer stays whole."""
        footer = self.footer.minimumHeightForWidth(max(240, self.width()))
        return QSize(240, max(200, _BODY_PX + footer))

    def on_close(self, closer: Callable[[], object]) -> None:
        """Call ``closer`` once, when the panel is taken out of its dock or destroyed.

        It must not touch the panel: by then its Qt half may be gone.
        """
        self._closers.append(closer)
        self.destroyed.connect(closer)

    def event(self, event: QEvent) -> bool:
        """Release everything when napari removes the panel from its dock for good."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._tabs.start()  # fields may have been built anew
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is not None:
                self._docked = True
                self._stack.start()
            elif self._docked:
                self._let_go()
        return bool(super().event(event))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Release what the panel holds."""
        self._let_go()
        super().closeEvent(event)

    def _on_docked(self) -> None:
        dock = dock_of(self)
        if dock is not None:
            raise_when_chosen(dock)
        stack(self)

    def _set_fonts(self, *_: object) -> None:
        small = f"{text_pt(_SMALL):.1f}pt"
        rule = f"#small, QLineEdit, QToolButton {{ font-size: {small}; }}"
        self.setStyleSheet(_PRIMARY + rule)

    def _order_tabs(self) -> None:
        """Let Tab go through the fields as they are seen, wherever they were put in last."""
        fields = list(_fields(self.layout()))
        for before, after in itertools.pairwise(fields):
            QWidget.setTabOrder(before, after)

    def _let_go(self) -> None:
        closers, self._closers = self._closers, []
        for closer in closers:
            closer()
        if closers and self.parent() is None:
            # napari orphans the widget of a closed dock: nothing else would ever delete it.
            self.deleteLater()


def _fields(layout: QLayout | None) -> Iterator[QWidget]:
    """What takes the keyboard, in the order of the layouts."""
    for i in range(layout.count() if layout is not None else 0):
        item = layout.itemAt(i)
        inner, widget = item.layout(), item.widget()
        if isinstance(widget, QScrollArea):
            widget = widget.widget()
        if inner is not None:
            yield from _fields(inner)
        elif widget is not None and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            yield widget
        elif widget is not None and widget.layout() is None:  # such as a button over a picture
            inside = widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
            yield from (x for x in inside if x.focusPolicy() & Qt.FocusPolicy.TabFocus)
        elif widget is not None:
            yield from _fields(widget.layout())


def text_pt(share: float = 1.0) -> float:
    """A part of napari's font size, in points."""
    return share * float(get_settings().appearance.font_size)


class Notice(QFrame):
    """A tinted box with a message in plain words and, if there is a remedy, a button for it.

    Parameters
    ----------
    most_px : int
        Height beyond which the message scrolls; 0 for none.
    answers : bool
        Whether it answers what a person does: then the panel scrolls to it.
    """

    def __init__(
        self, parent: QWidget | None = None, *, most_px: int = 0, answers: bool = False
    ) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setStyleSheet("background: transparent;")
        self.button = QPushButton()
        self.button.hide()
        self._about: tuple[Layer, ...] = ()
        # The layout settles first.
        self._reveal = Delay(self, 0, lambda: reveal(self)) if answers else None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(Bounded(self._label, most_px) if most_px else self._label)
        layout.addWidget(self.button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.hide()

    def say(
        self, text: str, kind: str = "info", button: str = "", about: Iterable[Layer] = ()
    ) -> None:
        """Show ``text`` (kind: info, good, warning or error); an empty one hides the box.

        Of layers ``about`` which it is, it is said while there is one of them; see `keep_to`.
        """
        self._about = tuple(about)
        self._label.setText(text)
        self.setStyleSheet(
            f"QFrame#notice {{ background-color: {_TINTS[kind]}; border-radius: 4px; }}"
        )
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.setVisible(bool(text))
        if text and self._reveal is not None:
            self._reveal.start()

    def keep_to(self, viewer: Any, image: Any) -> None:
        """Say nothing of what is not there any more.

        Parameters
        ----------
        viewer : napari.Viewer
            What is said about layers is gone with the last of them.
        image : LayerCombo
            What is said is about the layer that is chosen there, and gone when another one is.
        """
        of = [image.layer]

        def on_image() -> None:
            if image.layer is not of[0]:
                of[0] = image.layer
                self.say("")

        def on_removed(event: Event) -> None:
            if event.value in self._about:
                left = tuple(layer for layer in self._about if layer is not event.value)
                self._about = left
                if not left:
                    self.say("")

        image.picked.connect(on_image)
        follow(self, viewer.layers.events.removed, on_removed)

    @property
    def text(self) -> str:
        """What is shown; empty when hidden."""
        return self._label.text()


class Delay(QTimer):
    """Calls a function once things have been quiet for a while.

    Parameters
    ----------
    parent : QObject
        Its owner; when that goes, so does the timer.
    wait_ms : int
        How long nothing must have happened.
    call : callable
        What to do then.
    """

    def __init__(self, parent: QObject, wait_ms: int, call: Callable[[], object]) -> None:
        super().__init__(parent)
        self.setSingleShot(True)
        self.setInterval(wait_ms)
        self.timeout.connect(lambda: call())


def reveal(widget: QWidget) -> None:
    """Scroll a part of a panel's body into sight."""
    area = widget.parentWidget()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    if area is not None:
        area.ensureWidgetVisible(widget, 0, 6)


def stack(panel: Panel) -> None:
    """Put a panel's dock on top of that of another panel, as a tab: side by side both are cut."""
    dock, window = dock_of(panel), panel.window()
    if dock is None or dock.isFloating() or not isinstance(window, QMainWindow):
        return
    area = window.dockWidgetArea(dock)
    for other in window.findChildren(Panel):
        place = dock_of(other)
        if place is None or place is dock or place.isFloating() or place.isHidden():
            continue
        if window.dockWidgetArea(place) == area and place not in window.tabifiedDockWidgets(dock):
            window.tabifyDockWidget(place, dock)
            dock.raise_()
            return


def heading(text: str) -> QLabel:
    """A section's heading."""
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold; margin-top: 6px;")
    label.setWordWrap(True)
    return label


def read_out(text: str = "") -> QLabel:
    """Small wrapped text that tells something."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setObjectName("small")
    return label


class Rows(QFormLayout):
    """Labels beside fields, aligned over all forms of a panel; above them where it is narrow."""

    def addRow(self, *parts: Any) -> None:
        """Add a row; a label given as text is aligned with those of other forms."""
        super().addRow(*parts)
        if len(parts) == 2 and isinstance(parts[0], str):
            self.labelForField(parts[1]).setMinimumWidth(90)


def rows() -> Rows:
    """An empty form."""
    layout = Rows()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return layout


def primary(text: str) -> QPushButton:
    """The one button that the eye should find."""
    button = QPushButton(text)
    button.setObjectName("primary")
    return button


def small(text: str, tip: str) -> QPushButton:
    """Make a button small, for rows of a narrow panel."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setObjectName("small")
    button.setMinimumWidth(40)
    return button
