"""`napari-deconv train`: make a network's weights from sharp images, or generated stacks."""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DeconvError
from ..core.json_text import read_object
from ..core.paths import exists
from .options import add_precision, numbers

if TYPE_CHECKING:
    from ..train.loop import Trained
    from ..train.recipe import Recipe
    from ..train.stacks.recipe import StackRecipe

_log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Declare the options."""
    parser.add_argument(
        "recipe", metavar="RECIPE.json", nargs="?", help="what to train; see recipes/"
    )
    parser.add_argument(
        "--images",
        nargs="+",
        metavar="DIR",
        help="sharp images, by source of the recipe; none for stacks",
    )
    parser.add_argument(
        "--stack",
        metavar="FILE",
        help="instead of a recipe: fine-tune the network for stacks for the microscope and camera "
        "that recorded this stack, one channel of one frame",
    )
    parser.add_argument(
        "--psf", metavar="FILE|KIND:FIELD=X", help="of that microscope; see deconvolve"
    )
    parser.add_argument(
        "--spacing", type=numbers, metavar="Z,Y,X", help="voxel size, if the stack does not say"
    )
    parser.add_argument("--start", default="unrolled-3d", metavar="ID|FILE",
        help="weights that the fine-tuning begins with [default unrolled-3d]")  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", help="checkpoint, log, its plot and weights; resumed if there"
    )
    parser.add_argument("--plot", metavar="LOG", help="only draw a training's log, beside it")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    add_precision(parser.add_argument)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--debug", action="store_true", help="log everything, tracebacks included")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, or go on with it, and say where the weights are."""
    from ..train.loop import fit
    from ..train.plot import draw
    from ..train.stacks.loop import fit_stacks
    from ..train.stacks.recipe import StackRecipe

    if args.plot:
        print(draw(Path(args.plot)))
        return 0
    for key in ("out",) if args.stack else ("recipe", "out"):
        if not getattr(args, key):
            raise DeconvError(f"There is no {key}.", "napari-deconv train --help shows all.")
    if not args.minutes > 0:
        raise DeconvError(f"--minutes {args.minutes:g} is not a time budget.", "Give more than 0.")
    given = {"minutes": args.minutes, "device": args.device, "precision": args.precision}
    out = Path(args.out)
    recipe = None if args.stack else _recipe(Path(args.recipe))
    if recipe is None:
        training = _tuning(args, out, given)
    elif isinstance(recipe, StackRecipe):
        if args.images:
            raise DeconvError("A recipe for stacks takes no images: it generates them.", "Drop it.")
        training = fit_stacks(recipe, out, **given)
    elif args.images:
        training = fit(recipe, [Path(folder) for folder in args.images], out, **given)
    else:
        raise DeconvError("There are no images.", "napari-deconv train --help shows all.")
    for progress in training:
        if not args.quiet:
            print(_line(progress), file=sys.stderr, flush=True)
    weights = Path(args.out) / "best.safetensors"
    print(weights if exists(weights) else "No weights yet: call again to go on.")
    return 0


def _tuning(
    args: argparse.Namespace, out: Path, given: dict[str, Any]
) -> Generator[Trained, None, Path]:
    """The fine-tuning for a stack's microscope."""
    import numpy as np

    from ..io import read
    from ..psf import ImageFacts, PsfRequest
    from ..restoration.networks.unrolled3d import Unrolled3D
    from ..train.stacks.own import recipe_for_stack, tune
    from .restoration import sized

    if args.recipe or args.images or not args.psf:
        raise DeconvError(
            "--stack goes with --psf, and with neither a recipe nor --images.",
            "Give the stack, its PSF and --out.",
        )
    picture = sized(read(Path(args.stack)), args.spacing)
    spacing = picture.spacing("ZYX")
    if spacing is None:
        raise DeconvError(f"{args.stack} does not say its voxel size.", "Give --spacing Z,Y,X.")
    facts = ImageFacts.of(picture, bool(args.spacing))
    psf = PsfRequest.parse(args.psf).prepare(facts).single()
    stack = np.squeeze(picture.data)
    recipe = recipe_for_stack(Unrolled3D(), stack, psf, args.start, Path(args.stack).stem)
    return tune(recipe, psf, spacing, out, **given)


def _recipe(path: Path) -> Recipe | StackRecipe:
    from ..train.stacks.recipe import recipe_of

    return recipe_of(read_object(path, "The recipe", "See recipes/."))


def _line(progress: Trained) -> str:
    if progress.note:
        return progress.note
    psnr = ", ".join(
        f"{x:.2f} dB at {n}" for n, x in zip(progress.scenes, progress.psnr, strict=True)
    )
    return f"step {progress.step} of {progress.steps}, loss {progress.loss:.4f}, PSNR {psnr}"
