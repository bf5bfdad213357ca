"""`napari-deconv study`: the papers' own analyses, done again."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from ..core.errors import DeconvError


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("name", metavar="NAME", nargs="?", help="which one; --list names them")
    add("--list", action="store_true", help="list the studies and what they need")
    add("--images", metavar="DIR", help="sharp photos [default: those of scikit-image]")
    add("--count", type=int, metavar="N", help="so many of them [default: the study's own]")
    add("--runs", metavar="DIR", default="local/one-psf", help="trained runs [default %(default)s]")
    add("--out", metavar="DIR", default="docs/studies", help="pages, tables, pictures")
    add("--quiet", action="store_true", help="no progress")
    add("--debug", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run, argv=argv)


def run(args: argparse.Namespace) -> int:
    """Do one study, or list them; the index in the folder is written anew."""
    from ..studies import Given, studies
    from ..studies.writing import write, write_index

    known = studies()
    if args.list:
        print("\n".join(_described(one, Path(args.runs)) for one in known.values()))
        return 0
    one = known.get(args.name or "")
    if one is None:
        said = f"There is no study {args.name!r}." if args.name else "No study is named."
        raise DeconvError(said, f"One of {', '.join(known)}.")
    count = one.count if args.count is None else args.count
    if count < 1 and one.count:
        raise DeconvError(f"--count {count} is no number of photos.", "Give 1 or more.")
    given = Given(
        Path(args.images) if args.images else None,
        count,
        Path(args.runs),
        (lambda said: None) if args.quiet else (lambda said: print(said, file=sys.stderr)),
    )
    found = one(given)
    out = Path(args.out)
    source = f"{_photos(count)}: {given.source}" if one.count else ""
    page = write(one, found, out, source, f"napari-deconv study {shlex.join(args.argv)}")
    write_index(known.values(), out)
    print(page)
    return 0


def _described(one: object, runs: Path) -> str:
    from ..studies import Study

    assert isinstance(one, Study)
    lines = [f"{one.name}  {one.title}", f"    {one.paper}"]
    if missing := [run for run in one.needs if not (runs / run / "best.safetensors").exists()]:
        lines.append(f"    needs {', '.join(missing)} in {runs}: {' '.join(one.train.split())}")
    return "\n".join(lines)


def _photos(count: int) -> str:
    return "one photo" if count == 1 else f"{count} photos"
