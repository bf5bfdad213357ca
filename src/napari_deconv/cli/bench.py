"""`napari-deconv bench`: every method on scenes with a known truth, resumed after a kill."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import DeconvError
from ..core.shell import command_line
from .options import add_common, add_precision
from .report import Reporter

if TYPE_CHECKING:
    from ..protocol.contestants import Contestant
    from ..protocol.running import Plan

_EVERY = {"all": "", "odd": " (the 1st, 3rd, 5th, ... file)", "even": " (the 2nd, 4th, ... file)"}


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Declare the options."""
    parser.set_defaults(run=run, argv=argv)
    add_common(parser)
    _scenes(parser.add_argument_group("scenes"))
    _contestants(parser.add_argument_group("methods"))
    _results(parser.add_argument_group("results"))


def _scenes(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--images", required=True, metavar="DIR", help="sharp images")
    add(
        "--every",
        choices=tuple(_EVERY),
        default="all",
        help="which files in sorted order; even: the 2nd, 4th, ... [default all]",
    )
    add("--limit", type=int, default=0, metavar="N", help="the first N of them")
    add(
        "--psf",
        "--kernels",
        nargs="+",
        required=True,
        metavar="SET",
        dest="psf",
        help="files (.npz, .npy, TIFF), folders or generators (disk:radius_px=3..6.5/8: eight "
        "from 3 to 6.5); each is a set, of which image i takes PSF i mod n",
    )
    add("--cross", action="store_true", help="every image with every PSF")
    add(
        "--noise",
        nargs="+",
        type=float,
        metavar="X",
        help="standard deviations, white being 1 [default 0.01 0.03 0.05; none with --photons]",
    )
    add(
        "--photons",
        nargs="+",
        type=float,
        metavar="N",
        help="Poisson noise: count expected at the sharp image's brightest pixel",
    )
    add("--gain", metavar="X|A..B", help="exposure; the image is then clipped to [0, 1]")
    add("--jpeg", metavar="Q|A..B", help="code as JPEG of this quality")


def _contestants(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--methods",
        nargs="+",
        required=True,
        metavar="NAME[:FIELD=X]",
        help="X can be 'best' (per image, with the truth) or, for weights, 'best-of-level'",
    )
    add("--baseline", metavar="NAME[:FIELD=X]", help="show margins over this one, too")
    add("--tell-noise", action="store_true", help="tell methods the noise level")
    add("--device", default="cpu", metavar="NAME", help="auto, cpu, cuda or mps [default cpu]")
    add_precision(add)


def _results(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-o",
        "--output",
        required=True,
        metavar="FILE.csv",
        help="a row per image and method; those that are there are kept. Table in FILE.json",
    )
    add("--docs", metavar="PAGE.md", help="put the table into this page, between its markers")
    add(
        "--section",
        default="results",
        metavar="NAME",
        help="<!-- bench NAME --> and <!-- end of bench NAME --> in it [default results]",
    )
    add("--plot", metavar="FILE.svg|png", help="draw the table; needs matplotlib")
    add("--workers", type=int, default=1, metavar="N", help="processes [default 1]")
    add("--threads", type=int, default=1, metavar="N", help="of each process [default 1]")
    add("--retry", action="store_true", help="compute rows again that failed")


def run(args: argparse.Namespace) -> int:
    """Measure what is missing; print and save the table."""
    from ..io import Guard
    from ..io.atomic import replacing
    from ..protocol.plot import MARK, check_plot, draw
    from ..protocol.results import read_rows
    from ..protocol.running import bench
    from ..protocol.summary import summarise
    from ..protocol.tables import as_json, check_section, markdown, protocol, put_into

    path, report = Path(args.output), Reporter(args.quiet)
    if path.suffix.lower() != ".csv":
        raise DeconvError(f"-o {path} must end in .csv.", "The table goes to a .json beside it.")
    if args.plot:
        check_plot(Path(args.plot))
    plan, baseline = _plan(args)
    summary = path.with_suffix(".json")
    kernels = [name for name in args.psf if Path(name).exists()]
    scenes = [scene.image for group in plan.groups for scene in group.scenes]
    guard = Guard.of([*kernels, *scenes], args.overwrite)
    guard.check_inputs(path)
    guard.check(summary, "benchmark")
    if args.plot:
        guard.check(Path(args.plot), "", MARK)
    if args.docs:
        check_section(Path(args.docs), args.section)
    progress = bench(plan, path, workers=args.workers, threads=args.threads, retry=args.retry)
    with report.progress("bench") as bar:
        for step in progress:
            bar(step)
    rows = read_rows(path)
    lines = summarise(plan, rows, baseline)
    label = baseline.label if baseline else ""
    table = markdown(plan, lines, label)
    paragraph = protocol(plan, lines, _images(args), args.cross)
    print(table)
    command = command_line(["napari-deconv", "bench", *args.argv])
    with replacing(summary) as part:
        part.write_text(as_json(plan, lines, paragraph, command, label) + "\n", encoding="utf-8")
    if args.plot:
        draw(lines, Path(args.plot))
    if args.docs:
        put_into(Path(args.docs), args.section, _section(args, table, paragraph, command))
    return 1 if any(line.failed for line in lines) else 0


def _plan(args: argparse.Namespace) -> tuple[Plan, Contestant | None]:
    """What the options ask for."""
    from ..protocol.attempts import Computing
    from ..protocol.contestants import Contestant
    from ..protocol.running import Group, Plan
    from ..protocol.scenes import Camera, Noise, images_in, paired
    from ..restoration.base import methods
    from .bench_names import contestant_in, kernel_set_in, range_in

    methods()
    contestants = [Contestant(None), *(contestant_in(text) for text in args.methods)]
    baseline = contestant_in(args.baseline) if args.baseline else None
    contestants += [baseline] if baseline else []
    levels = [Noise(sigma=x) for x in _levels(args)]
    levels += [Noise(photons=x) for x in args.photons or ()]
    camera = Camera(
        gain=range_in("--gain", args.gain, 1e-3, 1000, float) if args.gain else None,
        jpeg=range_in("--jpeg", args.jpeg, 1, 100, int) if args.jpeg else None,
    )
    images = images_in(Path(args.images), args.every, args.limit)
    groups = tuple(
        Group(kernels.label, paired(images, kernels, camera, level, args.cross))
        for kernels in map(kernel_set_in, args.psf)
        for level in levels
    )
    who = tuple(dict.fromkeys(contestants))
    plan = Plan(groups, who, args.tell_noise, Computing(args.device, args.precision))
    return plan, baseline


def _levels(args: argparse.Namespace) -> Sequence[float]:
    given: Sequence[float] | None = args.noise
    levels = ([] if args.photons else [0.01, 0.03, 0.05]) if given is None else given
    for option, values in (("--noise", levels), ("--photons", args.photons or [])):
        for value in values:
            if not 0 <= value < 1e9 or (option == "--photons" and not value):
                raise DeconvError(f"{option} {value:g} is out of bounds.", "Give more than 0.")
    if min(args.workers, args.threads) < 1 or args.limit < 0:
        raise DeconvError("--workers and --threads are 1 or more, --limit 0 or more.")
    return levels


def _images(args: argparse.Namespace) -> str:
    """Describe in words which images are used."""
    named = "/".join(Path(args.images).parts[-2:])
    first = f", the first {args.limit}" if args.limit else ""
    return f"`{named}`{_EVERY[args.every]}{first}"


def _section(args: argparse.Namespace, table: str, paragraph: str, command: str) -> str:
    """What stands in the page: protocol, picture, table, command."""
    picture = ""
    if args.plot:
        target = Path(os.path.relpath(args.plot, Path(args.docs).parent)).as_posix()
        picture = f"![PSNR of the methods with 95 % intervals]({target})\n\n"
    return f"{paragraph}\n\n{picture}{table}\n\nMade by:\n\n```text\n{command}\n```"
