"""Errors and commands leave the process as they are."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from napari_deconv.blocks.work import DiskFull
from napari_deconv.core.errors import Cancelled, DeconvError
from napari_deconv.core.shell import command_line


def every(kind: type[DeconvError]) -> list[type[DeconvError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in every(below))]


@pytest.mark.parametrize("kind", every(DeconvError))
def test_errors_cross_processes(kind: type[DeconvError]) -> None:
    error = kind() if kind is Cancelled else kind("The stack ends early.", "Copy it again.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.what, again.remedy) == (str(error), error.what, error.remedy)


def test_what_an_error_carries_besides_crosses_too() -> None:
    error = DiskFull("No space is left.", "Free some.")
    error.free_bytes = 12
    assert pickle.loads(pickle.dumps(error)).free_bytes == 12


WORDS = ["plain", "two words", "a&b", 'says "no"', "C:\\data dir\\", "radius=1,angle=2", "", "50%"]


def test_a_command_for_a_posix_shell_arrives_as_it_is() -> None:
    show = [sys.executable, "-c", "import sys; print(sys.argv[1:])", *WORDS]
    line = command_line(["true"], show, windows=False)
    run = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == repr(WORDS)


def windows_words(line: str) -> list[str]:
    """How a Windows program's start-up code cuts a command line: quotes, and 2n(+1) backslashes."""
    words, word, quoted, begun, i = [], "", False, False, 0
    while i < len(line):
        slashes = len(line[i:]) - len(line[i:].lstrip("\\"))
        after = line[i + slashes : i + slashes + 1]
        if slashes and after == '"':
            word += "\\" * (slashes // 2) + '"' * (slashes % 2)
            i, begun = i + slashes + slashes % 2, True
        elif slashes:
            word, i, begun = word + "\\" * slashes, i + slashes, True
        elif line[i] == '"':
            quoted, begun, i = not quoted, True, i + 1
        elif line[i] == " " and not quoted:
            words, word, begun, i = words + [word] * begun, "", False, i + 1
        else:
            word, begun, i = word + line[i], True, i + 1
    return words + [word] * begun


def test_a_command_for_windows_arrives_as_it_is() -> None:
    line = command_line(WORDS, windows=True)
    assert windows_words(line) == WORDS
    assert "'" not in line
    assert '"a&b"' in line and '"radius=1,angle=2"' in line  # both mean something to a shell
    assert command_line(["a"], ["b c"], windows=True) == 'a\n"b c"'
