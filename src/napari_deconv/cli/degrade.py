"""`napari-deconv degrade`: images through a lens and a camera, singly or as a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..core.checks import field
from ..core.errors import DeconvError
from ..core.json_text import read_object
from ..core.paths import is_folder, resolved
from ..core.progress import drain
from ..degradation.chain import Chain
from ..io import Guard, read, write
from ..io.trial import check_format
from ..psf import ImageFacts, PsfRequest
from .batch import Job, check_targets, plan
from .batch import run as run_batch
from .options import add_common, add_fields, given_fields
from .report import Reporter


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Inputs and outputs, one option per field of the chain, and those of a data set."""
    add = parser.add_argument
    add("inputs", nargs="*", metavar="IN", help="images, or folders of images")
    add("-o", "--output", required=True, metavar="OUT", help="a file, or a folder for many")
    add(
        "--psf",
        metavar="FILE|KIND:FIELD=X",
        help='a file, or a generator: "disk:radius_px=7"; none does not blur',
    )
    add(
        "--truth",
        metavar="OUT2",
        help="where the matching truth goes: a file, or a folder for many",
    )
    add("--axes", metavar="TCZYXS", help="one letter per axis, where a file says it wrongly")
    add("--repair-psf", action="store_true", help="mend what the check of the PSF finds")
    add("--set", action="append", metavar="FIELD=X", help="a field of the chain, by its name")
    add_fields(parser, Chain, "camera")
    pairs = parser.add_argument_group(
        "data set: a folder IN becomes a new folder OUT of random pairs"
    )
    pairs.add_argument(
        "--pairs", type=int, metavar="N", help="make N pairs with random PSFs and cameras"
    )
    pairs.add_argument("--up-to", default="", metavar="FIELD=X,...",
                       help="harshest camera; the camera options are the mildest")  # fmt: skip
    pairs.add_argument(
        "--sampler", metavar="FILE", help="PSF and camera ranges as JSON, such as a recipe.json"
    )
    pairs.add_argument("--gray", action="store_true", help="take colour to gray first")
    pairs.add_argument("--again", metavar="FILE", help="make a data set again from its recipe.json")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Degrade every input, or make a data set; the exit status."""
    chain = Chain().but(**given_fields(args, Chain))
    if args.again or args.pairs is not None:
        return _dataset(args, chain)
    if not args.inputs:
        raise DeconvError("There are no inputs.", "Give images or folders.")
    psf = PsfRequest.parse(args.psf) if args.psf else None
    if psf is not None and args.repair_psf:
        psf = psf.repaired()
    jobs = plan(args.inputs, args.output)
    truths = plan(args.inputs, args.truth) if args.truth else []
    _check_apart(jobs, truths)
    guard = Guard.of([*(job.source for job in jobs), *(psf.files if psf else ())], args.overwrite)
    check_targets(jobs, "degraded image", guard)
    check_targets(truths, "truth", guard)
    truth = {job.source: job.target for job in truths}
    report = Reporter(args.quiet)

    def work(job: Job) -> None:
        _degrade(job, truth.get(job.source), chain, psf, args, report, guard)

    return run_batch(jobs, work, quiet=args.quiet)


def _check_apart(jobs: list[Job], truths: list[Job]) -> None:
    both = {resolved(j.target) for j in jobs} & {resolved(j.target) for j in truths}
    if both:
        raise DeconvError(
            f"{both.pop()} would be both degraded and truth.", "Give another --truth."
        )


def _degrade(
    job: Job,
    truth_path: Path | None,
    chain: Chain,
    request: PsfRequest | None,
    args: argparse.Namespace,
    report: Reporter,
    guard: Guard,
) -> None:
    picture = read(job.source, axes=args.axes)
    report.notes(picture.notes, job.source.name)
    for target in filter(None, (job.target, truth_path)):
        check_format(target, picture)
    psf = None if request is None else request.prepare(ImageFacts.of(picture))
    if psf is not None:
        report.psf(psf, job.source.name)
    kernel = None if psf is None else psf.single()
    degraded, truth = chain(picture.data, kernel, axes=picture.axes)
    recipe: dict[str, Any] = {"degradation": chain.to_dict(), "source": job.source.name}
    if psf is not None:
        recipe["psf"] = psf.record
    write(job.target, degraded, like=picture, recipe=recipe, guard=guard)
    if job.target.suffix.lower() in (".jpg", ".jpeg"):
        report.note("JPEG files code the result once more; .png and .tif keep it exactly.")
    if truth_path is not None:
        write(truth_path, truth, like=picture, recipe=recipe | {"truth": True}, guard=guard)


def _dataset(args: argparse.Namespace, chain: Chain) -> int:
    from ..degradation.dataset import generate, regenerate

    report = Reporter(args.quiet)
    if len(args.inputs) > 1 or (args.inputs and not is_folder(args.inputs[0])):
        raise DeconvError("A data set is made from one folder of images.", "Give that folder.")
    if args.again:
        making = regenerate(args.again, args.output, sources=next(iter(args.inputs), None))
    elif not args.inputs:
        raise DeconvError("A data set is made from a folder of images.", "Give that folder.")
    else:
        making = generate(
            _sampler(args, chain),
            args.inputs[0],
            args.output,
            count=args.pairs,
            seed=chain.seed,
            gray=args.gray,
            axes=args.axes,
        )
    with report.progress("pairs") as bar:
        summary = drain(making, bar)
    report.notes(summary.skipped, "left out")
    report.notes(f"{name} is not what it was" for name in summary.differing)
    report.note(f"{summary.path}: {summary.written} pairs.")
    return 1 if summary.skipped or summary.differing else 0


def _sampler(args: argparse.Namespace, chain: Chain) -> Any:
    from ..degradation.sampling import PSFRange, Sampler, standard_psfs

    if args.sampler:
        return Sampler.from_dict(_json(args.sampler))
    psfs = standard_psfs()
    if args.psf:
        spec = PsfRequest.parse(args.psf).generator
        if spec is None:
            raise DeconvError(
                f"--psf {args.psf} is a file.", "Random pairs need a generator, or none."
            )
        psfs = (PSFRange(low=spec, high=spec),)
    harshest = chain.but(**Chain.parse_fields(args.up_to))
    return Sampler(psfs=psfs, mildest=chain, harshest=harshest)


def _json(name: str) -> dict[str, Any]:
    sampler = read_object(name, "The sampler")
    return field("The sampler", sampler, "sampler", dict, sampler)
