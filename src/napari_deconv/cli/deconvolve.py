"""`napari-deconv deconvolve`: restore blurred images, singly or by the folder."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DeconvError
from ..io import SUFFIXES, read, write
from .batch import Job, plan
from .batch import run as run_batch
from .kernel import Kernel, examined, kernel_in, kernel_of
from .options import add_common, add_fields, given_fields, merged, number_or_auto
from .report import Reporter

if TYPE_CHECKING:
    from ..restoration.base import Method

_DEFAULT = "richardson-lucy"


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """General options, and one per field of the method that ``argv`` names."""
    from ..restoration.base import Method, methods

    methods()
    parser.add_argument("inputs", nargs="+", metavar="IN", help="images, or folders of images")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="a file, or a folder for many"
    )
    add = parser.add_argument
    add("--psf", metavar="FILE|KIND:FIELD=X", help='a file, or a generator: "disk:radius_px=7"')
    add("--method", metavar="NAME", help=f"see `napari-deconv methods` [default {_DEFAULT}]")
    add("--recipe", metavar="FILE", help="replay a recipe: JSON, or an image written with one")
    add("--noise", type=number_or_auto, default=argparse.SUPPRESS, metavar="X|auto",
        help="standard deviation of the noise on the image's own scale [default auto]")  # fmt: skip
    add("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps [default auto]")
    add(
        "--memory-gb",
        type=float,
        metavar="X",
        help="memory budget; larger images are cut into tiles",
    )
    add("--axes", metavar="TCZYXS", help="one letter per axis, where a file says it wrongly")
    add("--linear", action=argparse.BooleanOptionalAction, default=None,
        help="take sRGB photos to linear light before and back after")  # fmt: skip
    add("--repair-psf", action="store_true", help="mend what the check of the PSF finds")
    add("--set", action="append", metavar="FIELD=X", help="a field of the method, by its name")
    add_common(parser)
    cls = Method.lookup(_named_method(argv))
    add_fields(parser, cls, f"fields of {cls.title} (--method NAME --help for another's)")
    parser.set_defaults(run=run, cls=cls)


def _named_method(argv: list[str]) -> str:
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--method")
    early.add_argument("--recipe")
    known, _ = early.parse_known_args(argv)
    if known.method or not known.recipe:
        return known.method or _DEFAULT
    name: str = recipe_from(known.recipe)["method"]["name"]
    return name


def recipe_from(name: str) -> dict[str, Any]:
    """A recipe out of a JSON file, layer metadata saved as one, or an image that carries it."""
    path = Path(name)
    if path.suffix.lower() in SUFFIXES:
        found: Any = read(path).recipe
    else:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DeconvError(
                f"The recipe {path} cannot be read: {error}.", "Give a JSON file."
            ) from error
    if isinstance(found, dict) and isinstance(found.get("napari_deconv"), dict):
        found = found["napari_deconv"]
    method = found.get("method") if isinstance(found, dict) else None
    if not (isinstance(method, dict) and isinstance(method.get("name"), str)):
        raise DeconvError(
            f"{path} holds no recipe of a deconvolution.", "It needs a 'method' with a 'name'."
        )
    return dict(found)


@dataclass(frozen=True, eq=False)
class _Restoration:
    """Everything that is the same for all inputs."""

    method: Method
    kernel: Kernel
    recipe: dict[str, Any]
    noise: float | None
    device: str
    linear: bool
    mend: bool
    args: argparse.Namespace
    report: Reporter

    def __call__(self, job: Job) -> None:
        from ..core.colour import stream_in_linear_light
        from ..core.engine import drain, stream

        picture = read(job.source, axes=self.args.axes)
        self.report.notes(picture.notes, job.source.name)
        psf = examined(self.kernel, picture, self.report, self.mend)
        memory = self.args.memory_gb
        run = (stream_in_linear_light if self.linear else stream)(
            self.method,
            picture.data,
            psf,
            axes=picture.axes,
            noise=self.noise,
            device=self.device,
            memory_bytes=None if memory is None else int(memory * 1e9),
        )
        with self.report.progress(job.source.name) as bar:
            result = drain(run, bar)
        self.report.notes(result.notes, job.source.name)
        self._compare(result.recipe)
        kernel = result.recipe["psf"] | self.kernel.said | {"repaired": self.mend}
        recipe = result.recipe | {"psf": kernel, "source": job.source.name}
        write(job.target, result.data, like=picture, recipe=recipe)

    def _compare(self, made: dict[str, Any]) -> None:
        old = self.recipe.get("psf")
        wanted = old.get("sha256") if isinstance(old, dict) else None
        if wanted and wanted != made["psf"]["sha256"]:
            self.report.note("The PSF is not the one of the recipe; results will differ.")


def run(args: argparse.Namespace) -> int:
    """Restore every input; the exit status."""
    job = _prepared(args)
    jobs = plan(args.inputs, args.output)
    return run_batch(jobs, job, quiet=args.quiet)


def _prepared(args: argparse.Namespace) -> _Restoration:
    """Method, PSF, noise and device: given, or from the recipe."""
    recipe = recipe_from(args.recipe) if args.recipe else {}
    report = Reporter(args.quiet)
    fields = merged(recipe.get("method", {}), args.cls, given_fields(args, args.cls))
    method = args.cls.make(args.cls.name, **fields)
    kernel = kernel_in(args.psf) if args.psf else kernel_of(recipe)
    if kernel is None:
        raise DeconvError(
            "There is no PSF.", 'Give one: --psf psf.tif, or --psf "disk:radius_px=7".'
        )
    if args.memory_gb is not None and not args.memory_gb > 0:
        raise DeconvError(f"--memory-gb {args.memory_gb:g} is no budget.", "Give more than 0.")
    # An estimated level is estimated again: it belongs to the image, not to the recipe.
    recorded = None if recipe.get("noise_estimated") else recipe.get("noise")
    linear = recipe.get("light") == "linear" if args.linear is None else args.linear
    return _Restoration(
        method=method,
        kernel=kernel,
        recipe=recipe,
        noise=getattr(args, "noise", recorded),
        device=_device(args.device, recipe, report),
        linear=linear,
        mend=args.repair_psf or (not args.psf and bool(recipe.get("psf", {}).get("repaired"))),
        args=args,
        report=report,
    )


def _device(asked: str | None, recipe: dict[str, Any], report: Reporter) -> str:
    from ..core.device import choose_device

    if asked or "device" not in recipe:
        return str(choose_device(asked or "auto"))
    try:
        return str(choose_device(str(recipe["device"])))
    except DeconvError:
        found = str(choose_device("auto"))
        report.note(f"The recipe ran on {recipe['device']}, which is not here; using {found}.")
        return found
