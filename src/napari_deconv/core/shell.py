"""A command as a person can paste it into the terminal of their system."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence

from .errors import DeconvError
from .words import shortened

_EXPANDED = re.compile(r"[$`]|%[^%]+%")
_PLAIN = re.compile(r"[\w./:\\=+-]+", re.ASCII)


def command_line(*commands: Sequence[str], windows: bool = os.name == "nt") -> str:
    """One or several commands, quoted so that each word arrives as it is.

    Parameters
    ----------
    *commands : sequence of str
        Words of each; they run one after the other.
    windows : bool
        Quote for cmd.exe and PowerShell, with each command on a line of its own (``&&`` is unknown
        to the PowerShell that comes with Windows), and not for a POSIX shell.

    Raises
    ------
    DeconvError
        If a word has a line break, or on Windows what no quotes keep from being expanded.
    """
    for word in (word for words in commands for word in words):
        if not word.isprintable() or (windows and _EXPANDED.search(word)):
            raise DeconvError(
                f"{shortened(word)} cannot stand in a command line.", "Give it another name."
            )
    if not windows:
        return " && ".join(map(shlex.join, commands))
    return "\n".join(" ".join(map(_quoted, words)) for words in commands)


def _quoted(word: str) -> str:
    """Quote a word for POSIX shells and Windows alike, unless it needs no quotes."""
    if _PLAIN.fullmatch(word):
        return word
    # A program's start-up code takes a backslash for one, unless a quote follows.
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', word)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f'"{escaped}"'
