"""`napari-deconv psf beads`: the PSF of a microscope, from an image of beads."""

from __future__ import annotations

import argparse
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import DeconvError
from ..core.paths import read_text
from ..io import Guard, Picture, check_target, read, write
from ..io.atomic import replacing
from ..io.trial import check_format
from ..psf import ImageFacts, PsfRequest, describe
from ..psf.beads.page import MARK, check_page, page, summary, table
from .batch import make_folder
from .options import add_common, sizes
from .report import Reporter

if TYPE_CHECKING:
    from ..psf.beads.report import Measured


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `beads`."""
    parser.description = "Measure the PSF from an image of beads smaller than the resolution."
    add = parser.add_argument
    add("input", metavar="IN", help="a plane or a stack of beads")
    add("-o", "--output", required=True, metavar="FILE", help=".tif or .npy")
    add(
        "--points",
        metavar="FILE.csv",
        help="pixel coordinates of beads, one per line, [z,] y, x; found by default",
    )
    add("--table", metavar="FILE.csv", help="every bead: place, verdict, widths and their errors")
    add("--report", metavar="FILE", help="one page with the figures: .pdf, .png or .svg")
    add("--size", type=sizes, metavar="N,N", help="odd size per axis; chosen by default")
    add("--discard", metavar="FILE.csv", help="beads to leave out: one line of pixel "
        "coordinates, in axis order, for each")  # fmt: skip
    add("--symmetric", action="store_true", help="average over mirror images and turns")
    add(
        "--theory",
        metavar="PSF",
        help="compare with a generator: wide-field:numerical_aperture=1.2",
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and write; says what became of each bead."""
    from ..psf.beads import measure

    guard = Guard.of([args.input, args.points, args.discard], args.overwrite)
    check_target(Path(args.output), "PSF", guard)
    _check_beside(args, guard)
    picture = read(args.input)
    report = Reporter(args.quiet)
    axes = "".join(a for a in picture.axes if a in "ZYX")
    extra = [n for a, n in zip(picture.axes, picture.data.shape, strict=True) if a not in "ZYX"]
    if any(n > 1 for n in extra) or "S" in picture.axes:
        raise DeconvError(
            f"{args.input} has the axes {picture.axes}.", "Give a grey plane or one stack."
        )
    check_format(args.output, Picture(data=np.zeros((3,) * len(axes), np.float32), axes=axes))
    stack = picture.data.reshape(picture.data.shape[len(extra) :])
    measured = measure(
        stack, _points(args.points), size=args.size, symmetric=args.symmetric,
        discard=_points(args.discard),
    )  # fmt: skip
    for bead in measured.beads:
        place = ", ".join(f"{p:.1f}" for p in bead.place)
        report.note(f"bead at ({place}): {bead.words}")
    size = {a: v for a, v in picture.pixel_size.items() if a in axes}
    units = {a: v for a, v in picture.units.items() if a in axes}
    like = Picture(data=measured.psf, axes=axes, pixel_size=size, units=units)
    path = Path(args.output)
    make_folder(path.parent)
    recipe = {"psf": {"beads": len(measured.used), "file": str(args.input)}}
    write(path, measured.psf, like=like, recipe=recipe, guard=guard)
    if not args.quiet:
        words = describe(measured.psf, like.spacing(axes), units.get("X", ""))
        print(f"{path}: {len(measured.used)} of {len(measured.beads)} beads: {words}")
        print("\n".join(summary(measured, *_calibration(like))))
        _compare(args.theory, measured, like)
    _write_beside(args, measured, like)
    return 0


def _check_beside(args: argparse.Namespace, guard: Guard) -> None:
    """Raise, before the work begins, unless table and page may be written."""
    for path, endings in ((args.table, (".csv",)), (args.report, (".pdf", ".png", ".svg"))):
        if path is None:
            continue
        if Path(path).suffix.lower() not in endings:
            raise DeconvError(f"{path} does not end in {' or '.join(endings)}.", "Rename it.")
        guard.check(Path(path), "", MARK)
    if args.report is not None:
        check_page()


def _write_beside(args: argparse.Namespace, measured: Measured, like: Picture) -> None:
    size, unit = _calibration(like)
    if args.table is not None:
        make_folder(Path(args.table).parent)
        with replacing(Path(args.table)) as part:
            part.write_text(table(measured, size, unit), encoding="utf-8")
    if args.report is not None:
        make_folder(Path(args.report).parent)
        with replacing(Path(args.report)) as part:
            page(measured, part, size, unit, Path(args.input).name)


def _calibration(like: Picture) -> tuple[tuple[float, ...] | None, str]:
    """Voxel size along the axes and its unit, where both are known."""
    size, unit = like.spacing(like.axes), like.units.get("X", "")
    return (size, unit) if unit else (None, "")


def _points(path: str | None) -> np.ndarray | None:
    if path is None:
        return None
    try:
        return np.atleast_2d(np.loadtxt(StringIO(read_text(path)), delimiter=",", ndmin=2))
    except ValueError as error:
        raise DeconvError(f"{path} could not be read: {error}.", "Give lines of numbers.") from None


def _compare(theory: str | None, measured: Measured, like: Picture) -> None:
    if theory is None:
        return
    kernel = PsfRequest.parse(theory).prepare(ImageFacts.of(like)).array
    if kernel.ndim != measured.psf.ndim:
        raise DeconvError(f"{theory} is {kernel.ndim}-D, the beads {measured.psf.ndim}-D.")
    ratios = " x ".join(f"{r:.2f}" for r in measured.against(kernel))
    print(f"width relative to {theory}: {ratios}")
