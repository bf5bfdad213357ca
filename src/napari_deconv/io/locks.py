"""Locks on files and folders that end with the process that holds them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.errors import DeconvError
from ..core.paths import resolved

_HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


def _lock(handle: int) -> None:
    """Lock an open file without waiting; the system unlocks it when the process ends."""
    if os.name == "nt":
        import msvcrt

        os.lseek(handle, 2**30, os.SEEK_SET)  # behind what anybody reads or writes
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(handle: int) -> bool | None:
    """Whether an open file could be locked; None where the file system knows no locks."""
    try:
        _lock(handle)
    except OSError as error:
        return False if error.errno in _HELD else None
    return True


def is_current(handle: int, path: Path) -> bool:
    """Whether a name still stands for the file that was opened."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except OSError:
        return False


@contextmanager
def only_run(target: Path) -> Iterator[None]:
    """Lock a file or a folder for this run; raise at once if another run has it.

    The lock is an empty hidden file beside ``target``. It goes with the run; one that a killed run
    left holds nobody up, and the next run takes it away.

    Parameters
    ----------
    target : Path
        What is written; it need not exist.

    Raises
    ------
    Busy
        If another run is at it, in this process or another one.
    """
    final = resolved(target)
    path = final.with_name(f".{final.name[:80]}.napari-deconv-lock")
    handle = _held(path, target)
    try:
        yield
    finally:
        if handle is not None:
            if os.name == "nt":  # an open file cannot be removed there
                os.close(handle)
            with suppress(OSError):
                path.unlink(missing_ok=True)
            if os.name != "nt":
                os.close(handle)


class Busy(DeconvError):
    """Another run is writing the same thing at this moment."""


def _held(path: Path, target: Path) -> int | None:
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return None  # what cannot be written there says so itself, and better
        locked = try_lock(handle)
        if locked and is_current(handle, path):
            return handle
        os.close(handle)
        if locked is None:
            return None
        if not locked:
            raise Busy(
                f"Another run is writing {target} at this moment.",
                "Wait until it is done, stop it, or give another name.",
            )
