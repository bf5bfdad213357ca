"""The command line: one module per command, loaded when it is called for.

Exit status: 0, 1 where some inputs failed, 2 for usage, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType
from typing import Any

from ..core.errors import DeconvError
from ..core.words import in_words

_log = logging.getLogger(__name__)

COMMANDS = {
    "deblur": "deblur photos of which nothing is known",
    "psf": "make a point spread function",
    "degrade": "blur images and put them through a camera, singly or as a data set",
    "deconvolve": "restore blurred images",
    "compare": "compare methods on images, with a table and a figure",
    "methods": "list the methods",
    "train": "train a network on sharp images",
    "weights": "list, import and fetch weights",
    "bench": "measure methods side by side on scenes with a known truth",
    "demo": "deblur a photo and a microscopy stack, and open napari on the result",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default the process's own.

    Returns
    -------
    int
        Exit status.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)

    def run() -> int:
        args = _parser(arguments).parse_args(arguments)
        status: int = args.run(args)
        return status

    return status_of(run, arguments)


def status_of(run: Callable[[], int], arguments: Sequence[str]) -> int:
    """Run a command and return its exit status; errors are printed on stderr in words.

    Parameters
    ----------
    run : callable
        The command; returns its status.
    arguments : sequence of str
        Of the command line; ``--debug`` among them logs where an error came from.
    """
    logging.basicConfig(level=logging.DEBUG if "--debug" in arguments else logging.ERROR)
    # What it says of a damaged file is told in words, with the file's name.
    logging.getLogger("tifffile").propagate = "--debug" in arguments
    previous = _terminate_like_interrupt()
    try:
        return run()
    except SystemExit as stop:  # argparse: help (0) or usage (2)
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt:
        print("Interrupted; no partial file was left behind.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # a person is told what went wrong, a log where
        _log.debug("failed", exc_info=True)
        print(f"napari-deconv: {words_for(error)}", file=sys.stderr)
        return 2 if isinstance(error, DeconvError) else 1
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def words_for(error: Exception) -> str:
    """What is printed of an error: words where there are any, otherwise where to look."""
    from ..psf.image_facts import Uncalibrated

    if isinstance(error, Uncalibrated):
        return f"{error} The option is --spacing Z,Y,X (of psf: --pixel-size), in µm."
    if isinstance(error, (DeconvError, OSError, MemoryError, RecursionError, ModuleNotFoundError)):
        return str(in_words(error, "It failed"))
    return f"{type(error).__name__}: {error} (--debug shows where)"


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    """All commands by name; only the one that was called learns its options (and loads torch)."""
    from .. import __version__

    parser = argparse.ArgumentParser(
        prog="napari-deconv",
        description="Deblur photos and microscopy stacks.",
        epilog="Each command explains its options: napari-deconv COMMAND --help.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    called = next((a for a in arguments if a in COMMANDS), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False
        )
        if name == called:
            module = import_module(f"{__name__}.{name}")
            rest = arguments[arguments.index(name) + 1 :]
            module.configure(command, rest)
    return parser


def _terminate_like_interrupt() -> Any:
    """A polite kill unwinds as Ctrl-C does, so that partial files go."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        return signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread
        return None
