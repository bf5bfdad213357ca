"""`napari-deconv deblur`: photos of which nothing is known, singly or by the folder."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from typing import Literal

from ..core.progress import drain
from ..deblurring import stream
from ..engine.mixing import strength_in
from ..io import Guard, write
from ..io.photo import not_srgb
from ..io.trial import check_format
from .batch import Job, check_targets, plan, whole
from .batch import run as run_batch
from .options import add_common, add_precision, number_or_auto
from .report import Reporter

_LIGHTS: dict[str, bool | Literal["auto"]] = {"auto": "auto", "on": True, "off": False}


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("inputs", nargs="+", metavar="IN", help="photos, or folders of photos")
    add("-o", "--output", required=True, metavar="OUT", help="a file, or a folder for many")
    add("--strength", type=number_or_auto, default=None, metavar="X|auto",
        help="from 0, the photo as it is, to 1, all of the restoration; auto takes less where "
        "the blur is not sure [default auto]")  # fmt: skip
    add("--linear", choices=tuple(_LIGHTS), default="auto",
        help="whether to restore in linear light; auto tries both on a part of the photo and "
        "takes what explains it better [default auto]")  # fmt: skip
    add("--method", default="auto", metavar="NAME", help="see `napari-deconv methods`")
    add("--family", default="auto", metavar="NAME",
        choices=("auto", "gaussian", "disk", "motion", "camera-shake"),
        help="kind of blur [default auto]")  # fmt: skip
    add("--noise", type=number_or_auto, default=None, metavar="X|auto",
        help="standard deviation of the noise on the photo's own scale [default auto]")  # fmt: skip
    add("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps")
    add_precision(add)
    add_common(parser)
    parser.set_defaults(run=run)


@dataclass(eq=False)
class _Deblurring:
    """What is the same for all photos."""

    args: argparse.Namespace
    report: Reporter
    guard: Guard = field(default_factory=Guard)

    def __call__(self, job: Job) -> None:
        args, name = self.args, job.source.name
        picture = whole(job, None)
        self.report.notes(picture.notes, name)
        check_format(job.target, picture, None)
        light = _LIGHTS[args.linear]
        if not_srgb(picture) and light == "auto":
            light = False
        steps = stream(
            picture.data, args.strength, light, args.method, axes=picture.axes, noise=args.noise,
            tables=picture.info.get("tables", ()), family=args.family, device=args.device,
            precision=args.precision,
        )  # fmt: skip
        with self.report.progress(name) as bar:
            result = drain(steps, bar)
        self.report.notes(result.notes, name)
        recipe = replace(result.record, source=name).to_dict()
        write(job.target, result.data, like=picture, recipe=recipe, guard=self.guard)


def run(args: argparse.Namespace) -> int:
    """Deblur every photo; the exit status."""
    if args.strength is not None:
        strength_in(args.strength)
    deblurring = _Deblurring(args, Reporter(args.quiet))
    jobs = plan(args.inputs, args.output)
    deblurring.guard = Guard.of([job.source for job in jobs], args.overwrite)
    check_targets(jobs, "result", deblurring.guard)
    return run_batch(jobs, deblurring, quiet=args.quiet)
