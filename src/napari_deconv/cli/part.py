"""Options for a part of the input, and for how results lie in their files."""

from __future__ import annotations

import argparse
import re
from typing import get_args

from ..io import Part, Storage
from ..io.storage import Compression

ALL = -1
"""All positions of a file."""


def add_part(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("a part of the input, as a trial before the whole")
    add = group.add_argument
    for axis, word in (("z", "planes"), ("t", "frames"), ("c", "channels")):
        add(f"--{axis}", type=_span, metavar="N|N:M", help=f"{word} N to M-1, or N alone")
    add("--rect", type=_rectangle, metavar="Y:Y,X:X", help="a rectangle: rows, columns")
    add("--position", type=_position, metavar="N|all",
        help="which image of an OME-TIFF that holds several, from 0 [default all of them where -o "
        "is a folder, else the first]")  # fmt: skip
    add = parser.add_argument_group("how results are written").add_argument
    add("--pyramid", action="store_true",
        help="coarser levels for QuPath, Fiji and OMERO (.ome.tif)")  # fmt: skip
    add("--tile", type=int, default=0, metavar="N", help="tiles of N x N pixels (.ome.tif)")
    add("--compression", choices=get_args(Compression), default="",
        help="of the pixels (.ome.tif) [default the input's]")  # fmt: skip
    add("--projections", action="store_true",
        help="write maximum projections along z, y and x beside the result")  # fmt: skip


def part_of(args: argparse.Namespace) -> Part:
    """The part that is taken of every input."""
    ranges = {axis.upper(): span for axis in "tcz" if (span := getattr(args, axis)) is not None}
    plane = args.z is not None and args.z[1] == args.z[0] + 1
    rectangle = dict(zip("YX", args.rect or (), strict=False))
    return Part(ranges | rectangle, plane)


def storage_of(args: argparse.Namespace) -> Storage:
    """How results lie in their files."""
    return Storage(pyramid=args.pyramid, tile=args.tile, compression=args.compression)


def _span(text: str) -> tuple[int, int]:
    numbers = re.fullmatch(r"(\d+)(?::(\d+))?", text.strip())
    if numbers is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor a range such as 10:20")
    start = int(numbers[1])
    return start, start + 1 if numbers[2] is None else int(numbers[2])


def _rectangle(text: str) -> tuple[tuple[int, int], ...]:
    parts = text.split(",")
    if len(parts) != 2 or not all(":" in part for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not a rectangle such as 0:200,100:300")
    return tuple(_span(part) for part in parts)


def _position(text: str) -> int:
    if text.lower() == "all":
        return ALL
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number from 0 nor 'all'")
    return int(text)
