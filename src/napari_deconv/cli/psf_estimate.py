"""`napari-deconv psf estimate`: the PSF of a blurred photo, from the photo."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..io import Guard, Picture, check_target, read, write
from ..io.trial import check_format
from ..psf import describe
from .batch import make_folder
from .options import add_common, number_or_auto, numbers, sizes
from .report import Reporter

if TYPE_CHECKING:
    from ..estimation import Estimate

_SUMMARY = "Estimate the PSF of a blurred image from the image itself."
_FAMILIES = ("auto", "gaussian", "disk", "motion", "camera-shake")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `estimate` and, with ``--edge``, of `from_edge`."""
    parser.description = _SUMMARY
    add = parser.add_argument
    add("input", metavar="IN", help="a blurred image")
    add("-o", "--output", required=True, metavar="FILE", help=".tif, .npy or .png (16 bit)")
    add("--family", choices=_FAMILIES, default="auto", help="kind of blur [default auto]")
    add("--size", type=int, metavar="N", help="odd number of pixels the kernel may extend over")
    add("--region", type=numbers, metavar="Y,X,Y,X",
        help="first row and column, and row and column past the last")  # fmt: skip
    add("--edge", type=numbers, metavar="Y,X,Y,X",
        help="ends of a line across a straight edge: Gaussian or disk from that edge")  # fmt: skip
    add("--regions", type=sizes, metavar="R,C",
        help="one PSF for each of R x C regions, for blur that differs across the photo: FILE.tif "
        "holds all of them, for deconvolve --psf FILE.tif")  # fmt: skip
    add("--noise", type=number_or_auto, metavar="X|auto",
        help="standard deviation of the noise on the image's own scale [default auto]")  # fmt: skip
    add("--axes", metavar="TCZYXS", help="one letter per axis, where a file says it wrongly")
    add("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or mps [default auto]")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Estimate and write; says the family and how sure it is."""
    guard = Guard.of([args.input], args.overwrite)
    check_target(Path(args.output), "PSF", guard)
    picture = read(args.input)
    report = Reporter(args.quiet)
    axes = args.axes or picture.axes
    if args.regions is not None:
        return _across(args, picture, axes, report, guard)
    path = Path(args.output)
    kind = np.uint16 if path.suffix.lower() == ".png" else np.float32
    check_format(path, Picture(data=np.zeros((3, 3), kind), axes="YX"))
    estimate = _estimate(args, picture, axes, report)
    array = estimate.psf
    if path.suffix.lower() == ".png":
        array = np.rint(array / array.max() * 65535).astype(np.uint16)
        report.note("PNG holds integers: the PSF is scaled to its peak, with 16 bits.")
    keep = {a: v for a, v in picture.pixel_size.items() if a in "YX"}
    units = {a: v for a, v in picture.units.items() if a in "YX"}
    like = Picture(data=estimate.psf, axes="YX", pixel_size=keep, units=units)
    make_folder(path.parent)
    write(path, array, like=like, guard=guard,
          recipe={"psf": estimate.recipe | {"file": str(args.input)}})  # fmt: skip
    if not args.quiet:
        words = describe(estimate.psf, path=estimate.family in ("motion", "camera-shake"))
        print(f"{path}: {estimate.spec or estimate.family}: {words}")
        print(estimate.confidence)
    return 0


def _estimate(args: argparse.Namespace, picture: Picture, axes: str, report: Reporter) -> Estimate:
    from ..core.progress import drain
    from ..estimation import from_edge, stream

    if args.edge is not None:
        if len(args.edge) != 4:
            raise DeconvError(
                f"--edge has {len(args.edge)} numbers.", "Give row, column, row, column."
            )
        return from_edge(picture.data, (args.edge[:2], args.edge[2:]), axes=axes)
    with report.progress(Path(args.input).name) as bar:
        return drain(
            stream(
                picture.data, args.size, args.family, args.region, args.noise,
                axes=axes, device=args.device,
            ),
            bar,
        )  # fmt: skip


def _across(args: argparse.Namespace, picture: Picture, axes: str, report: Reporter,
            guard: Guard) -> int:  # fmt: skip
    """Estimate and write one PSF per region; says whether they agree."""
    from ..core.progress import drain
    from ..estimation import stream_across

    path = Path(args.output)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise DeconvError(f"{path.name} cannot hold several PSFs.", "Give a name ending in .tif.")
    if args.edge is not None or args.region is not None:
        raise DeconvError("--regions looks at the whole photo.", "Leave out --edge and --region.")
    family = "camera-shake" if args.family == "auto" else args.family
    with report.progress(Path(args.input).name) as bar:
        run = stream_across(
            picture.data, args.regions, args.size, family, args.noise, axes=axes,
            device=args.device,
        )  # fmt: skip
        across = drain(run, bar)
    side = max(max(psf.shape) for psf in across.psf.psfs)
    array = np.stack([_padded(psf, side) for psf in across.psf.psfs])
    make_folder(path.parent)
    recipe = {"psf": across.recipe | {"file": str(args.input)}}
    write(path, array, like=Picture(data=array, axes="TYX"), recipe=recipe, guard=guard)
    if not args.quiet:
        print(f"{path}: {len(array)} PSFs of {side} x {side} px")
        print(across.confidence)
    return 0


def _padded(psf: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Pad a PSF of odd sides to a square around its middle."""
    return np.pad(psf, [((side - n) // 2,) * 2 for n in psf.shape])
