"""Spec fields as command-line options, and their values out of text."""

from __future__ import annotations

import argparse
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from ..core.checks import bounds
from ..core.errors import DeconvError
from ..core.spec import Spec, field_help, hints


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
    for field, hint in hints(cls).items():
        flag = "--" + field.replace("_", "-")
        if field in skip or flag in taken:
            continue  # still within reach of --set
        group.add_argument(
            flag,
            dest=f"field_{field}",
            metavar=_metavar(hint),
            default=argparse.SUPPRESS,
            type=_typed(field, hint),
            help=_help(cls, field, hint).replace("%", "%%"),
        )


def given_fields(args: argparse.Namespace, cls: type[Spec]) -> dict[str, Any]:
    """Fields from direct options and from ``--set field=value``."""
    found = {f: getattr(args, f"field_{f}") for f in hints(cls) if hasattr(args, f"field_{f}")}
    return found | fields_in(",".join(getattr(args, "set", None) or ()), cls)


def fields_in(text: str, cls: type[Spec]) -> dict[str, Any]:
    """``"radius_px=7,angle_deg=3"`` as fields; a piece without ``=`` continues a sequence."""
    pieces: list[str] = []
    for piece in filter(None, (p.strip() for p in text.split(","))):
        if "=" in piece:
            pieces.append(piece)
        elif pieces:
            pieces[-1] += f",{piece}"
        else:
            raise DeconvError(f"{piece!r} sets no field.", "Write field=value.")
    found = {}
    for piece in pieces:
        field, value = piece.split("=", 1)
        field = field.strip().replace("-", "_")
        # An unknown field goes on to the Spec, which knows the nearest name.
        hint = hints(cls).get(field)
        found[field] = value if hint is None else parse_value(value, hint)
    return found


def spec_in(text: str, root: type[Spec]) -> Spec:
    """``"disk:radius_px=7"`` as a configured member of a registry."""
    name, _, rest = text.partition(":")
    cls = root.lookup(name.strip())
    return root.make(cls.name, **fields_in(rest, cls))


def parse_value(text: str, hint: Any) -> Any:
    """A value of the annotated kind out of text; what does not fit stays text for the Spec."""
    text = text.strip()
    kinds = list(_kinds(hint))
    if types.NoneType in kinds and text.lower() in ("none", ""):
        return None
    if bool in kinds and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if str in kinds and not ({int, float} & set(kinds) and _is_number(text)):
        return text
    nested = next((k for k in kinds if isinstance(k, type) and issubclass(k, Spec)), None)
    if nested is not None and not _is_number(text.split(",")[0]):
        return spec_in(text, nested)
    if "," in text or (tuple in kinds and not {int, float} & set(kinds)):
        return tuple(_number(t) for t in text.strip("()[] ").split(",") if t.strip())
    return _number(text)


_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True} | {
    "false": False, "no": False, "off": False, "0": False
}  # fmt: skip


def _kinds(hint: Any) -> Iterable[Any]:
    """The plain types a hint allows: a sequence is ``tuple``, a choice ``str``."""
    origin = get_origin(hint)
    if origin is Annotated:
        yield from _kinds(get_args(hint)[0])
    elif origin in (Union, types.UnionType):
        for option in get_args(hint):
            yield from _kinds(option)
    elif origin is Literal:
        yield from {type(choice) for choice in get_args(hint)}
    else:
        yield origin or hint


def _is_number(text: str) -> bool:
    return not isinstance(_number(text), str)


def _number(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


def _typed(field: str, hint: Any) -> Any:
    def convert(text: str) -> Any:
        return parse_value(text, hint)

    convert.__name__ = field
    return convert


def _choices(hint: Any) -> tuple[Any, ...]:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return get_args(hint) if get_origin(hint) is Literal else ()


def _metavar(hint: Any) -> str:
    kinds = set(_kinds(hint)) - {types.NoneType}
    names = {bool: "yes|no", int: "N", float: "X", str: "WORD", tuple: "X,X"}
    for kind in (tuple, float, int, bool, str):
        if kind in kinds:
            return names[kind]
    return "NAME:FIELD=VALUE"


def _help(cls: type[Spec], field: str, hint: Any) -> str:
    low, high = bounds(hint)
    said = [field_help(cls).get(field, "")]
    facts = [" | ".join(map(str, _choices(hint)))] if _choices(hint) else []
    if low is not None and high is not None:
        facts.append(f"{low:g} to {high:g}")
    default = cls.__dataclass_fields__[field].default
    shown = _shown(default)
    facts += [f"default {shown}"] if shown else []
    return " ".join([*said, f"[{'; '.join(facts)}]" if facts else ""]).strip()


def _shown(default: Any) -> str:
    if isinstance(default, (tuple, list)):
        return ",".join(map(str, default))
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default) if isinstance(default, (int, float, str, Spec)) else ""


def number_or_auto(text: str) -> float | None:
    """``auto`` is None; for options that estimate what is not given."""
    if text.lower() == "auto":
        return None
    value = _number(text)
    if isinstance(value, str):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor 'auto'")
    return float(value)


def numbers(text: str) -> tuple[float, ...]:
    """``"0.3,0.1,0.1"``."""
    found = [_number(t) for t in text.split(",") if t.strip()]
    if not found or any(isinstance(v, str) for v in found):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 0.3,0.1,0.1")
    return tuple(float(v) for v in found)


def sizes(text: str) -> tuple[int, ...]:
    """``"31,31"``."""
    found = numbers(text)
    if not all(value.is_integer() for value in found):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers such as 31,31")
    return tuple(int(value) for value in found)


def merged(recipe: Mapping[str, Any], cls: type[Spec], given: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's fields, where it is of this class, under those given."""
    base = (
        {k: v for k, v in recipe.items() if k != "name"} if recipe.get("name") == cls.name else {}
    )
    return base | dict(given)
