"""`Field`: what forms, options, sweeps and documents need to know of one field of a `Spec`."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from .checks import checked, rules

Kind = Literal["whole", "number", "switch", "choice", "text", "list"]


@dataclass(frozen=True)
class Zero:
    """Annotation: 0, or empty text, stands for something else than itself.

    Parameters
    ----------
    text : str
        What it stands for in a word, as forms show it and options take it: ``auto``, ``off``.
    """

    text: str


@dataclass(frozen=True)
class Shown:
    """Annotation: how a field is shown, where its name does not say it.

    Parameters
    ----------
    title : str
        In place of what its name gives.
    unit : str
        In place of the one at the end of its name.
    words : tuple of str
        What its choices are called, in their order.
    typed : bool
        Whether it is known to the digit, so that a slider would not do.
    named : tuple of (str, float)
        Values of a number that have a name, such as the index of oil.
    aside : str
        Heading under which forms fold it away until it is wanted.
    """

    title: str = ""
    unit: str = ""
    words: tuple[str, ...] = ()
    typed: bool = False
    named: tuple[tuple[str, float], ...] = ()
    aside: str = ""


@dataclass(frozen=True)
class Field:
    """One field of a `Spec`, made once from its annotation.

    Parameters
    ----------
    name : str
        As in Python and in recipes.
    kind : str
        ``whole``, ``number``, ``switch``, ``choice``, ``text``, or ``list`` for everything that is
        written as text: numbers with commas between them, another `Spec`, a word or a number.
    hint : type
        The annotation.
    types : frozenset of type
        Plain types that it allows, of a choice those of its choices.
    default : object
        `dataclasses.MISSING` where there is none.
    low, high : float or None
        Bounds.
    limits : str
        The bounds as text, ``"> 0, ≤ 10"``.
    choices, words : tuple
        The values of a choice, and what they are called.
    unit : str
        ``px``, ``°``, ``µm``, ...; empty where it has none.
    zero : str
        What 0, or empty text, stands for; empty where it is just that.
    title : str
        As a person reads it, with its unit: ``Radius (px)``.
    text : str
        Its help, from the numpydoc ``Parameters`` of the class.
    typed : bool
        Whether it is known to the digit.
    named : tuple of (str, float)
        Values that have a name.
    aside : str
        Heading under which forms fold it away.
    """

    name: str
    kind: Kind
    hint: Any
    types: frozenset[type]
    default: Any
    low: float | None
    high: float | None
    limits: str
    choices: tuple[Any, ...]
    words: tuple[str, ...]
    unit: str
    zero: str
    title: str
    text: str
    typed: bool
    named: tuple[tuple[str, float], ...]
    aside: str

    @property
    def numeric(self) -> bool:
        """Whether it takes one number of a range."""
        return self.kind != "choice" and bool({int, float} & self.types) and bool not in self.types

    @property
    def whole(self) -> bool:
        """Whether it takes no fractions."""
        return float not in self.types

    def checked(self, owner: str, value: Any) -> Any:
        """``value`` as the annotation wants it.

        Raises
        ------
        DeconvError
            Naming the owner, the field, the value and the remedy.
        """
        return checked(f"{owner}: {self.name}", value, self.hint)

    def read(self, text: str) -> Any:
        """A value out of text, typed or from the command line.

        What does not fit stays text, which the check then names.
        """
        text = text.strip()
        if self.zero and text.lower() == self.zero:
            return "" if self.kind == "text" else 0
        if text.lower() in (names := dict(self.named)):
            return names[text.lower()]
        if types.NoneType in self.types and text.lower() in ("none", ""):
            return None
        if bool in self.types and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        numbers = {int, float} & self.types
        if str in self.types and not (numbers and not isinstance(number(text), str)):
            return text
        nested = next((t for t in self.types if hasattr(t, "parse")), None)
        if nested is not None and isinstance(number(text.split(",")[0]), str):
            return nested.parse(text)
        bare = text.strip("()[] ") if tuple in self.types else text
        if "," in bare or (tuple in self.types and not numbers):
            return tuple(number(item) for item in bare.split(",") if item.strip())
        return number(bare)

    def written(self, value: Any) -> str:
        """A value as text that `read` takes; None is empty."""
        if value is None:
            return ""
        items = value if isinstance(value, (tuple, list)) else (value,)
        return ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in items)


_BOOLEANS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "0"), False
)


def number(text: str) -> float | int | str:
    """The number that text is, or the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


