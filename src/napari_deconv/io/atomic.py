"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.errors import DeconvError
from ..core.paths import kind_at, resolved
from .locks import is_current, try_lock

FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Error numbers of disks, quotas and limits that let nothing more be written."""

_PARTIAL = re.compile(r"\..*\.napari-deconv-[0-9a-f]{8}\.part(\.\w+)?")


def partial_name(final: Path) -> Path:
    """A hidden name beside a file or folder that is not finished, which nobody takes for input."""
    start, end = final.name.removesuffix(final.suffix)[:40], final.suffix
    return final.with_name(f".{start}.napari-deconv-{secrets.token_hex(4)}.part{end}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename it to ``path`` when that went well.

    Whatever goes wrong, cancelling included, nothing partial is left and an older file at
    ``path`` stays as it was. Its permissions become those of the new one. What a killed run left
    in the folder is cleared away.

    Raises
    ------
    DeconvError
        If the operating system refuses, or the older file is write-protected, in words.
    """
    final = resolved(path)
    if kind_at(final) == "device":
        raise DeconvError(f"{path} is a pipe or a device.", "Give the name of a file.")
    try:
        old = _status(final)
        if old is not None and not stat.S_IMODE(old.st_mode) & 0o222:
            raise DeconvError(
                f"{path} is write-protected.", "Give another name, or allow writing to it."
            )
        _sweep_once(final.parent)
        part, handle = _begun(final, old)
        try:
            yield part
            _flush(part)
            os.close(handle)  # an open file cannot be renamed everywhere
            handle = -1
            part.replace(final)
        finally:
            if handle >= 0:
                os.close(handle)
            with suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise refused(path, error) from error


def _status(final: Path) -> os.stat_result | None:
    """Owner and permissions of the file that will be replaced."""
    try:
        return final.stat()
    except FileNotFoundError:
        return None


def _begun(final: Path, old: os.stat_result | None) -> tuple[Path, int]:
    """An empty partial file, locked as long as its maker lives."""
    while True:
        part = partial_name(final)
        # Nobody may read for a moment what they may not read in the end.
        private = 0o666 if old is None else 0o600
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, private)
        if old is not None and os.name != "nt":
            with suppress(OSError):  # only root gives files away
                os.fchown(handle, old.st_uid, old.st_gid)
            with suppress(OSError):
                os.fchmod(handle, stat.S_IMODE(old.st_mode))
        if try_lock(handle) is not False and is_current(handle, part):
            return part, handle
        os.close(handle)  # another run is just clearing it away


_swept: set[Path] = set()


def _sweep_once(folder: Path) -> None:
    """Clear a folder of what killed runs left, at the first file that this process writes there."""
    if folder not in _swept:
        _swept.add(folder)
        sweep(folder)


def sweep(folder: Path) -> None:
    """Remove partial files from a folder whose makers are dead."""
    try:
        names = [entry.name for entry in os.scandir(folder) if _PARTIAL.fullmatch(entry.name)]
    except OSError:
        return
    for part in (folder / name for name in names):
        with suppress(OSError):
            if part.is_symlink() or not part.is_file():
                continue
            handle = os.open(part, os.O_RDWR)
            try:
                dead = try_lock(handle) and is_current(handle, part)
                if dead and os.name != "nt":
                    part.unlink()
            finally:
                os.close(handle)
            if dead and os.name == "nt":
                part.unlink()


def sweep_folders(final: Path) -> None:
    """Remove unfinished folders of the name ``final``; only under the lock of that name."""
    start = f".{final.name.removesuffix(final.suffix)[:40]}.napari-deconv-"
    with suppress(OSError):
        inside = [Path(entry.path) for entry in os.scandir(final.parent)]
        for each in inside:
            ours = each.name.startswith(start) and _PARTIAL.fullmatch(each.name)
            if ours and each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)


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
    if error.errno in FULL or (error.errno is None and "requested and" in str(error)):
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
