"""`napari-deconv compare`: methods on an image or a folder, or a comparison replayed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DeconvError
from ..core.json_text import read_json
from ..core.paths import is_folder, resolved
from ..io import SUFFIXES, Guard, Picture, files_in, images_in, one_per_image, read
from ..io.atomic import replacing
from ..io.locks import only_run
from ..io.trial import check_format
from ..psf import ImageFacts, PsfRequest
from .batch import Job, make_folder
from .batch import run as run_batch
from .options import add_common, add_precision, number_or_auto
from .report import Reporter

if TYPE_CHECKING:
    from ..comparison.material import Material
    from ..comparison.recipe import Comparison
    from ..comparison.run import Outcome

_TABLE = "table.csv"


def configure(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Declare the options."""
    add = parser.add_argument
    inputs_help = "images, or folders of them; before them, or instead, a comparison's RECIPE.json"
    add("paths", nargs="+", metavar="IN", help=inputs_help)
    add("--methods", nargs="+", metavar="NAME:FIELD=X", help="what to compare, without a recipe")
    add("-o", "--output", required=True, metavar="DIR", help="where table, figure and results go")
    add("--truth", metavar="FILE|DIR", help="the sharp image, or a folder of the same names")
    add("--psf", metavar="FILE|KIND:FIELD=X", help="another PSF than the recipe's")
    add("--noise", type=number_or_auto, default=argparse.SUPPRESS, metavar="X|auto",
        help="standard deviation of the noise on the image's own scale")  # fmt: skip
    add("--device", metavar="NAME", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    add_precision(add)
    add("--memory-gb", type=float, metavar="X", help="memory budget of a run")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare on every input; the exit status, 1 where a method failed."""
    from ..comparison.export import check_folder
    from ..comparison.table import MARK as TABLE_MARK

    first = Path(args.paths[0])
    recipe = first if first.suffix.lower() == ".json" else None
    args.inputs = args.paths[1:] if recipe else args.paths
    comparison = _loaded(recipe) if recipe else _named(args.methods)
    if args.methods and recipe:
        comparison = replace(comparison, methods=_named(args.methods).methods, sweep=None)
    folder = recipe.parent if recipe else Path()
    out = Path(args.output)
    if recipe and resolved(out) == resolved(folder):
        raise DeconvError(f"-o {out} is the recipe's own folder.", "Give another -o.")
    jobs = _jobs(comparison, folder, args.inputs, out)
    files = PsfRequest.parse(args.psf).files if args.psf else ()
    inputs = [*(job.source for job in jobs), recipe, args.truth, *files]
    guard = Guard.of(inputs, args.overwrite)
    work = _Comparing(comparison, folder, args, Reporter(args.quiet), guard)
    with only_run(out):
        for each in jobs:
            check_folder(each.target, guard)
        if len(jobs) > 1:
            guard.check(out / _TABLE, "", TABLE_MARK)
        make_folder(out)
        return _worked(jobs, work, out, args)


def _worked(jobs: list[Job], work: _Comparing, out: Path, args: argparse.Namespace) -> int:
    status = run_batch(jobs, work, quiet=args.quiet)
    if len(jobs) > 1:
        with replacing(out / _TABLE) as part:
            part.write_text("".join(work.tables), encoding="utf-8")
    return max(status, int(work.failed))


@dataclass(eq=False)
class _Comparing:
    """What is the same for all images, and what was found so far."""

    comparison: Comparison
    folder: Path
    args: argparse.Namespace
    report: Reporter
    guard: Guard
    failed: bool = False

    def __post_init__(self) -> None:
        self.tables: list[str] = []

    def __call__(self, job: Job) -> None:
        from ..comparison.export import export
        from ..comparison.run import compare
        from ..comparison.table import as_csv, as_text
        from ..engine.streaming import drain

        axes = self.comparison.image.get("axes") if not self.args.inputs else None
        picture = read(job.source, axes=axes)
        self.report.notes(picture.notes, job.source.name)
        check_format("result.tif", picture)
        material, comparison = self._material(picture, job.source)
        memory = self.args.memory_gb
        with self.report.progress(job.source.name) as bar:
            steps = compare(
                comparison,
                material,
                device=self.args.device,
                precision=self.args.precision,
                memory_bytes=None if memory is None else int(memory * 1e9),
            )
            outcome: Outcome = drain(steps, bar)
        notes = export(
            outcome, material, job.target, name=job.source.stem, like=picture, guard=self.guard
        )
        self.report.notes([*outcome.notes, *notes], job.source.name)
        self.failed |= any(row.error for row in outcome.rows)
        lines = as_csv(outcome.table, job.source.name).splitlines(keepends=True)
        self.tables.append("".join(lines[bool(self.tables) :]))
        if not self.args.quiet:
            print(as_text(outcome.table))

    def _material(self, picture: Picture, source: Path) -> tuple[Material, Comparison]:
        from ..comparison.material import Material

        prepared = self._psf().prepare(ImageFacts.of(picture))
        self.report.psf(prepared, source.name)
        psf = prepared.single()
        sizes = picture.spacing("X")
        spacing = picture.spacing("ZYX"[-psf.ndim :])
        truth, repeat = self._truth(source), self._beside("repeat")
        material = Material(
            image=picture.data,
            axes=picture.axes,
            psf=psf,
            truth=truth,
            repeat=repeat,
            pixel_size=sizes[0] if sizes else 0.0,
            unit=picture.units.get("X", ""),
            psf_recipe=prepared.record,
            spacing=spacing,
        )
        noise = getattr(self.args, "noise", self.comparison.noise)
        return material, replace(self.comparison, noise=noise)

    def _psf(self) -> PsfRequest:
        if self.args.psf:
            return PsfRequest.parse(self.args.psf)
        request = PsfRequest.from_dict(self.comparison.psf)
        return replace(request, file=str(self.folder / request.file) if request.file else "")

    def _truth(self, source: Path) -> Any:
        if not self.args.truth:
            return self._beside("truth")
        given = Path(self.args.truth)
        if not is_folder(given):
            return read(given).data
        same = [p for p in files_in(given, SUFFIXES) if p.stem == source.stem]
        if not same:
            self.report.note(f"{source.name}: there is no truth of this name in {given}.")
            return None
        return read(same[0]).data

    def _beside(self, key: str) -> Any:
        """Truth or repeat as the recipe names it; they belong to its own image only."""
        recorded = getattr(self.comparison, key)
        if self.args.inputs or not recorded.get("path"):
            return None
        return read(self.folder / recorded["path"], axes=recorded.get("axes")).data


def _named(texts: Sequence[str] | None) -> Comparison:
    """A comparison of ``name:field=value`` each."""
    from ..comparison.recipe import Comparison
    from ..restoration.base import Method, methods

    if not texts:
        raise DeconvError(
            "There is nothing to compare.", "Give a RECIPE.json, or --methods wiener tv, say."
        )
    methods()
    parsed = tuple(Method.parse(text) for text in texts)
    return Comparison(methods=tuple(m for m in parsed if isinstance(m, Method)))


def _loaded(path: Path) -> Comparison:
    from ..comparison.recipe import Comparison

    return Comparison.from_dict(read_json(path, "The recipe"))


def _jobs(comparison: Comparison, folder: Path, inputs: Sequence[str], out: Path) -> list[Job]:
    """List the images and the folder that each comparison goes into."""
    if not inputs:
        path = comparison.image.get("path")
        if not path:
            raise DeconvError(
                "The recipe names no image file.", "Give images: compare RECIPE.json IN ... -o DIR."
            )
        return [Job(folder / path, out)]
    sources: list[Path] = []
    for given in map(Path, inputs):
        sources += images_in(given) if is_folder(given) else [given]
    sources = one_per_image(sources)
    if not sources:
        raise DeconvError(
            f"{', '.join(inputs)} holds no images.", f"Looked for {', '.join(SUFFIXES)}."
        )
    if len(sources) == 1 and not is_folder(inputs[0]):
        return [Job(sources[0], out)]
    if len({p.stem for p in sources}) < len(sources):
        print("Images of one name share a folder; the last one stays.", file=sys.stderr)
    return [Job(source, out / source.stem) for source in sources]
