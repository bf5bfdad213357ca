"""Forms: one widget per field of a `Spec`, and back to a configured instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...core.fields import Field
from ...core.spec import Spec
from .field_widgets import FieldWidget, field_widget
from .inputs import Combo, guard_fields
from .job import Job, steps_of
from .parts import read_out, rows


class Form(QWidget):
    """The fields of one `Spec` class as a form.

    Parameters
    ----------
    kind : type of Spec
        Whose fields to show.
    values : mapping, optional
        Field values to start from; the rest take their defaults.
    skip : tuple of str
        Fields that are set elsewhere.
    """

    changed = Signal()

    def __init__(
        self,
        kind: type[Spec],
        values: Mapping[str, Any] | None = None,
        skip: tuple[str, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.kind = kind
        layout = rows()
        self.setLayout(layout)
        self.widgets: dict[str, FieldWidget] = {}
        for key, field in kind.fields().items():
            if key in skip:
                continue
            widget = field_widget(field, (values or {}).get(key, field.default))
            widget.native.setToolTip(field.text or field.title)
            widget.native.setAccessibleName(field.title)
            widget.native.setMinimumWidth(60)
            widget.changed.connect(self._tell)
            self.widgets[key] = widget
            layout.addRow(field.title, widget.native)
            layout.labelForField(widget.native).setToolTip(field.text)
        guard_fields(self)

    def values(self) -> dict[str, Any]:
        """What the fields hold now, unchecked."""
        return {key: _value(self.kind.fields()[key], w.value) for key, w in self.widgets.items()}

    def spec(self, **fixed: Any) -> Any:
        """The configured instance.

        Raises
        ------
        DeconvError
            Naming field, value and remedy.
        """
        return self.kind(**self.values(), **fixed)

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Fill fields from a recipe; fields it does not name keep their value."""
        for key in values.keys() & self.widgets.keys():
            field = self.kind.fields()[key]
            self.widgets[key].value = (
                field.written(values[key]) if field.kind == "list" else values[key]
            )

    def _tell(self, _: object = None) -> None:
        self.changed.emit()


def _value(field: Field, value: Any) -> Any:
    """A widget's value as the field takes it."""
    if field.kind == "list":
        return field.read(value)
    return float(f"{value:.6g}") if isinstance(value, float) else value  # a slider's -33.299999


class Choice(QWidget):
    """A combo box over a registry with the form of what is chosen below it.

    Parameters
    ----------
    label_text : str
        The label beside the combo box.
    described : bool
        Whether what is chosen is described in a few words.
    skip : tuple of str, optional
        Fields to leave out; by default those that only a training heeds.
    """

    changed = Signal()
    edited = Signal()
    """A field of the form was changed."""

    def __init__(
        self,
        label_text: str,
        described: bool = False,
        skip: tuple[str, ...] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._described, self._skip = described, skip
        self.combo = Combo()
        self.note = read_out()
        self.form: Form | None = None
        self._kinds: dict[str, type[Any]] = {}
        self._remembered: dict[str, dict[str, Any]] = {}
        self.top = rows()
        self.top.addRow(label_text, self.combo)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addLayout(self.top)
        self._layout.addWidget(self.note)
        self.note.hide()
        self.combo.currentIndexChanged.connect(self._rebuild)

    def fill(
        self,
        kinds: Mapping[str, type[Spec]],
        extra: Mapping[str, str] | None = None,
        start: str = "",
        by_title: bool = False,
    ) -> None:
        """Offer these classes (name -> class), and entries without a form (name -> title)."""
        order = sorted(kinds.items(), key=lambda item: by_title and item[1].title.casefold())
        self._kinds = dict(order)
        self.combo.blockSignals(True)
        self.combo.clear()
        for name, kind in order:
            self.combo.addItem(kind.title, name)
        for name, title in (extra or {}).items():
            self.combo.addItem(title, name)
        self.combo.setCurrentIndex(max(0, self.combo.findData(start)))
        self.combo.blockSignals(False)
        self._rebuild()

    @property
    def name(self) -> str:
        """Name of what is chosen; empty while there is nothing to choose."""
        return str(self.combo.currentData() or "")

    @property
    def kinds(self) -> Mapping[str, type[Any]]:
        """The classes to choose from, by name."""
        return self._kinds

    @property
    def kind(self) -> type[Any] | None:
        """The class that is chosen, if it is one."""
        return self._kinds.get(self.name)

    def choose(self, name: str, values: Mapping[str, Any] | None = None) -> bool:
        """Choose an entry and fill its fields; False if there is no such entry."""
        index = self.combo.findData(name)
        if index < 0:
            return False
        self.combo.setCurrentIndex(index)
        if values and self.form is not None:
            self.form.set_values(values)
        return True

    def spec(self) -> Any:
        """The configured instance; a `DeconvError` if it does not fit or nothing is chosen."""
        if self.form is None:
            raise DeconvError("Nothing is chosen yet.", "Choose an entry from the list.")
        return self.form.spec()

    def _rebuild(self) -> None:
        if self.form is not None:
            self._remembered[self.form.kind.name] = {
                key: widget.value for key, widget in self.form.widgets.items()
            }
            self._layout.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        kind = self.kind
        if kind is not None:
            skip = getattr(kind, "for_training", ()) if self._skip is None else self._skip
            self.form = Form(kind, self._remembered.get(kind.name), skip)
            self.form.changed.connect(self.edited)
            self.form.changed.connect(self.changed)
            self._layout.addWidget(self.form)
            self.note.setText(kind.summary().replace("`", ""))
            self.note.setToolTip(getattr(kind, "citation", ""))
        self.note.setVisible(self._described and kind is not None)
        self.changed.emit()


class MethodChoice(Choice):
    """A choice of method that fills itself, in a worker: torch takes seconds to import.

    Parameters
    ----------
    start : str
        Name of the method to begin with.
    described : bool
        As of a `Choice`.
    """

    loaded = Signal()
    failed = Signal(object)

    def __init__(
        self, start: str = "", described: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__("Method", described, parent=parent)
        self._start = start
        self.setEnabled(False)
        self.combo.addItem("Loading…")
        self._loader = Job(self)
        self._loader.on_result, self._loader.on_error = self._on_methods, self.failed.emit
        self._loader.start(steps_of(_methods))

    def _on_methods(self, kinds: Mapping[str, type[Any]]) -> None:
        self.setEnabled(True)
        self.fill(kinds, start=self._start, by_title=True)
        self.loaded.emit()


def _methods() -> Mapping[str, type[Any]]:
    from ...restoration.base import methods

    return methods()