def _fields(cls: type[Any]) -> Mapping[str, Field]:
    hints = typing.get_type_hints(cls, include_extras=True)
    texts: dict[str, str] = {}
    for kind in reversed(cls.__mro__):
        texts |= _parameters(kind.__dict__.get("__doc__") or "")
    declared = dataclasses.fields(cls)
    return {f.name: _field(f, hints[f.name], texts.get(f.name, "")) for f in declared}


fields_of = cast("Callable[[type[Any]], Mapping[str, Field]]", cache(_fields))
"""Of a `Spec`: field name -> `Field`, in the order of the declaration."""


def _field(declared: dataclasses.Field[Any], hint: Any, text: str) -> Field:
    bare = _bare(hint)
    plain = frozenset(_types(bare))
    choices = get_args(bare) if get_origin(bare) is Literal else ()
    shown = next((rule for rule in rules(hint) if isinstance(rule, Shown)), Shown())
    limits = [(_SIGNS[type(rule)], rule) for rule in rules(hint) if type(rule) in _SIGNS]
    ends = {sign: getattr(rule, attribute) for (attribute, sign), rule in limits}
    title, unit = _title(declared.name)
    unit = shown.unit or unit
    return Field(
        name=declared.name,
        kind="choice" if choices else _KINDS.get(bare, "list"),
        hint=hint,
        types=plain,
        default=declared.default,
        low=next((float(end) for sign, end in ends.items() if sign in ">≥"), None),
        high=next((float(end) for sign, end in ends.items() if sign in "<≤"), None),
        limits=", ".join(f"{sign} {end:g}" for sign, end in ends.items()),
        choices=choices,
        words=shown.words or tuple(map(str, choices)),
        unit=unit,
        zero=next((rule.text for rule in rules(hint) if isinstance(rule, Zero)), ""),
        title=shown.title or (f"{title} ({unit})" if unit else title),
        text=text,
        typed=shown.typed or unit in ("nm", "µm"),
        named=shown.named,
        aside=shown.aside,
    )


_KINDS: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text"}
_SIGNS = {Ge: ("ge", "≥"), Gt: ("gt", ">"), Le: ("le", "≤"), Lt: ("lt", "<")}
_UNITS = {"px": "px", "deg": "°", "nm": "nm", "um": "µm", "mm": "mm", "s": "s", "percent": "%"}
_ACRONYMS = {"psf": "PSF", "nsr": "NSR", "tv": "TV", "jpeg": "JPEG", "rgb": "RGB"}


def _bare(hint: Any) -> Any:
    return _bare(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def _types(hint: Any) -> Iterator[Any]:
    """Plain types: a sequence is ``tuple``, a choice the types of its choices."""
    bare = _bare(hint)
    origin = get_origin(bare)
    if origin in (Union, types.UnionType):
        for option in get_args(bare):
            yield from _types(option)
    elif origin is Literal:
        yield from map(type, get_args(bare))
    else:
        yield origin or bare


def _title(name: str) -> tuple[str, str]:
    """A field's name as a person reads it, and its unit."""
    words = name.split("_")
    unit = _UNITS.get(words[-1], "") if len(words) > 1 else ""
    words = [_ACRONYMS.get(word, word) for word in (words[:-1] if unit else words)]
    words[0] = words[0] if words[0].isupper() else words[0].capitalize()
    return " ".join(words), unit


def _parameters(doc: str) -> dict[str, str]:
    """Name -> help of the numpydoc section ``Parameters``."""
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+\n|\Z)", inspect.cleandoc(doc), re.S | re.M
    )
    blocks = re.findall(
        r"^(\w[\w, ]*) : [^\n]*\n((?:[ ]+[^\n]*\n?|\n)+)",
        section[1] + "\n" if section else "",
        re.M,
    )
    return {
        name.strip(): " ".join(text.split()) for names, text in blocks for name in names.split(",")
    }
