"""`python -m studies`: the papers' own analyses, done again, from a checkout of the repository."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_deconv.cli import status_of
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.shell import command_line

from . import Given, Study, studies
from .writing import write, write_index


def main(argv: Sequence[str] | None = None) -> int:
    """Run one study, or list them.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default the process's own.

    Returns
    -------
    int
        Exit status, as of ``napari-deconv``.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    return status_of(lambda: _run(_parser().parse_args(arguments), arguments), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m studies", description="Do an analysis of one of the papers again."
    )
    add = parser.add_argument
    add("name", metavar="NAME", nargs="?", help="which one; --list names them")
    add("--list", action="store_true", help="list the studies and what they need")
    add("--images", metavar="DIR", help="sharp photos [default: those of scikit-image]")
    add("--count", type=int, metavar="N", help="so many of them [default: the study's own]")
    add("--runs", metavar="DIR", default="local/one-psf", help="trained runs [default %(default)s]")
    add("--out", metavar="DIR", default="docs/studies", help="pages, tables, pictures")
    add("--quiet", action="store_true", help="no progress")
    add("--debug", action="store_true", help=argparse.SUPPRESS)
    return parser


def _run(args: argparse.Namespace, argv: Sequence[str]) -> int:
    """Do one study, or list them; the index in the folder is written anew."""
    registered = studies()
    if args.list:
        print("\n".join(_described(one, Path(args.runs)) for one in registered.values()))
        return 0
    one = registered.get(args.name or "")
    if one is None:
        problem = f"There is no study {args.name!r}." if args.name else "No study is named."
        raise DeconvError(problem, f"One of {', '.join(registered)}.")
    count = one.count if args.count is None else args.count
    if count < 1 and one.count:
        raise DeconvError(f"--count {count} is not a number of photos.", "Give 1 or more.")
    given = Given(
        Path(args.images) if args.images else None,
        count,
        Path(args.runs),
        (lambda line: None) if args.quiet else (lambda line: print(line, file=sys.stderr)),
    )
    found = one(given)
    out = Path(args.out)
    source = f"{_photos(count)}: {given.source}" if one.count else ""
    page = write(one, found, out, source, command_line(["python", "-m", "studies", *argv]))
    write_index(registered.values(), out)
    print(page)
    return 0


def _described(one: Study, runs: Path) -> str:
    lines = [f"{one.name}  {one.title}", f"    {one.paper}"]
    if missing := [run for run in one.needs if not (runs / run / "best.safetensors").exists()]:
        lines.append(f"    needs {', '.join(missing)} in {runs}: {' '.join(one.train.split())}")
    return "\n".join(lines)


def _photos(count: int) -> str:
    return "one photo" if count == 1 else f"{count} photos"


if __name__ == "__main__":
    sys.exit(main())
