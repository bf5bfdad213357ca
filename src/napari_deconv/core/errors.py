"""The one error a person is meant to read."""

from __future__ import annotations


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


class Cancelled(DeconvError):
    """The person asked to stop; nothing is wrong."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")
