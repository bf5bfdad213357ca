"""The record of a training, ``log.jsonl``: one line of JSON per validation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..core.checks import as_object, field
from ..core.errors import DeconvError
from ..core.json_text import parse_json
from ..core.paths import exists, read_bytes
from ..io.atomic import replacing


def read_record(log: Path) -> list[dict[str, Any]]:
    """Every whole line; one that a crash or a full disk cut short is passed over.

    Parameters
    ----------
    log : Path
        It need not exist.

    Raises
    ------
    DeconvError
        If it may not be read, or holds lines and none of them is of a training.
    """
    lines = read_bytes(log).decode(errors="replace").splitlines() if exists(log) else []
    entries, problem = [], ""
    for line in filter(None, lines):
        try:
            entries.append(_entry(line))
        except DeconvError as error:
            problem = problem or error.what
    if problem and not entries and len(lines) > 1:
        raise DeconvError(f"{log} is not a log of a training: {problem}", "Give log.jsonl.")
    return entries


def write_record(log: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write a record anew, whole or not at all."""
    with replacing(log) as beside:
        beside.write_text("".join(f"{json.dumps(dict(entry))}\n" for entry in entries))


def _entry(line: str) -> dict[str, Any]:
    entry = as_object("a line", parse_json(line, "a line"))
    for key, kind in (("step", int), ("psnr", list)):
        field("a line", entry, key, kind)
    if not isinstance(entry.get("loss"), int | float):  # the first one is NaN
        raise DeconvError("a line has no 'loss'.")
    field("a line", entry, "seconds", float, 0.0)
    return entry
