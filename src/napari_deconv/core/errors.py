"""The one error a person is meant to read."""

from __future__ import annotations

from typing import Any


class DeconvError(Exception):
    """Bad input, said in words: the thing, its value and the remedy.

    Deliberately no subclass of `RuntimeError`: thread workers of Qt libraries swallow those.

    Parameters
    ----------
    what : str
        What is wrong, naming the field or file and its value.
    remedy : str, optional
        What to do about it.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} {remedy}".strip())

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle their message by default, from which nothing can be built again.
        return _revived, (type(self), self.what, self.remedy), dict(vars(self))


def _revived(kind: type[DeconvError], what: str, remedy: str) -> DeconvError:
    """An error as another process raised it, whatever its class wants to be built from."""
    error = kind.__new__(kind)
    DeconvError.__init__(error, what, remedy)
    return error


class Cancelled(DeconvError):
    """A run was cancelled by the person."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")
