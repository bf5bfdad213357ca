"""`napari-deconv deconvolve`: restore blurred images, singly or by the folder."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DeconvError
from ..core.json_text import read_json
from ..core.record import RunRecord
from ..io import (
    SUFFIXES,
    VENDORS,
    check_target,
    read,
)
from ..io.guard import is_zarr
from ..psf import FromMetadata, OpticsPreset, PsfRequest
from .batch import check_targets, plan
from .batch import run as run_batch
from .large import add_large, guard_of, is_large, run_large
from .options import (
    add_any_field,
    add_common,
    add_fields,
    add_precision,
    given_fields,
    merged,
    number_or_auto,
    numbers,
)
from .part import ALL, add_part
from .report import Reporter
from .restoration import Restoration, projected, psf_beside

if TYPE_CHECKING:
    from ..restoration.base import Method

_OPEN = "auto"


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """General options, and one per field of the method that ``argv`` names."""
    from ..restoration.base import Method, methods

    methods()
    parser.add_argument("inputs", nargs="+", metavar="IN", help="images, or folders of images")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="a file, or a folder for many"
    )
    add = parser.add_argument
    add("--psf", action="append", metavar="FILE|KIND:FIELD=X|auto",
        help='a file, or a generator: "disk:radius_px=7"; once for all channels, or once '
        "for each; what is not given of a microscope's is taken from the image's metadata, auto "
        "takes all [default auto]")  # fmt: skip
    add("--optics", metavar="NAME|FILE",
        help="a preset of `napari-deconv psf optics`, which wins over the metadata")  # fmt: skip
    add("--ask-nothing", action="store_true",
        help="fail where the metadata leave a field of a microscope's PSF open, instead of "
        "assuming what is usual")  # fmt: skip
    add("--method", metavar="NAME",
        help="see `napari-deconv methods`; auto takes what does best on images of this kind "
        "[default auto]")  # fmt: skip
    add("--recipe", metavar="FILE", help="replay a recipe: JSON, or an image written with one")
    add("--noise", type=number_or_auto, default=argparse.SUPPRESS, metavar="X|auto",
        help="standard deviation of the noise on the image's own scale [default auto]")  # fmt: skip
    add("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps [default auto]")
    add_precision(add, default=None)
    add(
        "--memory-gb",
        type=float,
        metavar="X",
        help="memory budget; larger images are cut into tiles",
    )
    add("--spacing", type=numbers, metavar="Z,Y,X",
        help="voxel size along the PSF's axes, if the file does not say; in µm for a "
        "microscope's PSF, of others only ratios count")  # fmt: skip
    add("--axes", metavar="TCZYXS", help="one letter per axis, where a file says it wrongly")
    add("--linear", action=argparse.BooleanOptionalAction, default=None,
        help="take sRGB photos to linear light before and back after")  # fmt: skip
    add("--refine-psf", type=int, metavar="N", default=None,
        help="refine the PSF on the image first, in N rounds (3 is usual); it is written beside "
        "the result")  # fmt: skip
    add(
        "--strength",
        type=float,
        metavar="X",
        default=None,
        help="how much of the restoration to take: 0, the image as it is, to 1 [default 1]",
    )
    add(
        "--keep-float",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="leave the result of an image of integers as float32, neither rounded nor clipped",
    )
    add("--nan", choices=("refuse", "unseen", "fill"), default=None,
        help="NaN values: refuse them, take them for pixels that were not observed, or fill them "
        "as well [default refuse]")  # fmt: skip
    add("--unseen", metavar="FILE",
        help="an image that is not 0 where a pixel was not observed (dead, masked)")  # fmt: skip
    add("--repair-psf", action="store_true", help="mend what the check of the PSF finds")
    add("--set", action="append", metavar="FIELD=X", help="a field of the method, by its name")
    add_part(parser)
    add_large(parser)
    add_common(parser)
    name = _named_method(argv)
    cls = None if name == _OPEN else Method.lookup(name)
    if cls is None:
        parser.epilog = "Each method has options of its own: --method NAME --help."
        add_any_field(parser, methods().values())
    else:
        add_fields(parser, cls, f"fields of {cls.title} (--method NAME --help for another's)")
    parser.set_defaults(run=run, cls=cls)


def _named_method(argv: list[str]) -> str:
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--method")
    early.add_argument("--recipe")
    args, _ = early.parse_known_args(argv)
    if args.method or not args.recipe:
        return args.method or _OPEN
    return str(recorded(args.recipe).method["name"])


def recorded(name: str) -> RunRecord:
    """The record in a JSON file, in layer metadata saved as one, or in an image that carries it."""
    path = Path(name)
    if path.suffix.lower() in SUFFIXES:
        recipe: Any = read(path).recipe
    elif is_zarr(path):
        from ..blocks.outcome import kept

        recipe = kept(path)
    else:
        recipe = read_json(path, "The recipe")
    if isinstance(recipe, dict) and isinstance(recipe.get("napari_deconv"), dict):
        recipe = recipe["napari_deconv"]
    return RunRecord.from_dict(recipe, str(path))


def run(args: argparse.Namespace) -> int:
    """Restore every input; the exit status."""
    job = _prepared(args)
    if is_large(args):
        _refuse_parts(job)
        return run_large(args, job)
    jobs = plan(args.inputs, args.output, lambda path, many: _chosen(path, many, args.position))
    job.guard = guard_of(args, job.psf, [each.source for each in jobs])
    check_targets(jobs, "result", job.guard)
    for each in jobs if args.projections else ():
        for name in ("max-z", "max-y", "max-x"):
            check_target(projected(each.target, name), "result", job.guard)
    for each in jobs if job.refine else ():
        check_target(psf_beside(each.target), "refined PSF", job.guard)
    return run_batch(jobs, job, quiet=args.quiet)


def _refuse_parts(job: Restoration) -> None:
    if job.part or job.storage or job.args.projections or job.args.position == ALL:
        raise DeconvError(
            "Parts, all positions, pyramids of TIFF and projections are for results that fit into "
            "memory; an OME-Zarr has its own levels.",
            "Give -o a name in .ome.tif, or leave those options out.",
        )


def _chosen(path: Path, many: bool, position: int | None) -> list[int | None]:
    """The positions to restore of a file."""
    if position is not None and position != ALL:
        return [position]
    suffix = path.suffix.lower()
    if (position is None and not many) or suffix not in (".tif", ".tiff", *VENDORS):
        return [None]
    if suffix in VENDORS:
        from ..io.vendors import position_count

        count = position_count(path)
    else:
        from ..io.tiff import positions

        count = len(positions(path))
    return list(range(count)) if count > 1 else [None]


def _prepared(args: argparse.Namespace) -> Restoration:
    """Method, PSF, noise and device: given, or from the recipe."""
    from ..restoration.weights import changed_since

    replayed = recorded(args.recipe) if args.recipe else RunRecord()
    report = Reporter(args.quiet)
    for text in dict.fromkeys(changed_since(x.chosen) for x in (replayed, *replayed.channels)):
        if text:
            report.note(text)
    method = _method(args, replayed)
    psf = _psf(args, replayed)
    if args.memory_gb is not None and not args.memory_gb > 0:
        raise DeconvError(f"--memory-gb {args.memory_gb:g} is not a budget.", "Give more than 0.")
    return Restoration(
        method=method,
        psf=psf,
        replayed=replayed,
        noise=getattr(args, "noise", replayed.given_noise),
        device=_device(args.device, replayed.device, report),
        linear=replayed.light == "linear" if args.linear is None else args.linear,
        refine=replayed.refine_psf if args.refine_psf is None else args.refine_psf,
        strength=replayed.strength if args.strength is None else args.strength,
        args=args,
        report=report,
    )


def _psf(args: argparse.Namespace, replayed: RunRecord) -> PsfRequest:
    """The PSF that was given, or that of the recipe, or what the images' metadata say.

    Raises
    ------
    DeconvError
        If there is none, or the recipe does not say how it was made.
    """
    given = [PsfRequest.parse(text, complete=True) for text in args.psf or ()]
    recorded_psf = replayed.psf or replayed.channels
    preset = OpticsPreset.load(args.optics) if args.optics else None
    if preset and not given:
        given = [PsfRequest(metadata=FromMetadata())]
    if not given and not recorded_psf and not all(map(_bare, args.inputs)):
        given = [PsfRequest(metadata=FromMetadata())]
    if given:
        assume = not args.ask_nothing
        given = [
            replace(
                request,
                metadata=request.metadata
                and replace(request.metadata, assume=assume, preset=preset),
            )
            for request in given
        ]
        psf = given[0] if len(given) == 1 else PsfRequest(channels=dict(enumerate(given)))
    else:
        if replayed.channels and "channels" not in replayed.psf:
            raise DeconvError(
                "The recipe has a PSF per channel and does not say where they came from.",
                "Give them again: --psf once for each channel.",
            )
        psf = PsfRequest.from_dict(replayed.psf).loaded()
    return psf.repaired() if args.repair_psf else psf


def _bare(source: str) -> bool:
    """Whether an image is of a kind that says nothing of a microscope."""
    suffix = Path(source).suffix.lower()
    return suffix in (*SUFFIXES, ".bmp") and not suffix.startswith(".tif")


def _method(args: argparse.Namespace, replayed: RunRecord) -> Method | None:
    if args.cls is None:
        return None
    fields = merged(replayed.method, args.cls, given_fields(args, args.cls))
    method: Method = args.cls.make(args.cls.name, **fields)
    return method


def _device(given: str | None, before: str, report: Reporter) -> str:
    from ..core.device import choose_device

    if given or not before:
        return str(choose_device(given or "auto"))
    try:
        return str(choose_device(before))
    except DeconvError:
        device = str(choose_device("auto"))
        report.note(f"The recipe ran on {before}, which is not here; using {device}.")
        return device
