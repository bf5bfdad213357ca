"""Values against annotations: types, choices and bounds, with errors a person can act on."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Interval, Le, Lt

from .errors import DeconvError
from .words import shortened

_REQUIRED: Any = object()


def rules(hint: Any) -> list[Any]:
    """List the constraints that an annotation adds to its type, each bound by itself."""
    if get_origin(hint) is not Annotated:
        return []
    constraints: list[Any] = []
    for extra in get_args(hint)[1:]:
        constraints += list(extra) if isinstance(extra, Interval) else [extra]
    return constraints


def checked(where: str, value: Any, hint: Any) -> Any:
    """``value`` as the annotation wants it, or a `DeconvError` naming ``where``."""
    if get_origin(hint) is Annotated:
        value = checked(where, value, get_args(hint)[0])
        for rule in rules(hint):
            _check_rule(where, value, rule)
        return value
    kind = get_origin(hint)
    if kind is Literal:
        if value not in get_args(hint):
            raise DeconvError(
                f"{where} = {shortened(value)} is not a choice.",
                f"Use one of {list(get_args(hint))}.",
            )
        return value
    if kind in (Union, types.UnionType):
        return _checked_union(where, value, get_args(hint))
    if kind in (dict, Mapping):
        return as_object(where, value)
    if kind is tuple:
        return _checked_tuple(where, value, get_args(hint))
    return _checked_scalar(where, value, hint)


def field(
    where: str, data: Mapping[str, Any], key: str, hint: Any, default: Any = _REQUIRED
) -> Any:
    """A field of an object read from JSON, checked against an annotation.

    Parameters
    ----------
    where : str
        What the object is, for the message: ``"The recipe's psf"``.
    data : mapping
        The object.
    key : str
        The field's name.
    hint : type
        As of a `Spec`'s field.
    default : object, optional
        Returned as it is where the field is missing or null; without one it must be there.

    Raises
    ------
    DeconvError
        If the field is missing or does not fit.
    """
    value = data.get(key)
    if value is None and default is not _REQUIRED:
        return default
    if key not in data:
        raise DeconvError(f"{where} has no {key!r}.", "Give one that is complete.")
    return checked(f"{where}: {key}", value, hint)


def as_object(where: str, value: Any) -> dict[str, Any]:
    """``value`` if it is an object of JSON.

    Raises
    ------
    DeconvError
        If it is a list, a text, a number or null.
    """
    if not isinstance(value, Mapping):
        raise DeconvError(f"{where} = {shortened(value)} is not an object.", "Give {...}.")
    return dict(value)


def _checked_union(where: str, value: Any, options: tuple[Any, ...]) -> Any:
    failures: list[tuple[bool, int, DeconvError]] = []
    for option in options:
        try:
            return checked(where, value, option)
        except DeconvError as error:
            # Of several wrongs, the one about the kind of value that was given helps most.
            fits = isinstance(value, (tuple, list)) == (get_origin(option) is tuple)
            failures.append((not fits, len(failures), error))
    fitting = [f for f in failures if not f[0]]
    sizes = [len(get_args(o)) for o in options if get_origin(o) is tuple]
    if len(fitting) > 1 and isinstance(value, (tuple, list)) and len(value) not in sizes:
        counts = " or ".join(map(str, sizes))
        raise DeconvError(f"{where} has {len(value)} values.", f"Give {counts}.")
    raise min(failures)[2]


def _checked_tuple(where: str, value: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise DeconvError(
            f"{where} = {shortened(value)} must be a sequence.", "Give one value per axis."
        )
    items = tuple(value)
    if args[-1] is Ellipsis:
        args = (args[0],) * len(items)
    if len(items) != len(args):
        raise DeconvError(f"{where} has {len(items)} values.", f"Give {len(args)}.")
    return tuple(
        checked(f"{where}[{i}]", v, a) for i, (v, a) in enumerate(zip(items, args, strict=True))
    )


def _checked_scalar(where: str, value: Any, kind: Any) -> Any:
    if isinstance(value, Mapping) and hasattr(kind, "from_dict"):
        value = kind.from_dict(value)
    if kind in (int, float) and hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
        value = float(value) if hasattr(value, "item") and value.dtype.kind == "f" else value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < sys.float_info.max else math.inf
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if kind in (type(None), None):
        if value is None:
            return None
        raise DeconvError(f"{where} = {shortened(value)} does not fit.")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DeconvError(
            f"{where} = {shortened(value)} is not of type {_TYPES.get(kind, kind.__name__)}.",
            "Change its value.",
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise DeconvError(f"{where} = {value!r} is not a finite number.", "Give a finite one.")
    return value


_TYPES = {dict: "object", list: "list", str: "text"}


def _check_rule(where: str, value: Any, rule: Any) -> None:
    if not isinstance(value, (int, float)):
        for item in value if isinstance(value, tuple) else ():
            _check_rule(where, item, rule)
        return
    limits = {Ge: ("ge", ">="), Gt: ("gt", ">"), Le: ("le", "<="), Lt: ("lt", "<")}
    attribute, sign = limits.get(type(rule), ("", ""))
    if not attribute:
        return
    limit = getattr(rule, attribute)
    holds = {"ge": value >= limit, "gt": value > limit, "le": value <= limit, "lt": value < limit}
    if not holds[attribute]:
        raise DeconvError(f"{where} = {value} is out of bounds.", f"It must be {sign} {limit}.")
