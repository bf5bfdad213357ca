"""JSON from outside: every reader of recipes, notes and headers goes through here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from .errors import DeconvError
from .paths import read_text
from .words import named

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]

_DEEPEST = 64
"""Levels of nesting; ours have about ten."""
_LONGEST = 2**30
"""Bytes of a file that is read at all: a data set of a million pairs has fewer."""


def parse_json(text: str | bytes, what: str, remedy: str = "Give another.") -> Any:
    """Parse JSON from an untrusted source, with errors in words.

    Parameters
    ----------
    text : str or bytes
        The JSON.
    what : str
        What it is of, for the message: ``"The recipe r.json"``.
    remedy : str
        What to do about one that is broken.

    Raises
    ------
    DeconvError
        If it is not JSON, or nested deeper than anything of ours.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise DeconvError(f"{what} cannot be read: it is nested too deep.", remedy) from error
    except (ValueError, MemoryError) as error:
        raise DeconvError(f"{what} cannot be read: {error}.", remedy) from error
    if _deeper_than(value, _DEEPEST):
        raise DeconvError(f"{what} cannot be read: it is nested too deep.", remedy)
    return value


def read_json(path: str | Path, what: str = "", remedy: str = "Give a JSON file.") -> Any:
    """Parse a JSON file; ``what`` is what to call it, by default its path.

    Raises
    ------
    DeconvError
        As `parse_json`, and if the file cannot be read.
    """
    title = f"{what} {named(path)}".strip()
    try:
        text = read_text(path, _LONGEST)
    except DeconvError as error:
        raise DeconvError(f"{title} cannot be read: {error.what}", error.remedy) from error
    return parse_json(text, title, remedy)


def read_object(
    path: str | Path, what: str = "", remedy: str = "Give a JSON file."
) -> dict[str, Any]:
    """Parse a JSON file that holds one object; raises as `read_json`, and if it does not."""
    data = read_json(path, what, remedy)
    if not isinstance(data, dict):
        raise DeconvError(f"{what} {named(path)} holds no object.".strip(), remedy)
    return data


def as_json(where: str, value: object, levels: int = _DEEPEST) -> Json:
    """Copy a value as plain JSON: numpy's numbers become Python's, tuples become lists.

    Raises
    ------
    DeconvError
        If something in it has no place in JSON, such as an object, an array or an infinite number.
    """
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if value is None or type(value) in (bool, int, str):
        return cast(Json, value)
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, Mapping | list | tuple) and levels:
        if not isinstance(value, Mapping):
            return [as_json(where, each, levels - 1) for each in value]
        if all(type(key) is str for key in value):
            return {key: as_json(where, each, levels - 1) for key, each in value.items()}
    kind = type(value).__name__
    raise DeconvError(f"{where} holds what JSON has no word for ({kind}).", "Give another.")


def as_json_object(where: str, value: Mapping[str, object]) -> dict[str, Json]:
    """Copy a mapping as a plain JSON object; raises as `as_json`."""
    return cast(dict[str, Json], as_json(where, value))


def _deeper_than(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested deeper than a limit, without recursion."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            part
            for each in layer
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
            if isinstance(part, dict | list)
        ]
        if not layer:
            return False
    return True
