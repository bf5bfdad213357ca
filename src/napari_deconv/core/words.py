"""What Python and the operating system say, in a person's words."""

from __future__ import annotations

import errno

from .errors import DeconvError

_LONGEST = 120
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def shortened(value: object, most: int = _LONGEST) -> str:
    """``repr`` of a value from outside, cut where it is too long for a message."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def named(path: object) -> str:
    """A path as a message names it: what cannot be printed is escaped, what is endless cut."""
    text = str(path)
    plain = text.isprintable() and len(text) <= 2 * _LONGEST
    return text if plain else shortened(text)


def refusal(path: object, error: OSError | ValueError | RuntimeError) -> DeconvError:
    """Why a path cannot be used, from what the operating system or `pathlib` said of it.

    Parameters
    ----------
    path : str or Path
        What was to be looked at, read or entered.
    error : OSError, ValueError or RuntimeError
        ``ValueError`` is what Python raises for a null byte, ``RuntimeError`` for a circle of
        links.
    """
    name = named(path)
    if isinstance(error, PermissionError):
        return DeconvError(
            f"{name} may not be used: permission is denied.",
            "Ask for permission, or give another place.",
        )
    number = getattr(error, "errno", None)
    if number == errno.ENAMETOOLONG:
        return DeconvError(f"The name {name} is too long.", "Give a shorter one.")
    if number == errno.ELOOP or isinstance(error, RuntimeError):
        return DeconvError(f"{name} is a circle of links.", "Give the file itself.")
    if isinstance(error, FileNotFoundError):
        return DeconvError(f"{name} does not exist.", "Check the name and the folder.")
    if isinstance(error, IsADirectoryError):
        return DeconvError(f"{name} is a folder.", "Give the name of a file.")
    if isinstance(error, NotADirectoryError):
        return DeconvError(f"{name} lies in what is not a folder.", "Check the name.")
    if isinstance(error, FileExistsError):
        return DeconvError(f"{name} exists already.", "Give another name.")
    if number in _FULL:
        return DeconvError(f"No space is left for {name}.", "Free some, or give another place.")
    if isinstance(error, OSError):
        return DeconvError(
            f"{name} could not be used: {error.strerror or error}.", "Check the disk it lies on."
        )
    return DeconvError(f"{name} is not a name that a file can have.", "Give another.")


def in_words(error: Exception, failed: str, remedy: str = "") -> DeconvError:
    """An exception as the `DeconvError` that a person reads; one that is one stays as it is.

    Parameters
    ----------
    error : Exception
        What was raised.
    failed : str
        What did not work, as a clause: ``"FCNN failed"``.
    remedy : str
        What to do where nothing better can be said.
    """
    if isinstance(error, DeconvError):
        return error
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        path = error.filename
        return refusal(path.decode(errors="replace") if isinstance(path, bytes) else path, error)
    if isinstance(error, OSError):
        return DeconvError(f"{failed}: {error.strerror or error}.", remedy)
    if isinstance(error, MemoryError):
        return DeconvError(f"{failed}: memory ran out.", "Close other programs, or give less.")
    if isinstance(error, RecursionError):
        return DeconvError(f"{failed}: something in it is nested too deep.", remedy)
    if isinstance(error, ModuleNotFoundError):
        return DeconvError(
            f"{failed}: the package {error.name} is missing.", f"Run: pip install {error.name}"
        )
    return DeconvError(f"{failed}: {error or type(error).__name__}", remedy)


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``"about 12 s"``, ``"about 3 min"``, ``"about 1.5 h"``."""
    if seconds < 59.5:
        return f"about {max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"about {round(minutes)} min" if minutes < 59.5 else f"about {minutes / 60:.1f} h"


def reason(error: Exception) -> str:
    """Why a decoder gave up, without Python's names of exceptions."""
    if isinstance(error, KeyError):
        return f"its part {error} is missing"
    if isinstance(error, EOFError):
        return "it ends too early"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is of another kind"
    text = str(error).strip().split("\n")[0][: 2 * _LONGEST].rstrip(".")
    return text or "it is damaged"
