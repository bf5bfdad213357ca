"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.errors import DeconvError
from ..core.paths import kind_at, resolved

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename it to ``path`` when that went well.

    Whatever goes wrong, cancelling included, nothing partial is left and an older file at
    ``path`` stays as it was.

    Raises
    ------
    DeconvError
        If the operating system refuses, in words.
    """
    final = resolved(path)
    if kind_at(final) == "device":
        raise DeconvError(f"{path} is a pipe or a device.", "Give the name of a file.")
    part = final.with_name(f".{final.stem[:40]}.{secrets.token_hex(4)}.part{final.suffix}")
    try:
        try:
            yield part
            _flush(part)
            part.replace(final)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise refused(path, error) from error


def _flush(part: Path) -> None:
    """Network and quota file systems report a full disk only now."""
    handle = os.open(part, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refused(path: Path, error: OSError) -> DeconvError:
    """What the operating system said, with the remedy."""
    # numpy's tofile() says so without an error number.
    if error.errno in _FULL or (error.errno is None and "requested and" in str(error)):
        return DeconvError(
            f"{path} could not be written: no space is left ({error.strerror or error}).",
            "Free some space or choose another folder; nothing partial was left behind.",
        )
    if isinstance(error, FileNotFoundError):
        return DeconvError(
            f"The folder {path.parent} does not exist.", "Make it, or choose another."
        )
    if isinstance(error, IsADirectoryError):
        return DeconvError(f"{path} is a folder.", "Give the name of a file.")
    return DeconvError(
        f"{path} could not be written: {error.strerror or error}.",
        "Choose a folder you may write to.",
    )
