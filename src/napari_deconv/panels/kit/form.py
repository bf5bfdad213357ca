"""Forms: one widget per field of a `Spec`, and back to a configured instance."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QSlider, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...core.fields import Field
from ...core.spec import Spec
from .field_widgets import FieldWidget, field_widget
from .inputs import Combo, Fold, Names, guard_fields
from .job import Job, steps_of
from .parts import Rows, read_out, rows

if TYPE_CHECKING:
    from ...restoration.base import Method


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
    names : mapping, optional
        Field -> what lists the names that it takes.
    """

    changed = Signal()
    typed = Signal()
    """A field was changed by other means than `set_values`."""

    def __init__(
        self,
        kind: type[Spec],
        values: Mapping[str, Any] | None = None,
        skip: tuple[str, ...] = (),
        names: Mapping[str, Callable[[], Sequence[str]]] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.kind, self._filling = kind, False
        layout = rows()
        self.setLayout(layout)
        self.widgets: dict[str, FieldWidget] = {}
        self.asides: dict[str, Fold] = {}
        """Heading -> what is folded away under it."""
        for key, field in kind.fields().items():
            if key in skip:
                continue
            value = (values or {}).get(key, field.default)
            lister = (names or {}).get(key)
            widget = field_widget(field, value) if lister is None else _names(lister, field, value)
            widget.native.setToolTip(_tip(field))
            widget.native.setAccessibleName(field.title)
            if not widget.native.findChildren(QSlider):  # which has a number beside it
                widget.native.setMinimumWidth(60)
            widget.changed.connect(self._tell)
            self.widgets[key] = widget
            place = self._aside(field.aside) if field.aside else layout
            place.addRow(field.title, widget.native)
            place.labelForField(widget.native).setToolTip(_tip(field))
            self._unfold(field, value)
        for fold in self.asides.values():
            layout.addRow(fold)
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
        self._filling = True
        try:
            for key in values.keys() & self.widgets.keys():
                field = self.kind.fields()[key]
                self.widgets[key].value = (
                    field.written(values[key]) if field.kind == "list" else values[key]
                )
                self._unfold(field, values[key])
        finally:
            self._filling = False

    def _aside(self, heading: str) -> Rows:
        """The form that is folded away under a heading."""
        if heading not in self.asides:
            inner = QWidget()
            inner.setLayout(rows())
            self.asides[heading] = Fold(heading, inner)
        layout = self.asides[heading].content.layout()
        assert isinstance(layout, Rows)
        return layout

    def _unfold(self, field: Field, value: object) -> None:
        """Keep a value in sight that is not the usual one."""
        if field.aside and field.written(value) != field.written(field.default):
            self.asides[field.aside].button.setChecked(True)

    def _tell(self, _: object = None) -> None:
        self.changed.emit()
        if not self._filling:
            self.typed.emit()


def _names(lister: Callable[[], Sequence[str]], field: Field, value: str) -> FieldWidget:
    widget = Names(lister, field.zero)
    widget.value = value
    return widget


def _tip(field: Field) -> str:
    """A field's help with the words that the form has for its values."""
    text = field.text or field.title
    for choice, word in zip(field.choices, field.words, strict=True):
        text = re.sub(rf"``[\"']?{re.escape(str(choice))}[\"']?``", f"“{word}”", text)
    return text.replace("``", "").replace("`", "")


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
        The label beside the combo box; empty for none.
    described : bool
        Whether a few words below say what is chosen.
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
        self.note.hide()
        self.form: Form | None = None
        self._kinds: dict[str, type[Any]] = {}
        self._ndim: int | None = None
        self._words: dict[str, str] = {}
        self._remembered: dict[str, dict[str, Any]] = {}
        self.top = rows()
        self.top.addRow(*([label_text] if label_text else []), self.combo)
        self.place = QWidget()
        """Where the form stands; a panel may put it elsewhere."""
        self._place = QVBoxLayout(self.place)
        self._place.setContentsMargins(0, 0, 0, 0)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addLayout(self.top)
        self._layout.addWidget(self.note)
        self._layout.addWidget(self.place)
        self.combo.currentIndexChanged.connect(self._rebuild)

    def fill(
        self,
        kinds: Mapping[str, type[Spec]],
        extra: Mapping[str, str] | None = None,
        start: str = "",
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Offer these classes (name -> class), and entries without a form (name -> title).

        Groups, where there are some, are headings with the names below each.
        """
        self._kinds = dict(sorted(kinds.items()))
        titles = {name: kind.title for name, kind in self._kinds.items()} | dict(extra or {})
        self.combo.blockSignals(True)
        self.combo.clear()
        for heading, names in (groups or {"": list(titles)}).items():
            if heading:
                self.combo.add_heading(heading)
            for name in names:
                self.combo.add_entry(titles[name], name, self.tip(name))
        first = self.combo.findData(start)
        self.combo.setCurrentIndex(first if first >= 0 else self._first())
        self._mark()
        self.combo.blockSignals(False)
        self.combo.show_tip()
        self._rebuild()

    def tip(self, name: str) -> str:
        """What to say of an entry; by default its title alone."""
        return ""

    def fit(self, ndim: int | None) -> None:
        """Grey what does not work with a PSF of so many dimensions; None greys nothing."""
        if ndim != self._ndim:
            self._ndim = ndim
            self._mark()

    def fits_in(self, name: str, ndim: int | None) -> bool:
        """Whether an entry works in so many dimensions; also where nothing tells."""
        return ndim is None or ndim in getattr(self._kinds.get(name), "ndim", (ndim,))

    def _mark(self) -> None:
        """Give every entry its label, its tip, and its colour."""
        for i in range(self.combo.count()):
            name = self.combo.itemData(i)
            if (kind := self._kinds.get(name)) is None:
                continue
            fits, words, tip = self.fits_in(name, self._ndim), self._words.get(name), self.tip(name)
            if not fits:
                words = f"{only_in(kind)} only"
                tip = f"Needs a {kind.ndim[0]}-D PSF; this one is {self._ndim}-D.\n\n{tip}"
            self.combo.setItemText(i, f"{kind.title} ({words})" if words else kind.title)
            self.combo.setItemData(i, tip or kind.title, _TIP)
            self.combo.set_usable(i, fits)

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
        if name != self.name:
            self.combo.setCurrentIndex(index)
        if values and self.form is not None:
            self.form.set_values(values)
        return True

    def spec(self) -> Any:
        """The configured instance; a `DeconvError` if it does not fit or nothing is chosen."""
        if self.form is None:
            raise DeconvError("Nothing is chosen yet.", "Choose an entry from the list.")
        return self.form.spec()

    def words(self, kind: type[Any]) -> str:
        """Description of the chosen entry."""
        return str(kind.summary()).replace("`", "")

    def _first(self) -> int:
        """The first entry that is not a heading."""
        return next((i for i in range(self.combo.count()) if self.combo.itemData(i)), 0)

    def _names(self, kind: type[Any]) -> Mapping[str, Callable[[], Sequence[str]]]:
        """Field -> what lists the names that it takes."""
        return {}

    def _on_typed(self) -> None:
        """A person set a field."""

    def _rebuild(self) -> None:
        if self.form is not None:
            self._remembered[self.form.kind.name] = {
                key: widget.value for key, widget in self.form.widgets.items()
            }
            self._place.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        kind = self.kind
        if kind is not None:
            skip = getattr(kind, "for_training", ()) if self._skip is None else self._skip
            values = self._remembered.get(kind.name)
            self.form = Form(kind, values, skip, self._names(kind))
            self.form.changed.connect(self.edited)
            self.form.changed.connect(self.changed)
            self.form.typed.connect(self._on_typed)
            self._place.addWidget(self.form)
            self.note.setText(self.words(kind))
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
        self.follows = True
        """Whether what is recommended is taken: until a person chooses."""
        self._recommended = self._reason = ""
        self.setEnabled(False)
        self.combo.addItem("Loading…")
        self.combo.activated.connect(self._on_hand)
        self._loader = Job(self)
        self._loader.on_result, self._loader.on_error = self._on_methods, self.failed.emit
        self._loader.start(steps_of(_methods))

    def choose(self, name: str, values: Mapping[str, Any] | None = None) -> bool:
        """Choose as a person does: later recommendations do not change it."""
        self.follows = False
        return super().choose(name, values)

    def tip(self, name: str) -> str:
        """What the method is for and what not, and its source."""
        kind = self._kinds[name]
        return "\n\n".join(filter(None, (advice(kind), kind.citation)))

    @property
    def recommended(self) -> bool:
        """Whether what is chosen is what is recommended."""
        return bool(self._recommended) and self.combo.currentIndex() == 1

    def words(self, kind: type[Any]) -> str:
        """Why it is recommended, or what it is for and what not, and what is recommended."""
        if self.recommended:
            return self._reason
        other = self._recommended and self._recommended != kind.name
        return f"{advice(kind)}\n{self._reason}" if other else advice(kind)

    def recommend(self, method: Method, reason: str, trained: Mapping[str, str]) -> None:
        """Put a method on top, and say of networks for one PSF how they stand to the PSF.

        Parameters
        ----------
        method : Method
            Configured.
        reason : str
            Why.
        trained : mapping
            Name of a network -> a few words.
        """
        before = self.name
        self.combo.blockSignals(True)
        if self._recommended:
            self.combo.removeItem(1)
            self.combo.removeItem(0)
        self._recommended, self._reason = method.name, f"{method.title} is recommended: {reason}."
        self.combo.add_heading("Recommended for this image", 0)
        self.combo.insertItem(1, method.title, method.name)
        self._words = dict(trained)
        self._mark()
        last = max(i for i in range(self.combo.count()) if self.combo.itemData(i) == before)
        self.combo.setCurrentIndex(1 if self.follows else last)
        self.combo.blockSignals(False)
        self.combo.show_tip()
        fields = {key: value for key, value in method.to_dict().items() if key != "name"}
        if self.follows and before != method.name:
            self._remembered[method.name] = fields
            self._rebuild()
        elif self.follows and self.form is not None:
            self.form.set_values(fields)
        if self.kind is not None:
            self.note.setText(self.words(self.kind))

    def _names(self, kind: type[Any]) -> Mapping[str, Callable[[], Sequence[str]]]:
        return {"weights": partial(_weights, kind.name)} if "weights" in kind.fields() else {}

    def _on_typed(self) -> None:
        self.follows = False  # or what was typed would be filled in anew

    def _on_hand(self, index: int) -> None:
        self.follows = bool(self._recommended) and index == 1
        if self.kind is not None:
            self.note.setText(self.words(self.kind))

    def _on_methods(self, kinds: Mapping[str, type[Any]]) -> None:
        self.setEnabled(True)
        groups: dict[str, list[str]] = {"Classical": [], "Networks": [], "Made for one PSF": []}
        for name, kind in sorted(kinds.items(), key=lambda item: item[1].title.casefold()):
            groups[_group(kind)].append(name)
        self.fill(kinds, start=self._start, groups=groups)
        self.loaded.emit()


_TIP = Qt.ItemDataRole.ToolTipRole


def only_in(kind: type[Any]) -> str:
    """What a method works on that does not work on everything."""
    return "planes" if 2 in kind.ndim else "stacks"


def advice(kind: type[Method]) -> str:
    """What a method is for and what not, in two lines."""
    from ...restoration.weights import use_of

    return f"For: {use_of(kind)}\nNot for: {kind.avoid}"


def _group(kind: type[Any]) -> str:
    if not kind.needs_weights and not kind.features:
        return "Classical"
    return "Made for one PSF" if getattr(kind, "one_psf", False) else "Networks"


def _weights(method: str) -> list[str]:
    from ...train import library

    return library.names(method)


def _methods() -> Mapping[str, type[Any]]:
    from ...restoration.base import methods

    return methods()
