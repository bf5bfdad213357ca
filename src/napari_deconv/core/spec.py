"""`Spec`: a thing a user can choose, as a frozen dataclass that registers itself."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import json
import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from .errors import DeconvError
from .fields import Field, fields_of
from .words import shortened


@typing.dataclass_transform(kw_only_default=True, frozen_default=True)
@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec:
    """Base of everything that can be chosen: PSFs, degradation steps, methods.

    A subclass with a ``title`` is final: frozen, bounds-checked and registered in every abstract
    class above it. A subclass without one is abstract and owns a registry. Further class keywords
    set class variables that an abstract parent declares (``ndim=(2, 3)``).

    Raises
    ------
    DeconvError
        On a value of the wrong type or out of bounds, naming field, value and remedy.
    """

    title: ClassVar[str] = ""
    name: ClassVar[str] = ""
    registry: ClassVar[dict[str, type[Any]]] = {}

    def __init_subclass__(cls, *, title: str = "", name: str = "", **traits: Any) -> None:
        super().__init_subclass__()
        for key, value in traits.items():
            if not hasattr(cls, key):
                raise TypeError(f"{cls.__name__}: no class variable {key!r} is declared above it")
            setattr(cls, key, value)
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        cls.title, cls.name = title, name or _slug(title)
        if not title:
            cls.registry = {}
            return
        for parent in cls.__mro__[1:]:
            if parent is Spec or not issubclass(parent, Spec):
                continue
            if parent.title:
                raise TypeError(f"{cls.__name__} extends {parent.__name__}, which is final")
            if cls.name in parent.registry:
                raise TypeError(f"{parent.__name__}: the name {cls.name!r} is taken already")
            parent.registry[cls.name] = cls

    def __post_init__(self) -> None:
        owner = self.title or type(self).__name__
        for key, field in self.fields().items():
            object.__setattr__(self, key, field.checked(owner, getattr(self, key)))

    @classmethod
    def fields(cls) -> Mapping[str, Field]:
        """Field name -> what its annotation and its help say, in the order of the declaration."""
        return fields_of(cls)

    @classmethod
    def summary(cls) -> str:
        """The first paragraph of the docstring, on one line."""
        return " ".join(inspect.cleandoc(cls.__doc__ or cls.title).split("\n\n")[0].split())

    def to_dict(self) -> dict[str, Any]:
        """Name and fields as plain JSON values; `from_dict` is its inverse."""
        return {"name": self.name} | {k: _plain(getattr(self, k)) for k in self.fields()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> typing.Self:
        """Rebuild an instance from `to_dict`, looked up in this class's registry."""
        if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
            kind = cls.title or cls.__name__
            raise DeconvError(f"{kind}: {shortened(data)} has no 'name'.", "Give one with a name.")
        return cls.make(data["name"], **{str(k): v for k, v in data.items() if k != "name"})

    @classmethod
    def complete(cls) -> None:
        """Import the modules whose classes belong into the registry; by default there are none."""

    @classmethod
    def lookup(cls, name: str) -> type[typing.Self]:
        """The registered class of this name; titles are accepted too."""
        if cls.title and name in (cls.name, cls.title):
            return cls
        cls.complete()
        for key, kind in cls.registry.items():
            if name in (key, kind.title):
                return kind
        raise unknown(cls.__name__.lower(), name, cls.registry)

    @classmethod
    def make(cls, name: str, /, **fields: Any) -> typing.Self:
        """Configure the class registered as ``name``, with a clear error for unknown fields."""
        kind = cls.lookup(name)
        for key in fields:
            if key not in kind.fields():
                raise unknown(f"field of {kind.title}", key, kind.fields())
        return kind(**fields)

    @classmethod
    def parse(cls, text: str) -> typing.Self:
        """``"disk:radius_px=7"`` as a configured member of the registry.

        Raises
        ------
        DeconvError
            If there is no such name or field, or a value does not fit.
        """
        name, _, rest = text.partition(":")
        kind = cls.lookup(name.strip())
        return cls.make(kind.name, **kind.parse_fields(rest))

    @classmethod
    def parse_fields(cls, text: str) -> dict[str, Any]:
        """``"radius_px=7,angle_deg=3"`` as fields; a piece without ``=`` continues a sequence."""
        pieces: list[str] = []
        for piece in filter(None, (p.strip() for p in text.split(","))):
            if "=" in piece:
                pieces.append(piece)
            elif pieces:
                pieces[-1] += f",{piece}"
            else:
                raise DeconvError(f"{piece!r} sets no field.", "Write field=value.")
        values = {}
        for piece in pieces:
            key, value = piece.split("=", 1)
            key = key.strip().replace("-", "_")
            # An unknown field goes on to `make`, which knows the nearest name.
            field = cls.fields().get(key)
            values[key] = value if field is None else field.read(value)
        return values

    def but(self, **fields: Any) -> typing.Self:
        """A copy with some fields changed, with a clear error for unknown ones."""
        own = {key: getattr(self, key) for key in self.fields()}
        return self.make(self.name, **own | fields)

    def __str__(self) -> str:
        shown = ", ".join(
            f"{f.name}={getattr(self, f.name)}"
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != f.default
        )
        return f"{self.title}({shown})" if shown else self.title


def unknown(kind: str, name: object, choices: Iterable[str]) -> DeconvError:
    """The error for a name that is not there, with the nearest one that is."""
    names = sorted(choices)
    near = difflib.get_close_matches(str(name), names, 1)
    listed = f"Choose one of: {', '.join(names)}." if names else "There are none."
    hint = f"Did you mean {near[0]!r}?" if near else listed
    return DeconvError(f"There is no {kind} {shortened(name)}.", hint)


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.to_dict()
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def dumps(data: Any) -> str:
    """JSON with sorted keys: equal recipes give equal text."""
    return json.dumps(data, indent=2, sort_keys=True)
