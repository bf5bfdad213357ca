"""`napari-deconv weights`: a person's own weights, and other people's denoisers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..core.errors import DeconvError


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """What to do with which file."""
    parser.add_argument(
        "action", choices=("list", "import", "fetch"), nargs="?", default="list",
        help="list your own; import a file, of FFDNet or DRUNet as well; or fetch one of those",
    )  # fmt: skip
    parser.add_argument("what", nargs="?", help="a file to import, or a denoiser to fetch")
    parser.add_argument("--name", metavar="NAME", help="what to call it [default as the file]")
    parser.add_argument("--yes", action="store_true", help="fetch without asking")
    parser.add_argument("--debug", action="store_true", help="log everything, tracebacks included")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List, import or fetch weights."""
    from ..restoration.released import RELEASES, fetched
    from ..train import library

    if args.action == "list":
        for entry in library.entries():
            print(f"{entry.name}  {entry.method}, {entry.header.get('licence', 'no licence')}")
        return 0
    if not args.what:
        releases = "\n".join(f"{name}: {release}" for name, release in RELEASES.items())
        raise DeconvError(f"There is nothing to {args.action}.", f"Name one.\n{releases}")
    file = Path(args.what)
    if args.action == "fetch":
        if args.what in RELEASES:
            print(f"{args.what}: {RELEASES[args.what]}", file=sys.stderr)
            if not (args.yes or _agreed()):
                raise DeconvError("Nothing was fetched.", "Say so with --yes.")
        file = fetched(args.what)
    name = args.name or library.unused(args.what if args.action == "fetch" else file.stem)
    print(library.add(file, name).name)
    return 0


def _agreed() -> bool:
    return sys.stdin.isatty() and input("Fetch it? [y/N] ").strip().lower() in ("y", "yes")
