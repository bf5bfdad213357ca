"""`napari-deconv deconvolve IN -o OUT.zarr`: images larger than memory, block by block."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import DeconvError
from ..core.progress import Step, drain
from ..io import Guard

if TYPE_CHECKING:
    from ..psf import PsfRequest
    from .restoration import Restoration


def add_large(parser: argparse.ArgumentParser) -> None:
    """Declare the options of block-wise runs."""
    group = parser.add_argument_group("larger than memory (-o NAME.zarr; again to go on)")
    add = group.add_argument
    add("--scheduler", metavar="tcp://HOST:PORT", default="",
        help="of dask.distributed, whose workers restore the blocks "
        "[default this process]")  # fmt: skip
    add("--sharded", action="store_true", help="gather chunks in fewer files (OME-Zarr 0.5)")
    add("--ome-zarr", choices=["0.4", "0.5"], default="", dest="ome_zarr",
        help="version to write [default the input's, else 0.5]")  # fmt: skip


def is_large(args: argparse.Namespace) -> bool:
    """Whether the result is an OME-Zarr, which is written block by block.

    Raises
    ------
    DeconvError
        If there are several inputs, or an option is for OME-Zarr results only.
    """
    large = args.output.rstrip("/").lower().endswith(".zarr")
    if large and len(args.inputs) > 1:
        raise DeconvError("An OME-Zarr holds one image.", "Give one input at a time.")
    if args.scheduler and not large:
        raise DeconvError("--scheduler is for OME-Zarr results.", "Give -o a name in .zarr.")
    return large


def guard_of(args: argparse.Namespace, psf: PsfRequest, sources: Iterable[Path]) -> Guard:
    """What stands before every write: images, PSFs and recipe are inputs."""
    return Guard.of([*sources, *psf.files, args.recipe, args.unseen], args.overwrite)


def run_large(args: argparse.Namespace, restoration: Restoration) -> int:
    """Restore, or go on with it; the exit status."""
    from ..blocks import WAITING, open_source, stream_blocks

    guard_of(args, restoration.psf, [Path(args.inputs[0])]).check_inputs(Path(args.output))
    source = open_source(args.inputs[0], args.axes, args.position)
    report = restoration.report
    try:
        name, picture = Path(args.inputs[0]).name, source.picture
        if restoration.linear:
            raise DeconvError("--linear is for photos.", "Leave it out.")
        if restoration.strength < 1:
            raise DeconvError("--strength is for images in memory.", "Leave it out.")
        if restoration.refine:
            raise DeconvError("--refine-psf is for images in memory.", "Refine on a part of it.")
        prepared = restoration.prepared(picture)
        psf = report.psf(prepared, name)
        options = restoration.options(picture, psf)
        choice = restoration.chosen(source.array, psf, options, name)
        run = stream_blocks(
            choice.method,
            source,
            args.output.rstrip("/"),
            psf,
            sharded=args.sharded,
            version=args.ome_zarr,
            scheduler=args.scheduler,
            overwrite=args.overwrite,
            psf_record=prepared.record,
            **options,
        )
        with report.progress(name) as bar:

            def seen(step: Step) -> None:
                if step.label.endswith(WAITING):
                    report.note(step.label)
                bar(step)

            outcome = drain(run, seen)
    finally:
        source.close()
    report.notes(outcome.notes, name)
    report.notes(outcome.record.choices(), name)
    for where, why in outcome.failed.items():
        print(f"{name}, block {where}: {why}", file=sys.stderr)
    if outcome.failed:
        print(
            f"{len(outcome.failed)} of {outcome.blocks} blocks are missing; run the same again to "
            "try them once more.",
            file=sys.stderr,
        )
    return 1 if outcome.failed else 0
