"""Files and folders, looked at and opened so that a refusal is a `DeconvError` and nothing hangs.

`pathlib` raises where a parent folder may not be entered, where a name is too long or holds a null
byte; and opening a pipe waits for ever. Everything that a person names goes through here.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Literal

from .errors import DeconvError
from .words import named, refusal

Kind = Literal["", "file", "folder", "device"]
"""What lies at a path: nothing, a file, a folder, or a pipe, socket or device."""


def kind_at(path: str | Path) -> Kind:
    """Tell what lies at a path, links followed.

    Raises
    ------
    DeconvError
        If that cannot be told: a folder on the way may not be entered, the name is too long, holds
        a null byte, or leads in a circle.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  Path.stat of a null byte differs by version
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        raise refusal(path, error) from error
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "device"


def exists(path: str | Path) -> bool:
    """Whether there is anything at a path; raises as `kind_at`."""
    return kind_at(path) != ""


def is_file(path: str | Path) -> bool:
    """Whether a path is a regular file; raises as `kind_at`."""
    return kind_at(path) == "file"


def is_folder(path: str | Path) -> bool:
    """Whether a path is a folder; raises as `kind_at`."""
    return kind_at(path) == "folder"


def open_file(path: str | Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises
    ------
    DeconvError
        If it is missing, a folder, a pipe or a device, or may not be read.
    """
    kind = kind_at(path)
    if kind == "":
        raise DeconvError(f"{named(path)} does not exist.", "Check the name and the folder.")
    if kind == "folder":
        raise DeconvError(f"{named(path)} is a folder.", "Give the name of a file.")
    if kind == "device":
        raise DeconvError(
            f"{named(path)} is a pipe or a device, not a file.", "Give the name of a file."
        )
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise refusal(path, error) from error


def check_readable(path: str | Path) -> None:
    """Raise as `open_file` if a file cannot be read: for libraries that open it themselves."""
    open_file(path).close()


def read_bytes(path: str | Path, most: int | None = None) -> bytes:
    """The content of a file.

    Parameters
    ----------
    path : str or Path
        The file.
    most : int, optional
        Bytes that it may have.

    Raises
    ------
    DeconvError
        As `open_file`, and if it is larger than ``most``.
    """
    with open_file(path) as file:
        try:
            content = file.read() if most is None else file.read(most + 1)
        except OSError as error:
            raise refusal(path, error) from error
    if most is not None and len(content) > most:
        raise DeconvError(f"{named(path)} has more than {most} bytes.", "Give another file.")
    return content


def read_text(path: str | Path, most: int | None = None) -> str:
    """The content of a file in UTF-8; raises as `read_bytes`, and if it is not text."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DeconvError(f"{named(path)} is not text in UTF-8.", "Save it as such.") from error


def inside(folder: str | Path) -> list[Path]:
    """List what lies in a folder, sorted by name.

    Raises
    ------
    DeconvError
        If there is no such folder, or it may not be looked into.
    """
    if not is_folder(folder):
        raise DeconvError(f"There is no folder {named(folder)}.", "Check its name.")
    try:
        return sorted(Path(folder).iterdir())
    except OSError as error:
        raise refusal(folder, error) from error


def make_folder(folder: str | Path) -> Path:
    """Make a folder and those above it, unless it is there.

    Raises
    ------
    DeconvError
        If it cannot be made.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise DeconvError(f"{named(folder)} is not a folder.", "Give another name.") from error
    except (OSError, ValueError) as error:
        reason = refusal(folder, error)
        raise DeconvError(
            f"The folder {named(folder)} cannot be made: {reason.what}", reason.remedy
        ) from error
    return Path(folder)


def resolved(path: str | Path) -> Path:
    """The absolute path with its links followed, as far as it exists; raises as `kind_at`."""
    try:
        return Path(path).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise refusal(path, error) from error


def check_plain_name(where: str, name: str) -> str:
    """``name`` if it is that of a file in one folder, and not a way out of it.

    Raises
    ------
    DeconvError
        If it holds a separator or a null byte, is ``..`` or empty, or too long.
    """
    unfit = name in ("", ".", "..") or any(c in name for c in "/\\\0") or len(name) > 200
    if unfit or not name.isprintable():
        raise DeconvError(f"{where} = {name[:40]!r} is not a plain file name.", "Give one.")
    return name
