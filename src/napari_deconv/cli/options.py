"""Spec fields as command-line options, and their values out of text."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.fields import Field, number
from ..core.spec import Spec


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options that every command which writes files has."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that another kind of run, or "
        "another program, has made; inputs never are",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no progress, no notes")
    parser.add_argument("--debug", action="store_true", help="log everything, tracebacks included")


def add_precision(add: Any, default: str | None = "auto") -> None:
    """Declare ``--precision``."""
    add("--precision", choices=("auto", "float32", "bfloat16"), default=default,
        help="number format of a network's layers; auto takes the fastest that the device has "
        "units for")  # fmt: skip


def add_fields(
    parser: argparse.ArgumentParser, cls: type[Spec], title: str, skip: Iterable[str] = ()
) -> None:
    """Give a parser one option per field of a Spec; those not given stay out of the namespace."""
    group = parser.add_argument_group(title)
    taken = parser._option_string_actions
    for field in cls.fields().values():
        flag = "--" + field.name.replace("_", "-")
        if field.name in skip or flag in taken:
            continue  # still within reach of --set
        group.add_argument(
            flag,
            dest=f"field_{field.name}",
            metavar=_metavar(field),
            default=argparse.SUPPRESS,
            type=field.read,
            help=_help(field).replace("%", "%%"),
        )


def add_any_field(parser: argparse.ArgumentParser, classes: Iterable[type[Spec]]) -> None:
    """Let a parser take the fields of several Specs as text, of which none is chosen yet."""
    hidden = argparse.SUPPRESS
    for name in sorted({name for cls in classes for name in cls.fields()}):
        flag = "--" + name.replace("_", "-")
        if flag not in parser._option_string_actions:
            parser.add_argument(flag, dest=f"field_{name}", help=hidden, default=hidden)


def fields_as_text(args: argparse.Namespace) -> dict[str, str]:
    """Fields given as for `add_any_field` and by ``--set``: unread text."""
    given = {k.removeprefix("field_"): v for k, v in vars(args).items() if k.startswith("field_")}
    return given | Spec.parse_fields(",".join(args.set or ()))


def _metavar(field: Field) -> str:
    names = {tuple: "X,X", float: "X", int: "N", bool: "yes|no", str: "WORD"}
    return next((name for kind, name in names.items() if kind in field.types), "NAME:FIELD=VALUE")


def _help(field: Field) -> str:
    facts = [" | ".join(map(str, field.choices))] if field.choices else []
    if field.low is not None and field.high is not None:
        facts.append(f"{field.low:g} to {field.high:g}")
    default = _default(field)
    facts += [f"default {default}"] if default else []
    return f"{field.text} [{'; '.join(facts)}]" if facts else field.text


def _default(field: Field) -> str:
    value = field.default
    if field.zero and not value:
        return field.zero
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, (int, float, str, Spec)) else ""


def given_fields(args: argparse.Namespace, cls: type[Spec]) -> dict[str, Any]:
    """Fields from direct options and from ``--set field=value``."""
    given = {f: getattr(args, f"field_{f}") for f in cls.fields() if hasattr(args, f"field_{f}")}
    return given | cls.parse_fields(",".join(getattr(args, "set", None) or ()))


def number_or_auto(text: str) -> float | None:
    """``auto`` is None; for options that estimate what is not given."""
    if text.lower() == "auto":
        return None
    value = number(text)
    if isinstance(value, str):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor 'auto'")
    return float(value)


def numbers(text: str) -> tuple[float, ...]:
    """Read numbers such as ``"0.3,0.1,0.1"``."""
    values = [number(t) for t in text.split(",") if t.strip()]
    if not values or any(isinstance(v, str) for v in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 0.3,0.1,0.1")
    return tuple(float(v) for v in values)


def sizes(text: str) -> tuple[int, ...]:
    """Read sizes in whole pixels such as ``"31,31"``."""
    values = numbers(text)
    if not all(value.is_integer() for value in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers such as 31,31")
    return tuple(int(value) for value in values)


def merged(recipe: Mapping[str, Any], cls: type[Spec], given: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's fields, where it is of this class, under those given."""
    base = (
        {k: v for k, v in recipe.items() if k != "name"} if recipe.get("name") == cls.name else {}
    )
    return base | dict(given)
