"""What a person chose to see of a panel, kept from one session to the next."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ...core.errors import DeconvError
from ...core.folders import data_folder
from ...core.json_text import read_object
from ...core.paths import make_folder
from ...core.spec import dumps
from ...io.atomic import replacing


def remembered(key: str) -> bool:
    """What was kept under a key; False where nothing was, or it cannot be read."""
    return _choices().get(key) is True


def remember(key: str, value: bool) -> None:
    """Keep a choice; where the folder cannot be written, it is forgotten."""
    with suppress(DeconvError), replacing(make_folder(data_folder()) / _file().name) as part:
        part.write_text(dumps(_choices() | {key: value}), encoding="utf-8")


def _choices() -> dict[str, object]:
    try:
        return dict(read_object(_file()))
    except DeconvError:
        return {}


def _file() -> Path:
    return data_folder() / "panels.json"
