"""`napari-deconv psf`: render a point spread function into a file, or estimate it."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..core.errors import DeconvError
from ..io import Guard, Picture, write
from ..io.picture import length
from ..psf import PSF, describe
from . import psf_beads, psf_estimate, psf_optics
from .batch import make_folder
from .options import add_common, add_fields, given_fields, numbers, sizes
from .report import Reporter


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """One sub-command per generator, with its fields as options, and `estimate`."""
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    psf_estimate.configure(
        kinds.add_parser("estimate", help="from a blurred image", allow_abbrev=False)
    )
    psf_optics.configure(kinds.add_parser("optics", help="with a name", allow_abbrev=False))
    psf_beads.configure(kinds.add_parser("beads", help="from beads", allow_abbrev=False))
    for name, cls in sorted(PSF.registry.items()):
        summary = cls.summary().replace("%", "%%")
        generator = kinds.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        add_fields(generator, cls, f"fields of {cls.title}")
        generator.add_argument(
            "-o", "--output", required=True, metavar="FILE", help=".tif, .npy or .png (16 bit)"
        )
        generator.add_argument(
            "--shape", type=sizes, metavar="N,N", help="size per axis; chosen by default"
        )
        generator.add_argument(
            "--pixel-size",
            type=numbers,
            metavar="X,X",
            help="voxel size per axis ([z,] y, x), for stacks",
        )
        generator.add_argument("--unit", default="um", help="unit of --pixel-size [default um]")
        add_common(generator)
        generator.set_defaults(run=run, cls=cls)


def run(args: argparse.Namespace) -> int:
    """Render and write; says size and width."""
    spec = PSF.make(args.cls.name, **given_fields(args, args.cls))
    given = args.pixel_size
    if spec.calibrated and given:
        sizes_um = [length(size, args.unit) for size in given]
        if any(unit != "µm" for _, unit in sizes_um):
            raise DeconvError(f"--unit {args.unit} is not a length.", "Use um, nm or mm.")
        given = tuple(size for size, _ in sizes_um)
    array = spec(args.shape, given)
    axes = "ZYX"[-array.ndim :]
    spacing = dict(zip(axes, args.pixel_size or (), strict=False))
    unit = "µm" if args.unit in ("um", "µm", "micron") else args.unit
    like = Picture(data=array, axes=axes, pixel_size=spacing, units=dict.fromkeys(spacing, unit))
    path, guard = Path(args.output), Guard(overwrite=args.overwrite)
    report = Reporter(args.quiet)
    if path.suffix.lower() == ".png":
        if array.ndim != 2:
            raise DeconvError("A PNG holds a 2-D PSF only.", "Write a .tif file.")
        array = np.rint(array / array.max() * 65535).astype(np.uint16)
        report.note("PNG holds integers: the PSF is scaled to its peak, with 16 bits.")
    make_folder(path.parent)
    write(path, array, like=like, recipe={"psf": {"spec": spec.to_dict()}}, guard=guard)
    if not args.quiet:
        print(f"{path}: {spec}: {describe(like.data, args.pixel_size, unit)}")
    for finding in spec.findings(given) if spec.calibrated else ():
        report.note(str(finding))
    return 0
