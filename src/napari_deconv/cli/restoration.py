"""What `napari-deconv deconvolve` does to each image: PSF, method, run and the files it writes."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DeconvError
from ..core.progress import drain
from ..core.record import RunRecord
from ..core.words import duration
from ..io import Guard, Part, Picture, Storage, projections, read, write
from ..io.photo import not_srgb
from ..io.trial import check_format
from ..psf import ImageFacts, PreparedPsf, PsfRequest
from .batch import Job, whole
from .options import fields_as_text
from .part import part_of, storage_of
from .report import Reporter

if TYPE_CHECKING:
    from ..core.progress import Stream
    from ..psf.request import Kernels
    from ..restoration.base import Method
    from ..restoration.choice import Recommendation


def sized(picture: Picture, sizes: tuple[float, ...] | None) -> Picture:
    """The picture with the voxel size that was given, which a PSF is rendered for."""
    if not sizes:
        return picture
    axes = [a for a in "ZYX"[-len(sizes) :] if a in picture.axes]
    if len(axes) < len(sizes) or not all(size > 0 for size in sizes):
        raise DeconvError(
            f"--spacing {','.join(f'{size:g}' for size in sizes)} does not fit the axes "
            f"{picture.axes}.",
            "Give a positive size for each of the PSF's axes, such as 0.3,0.1,0.1.",
        )
    stated = dict(zip(axes, sizes, strict=True))
    return replace(
        picture,
        pixel_size={**picture.pixel_size, **stated},
        units={**picture.units, **dict.fromkeys(axes, "µm")},
    )


@dataclass(eq=False)
class Restoration:
    """The restoration of one input after the other, with what is the same for all of them.

    ``method`` is None where it is chosen for each.
    """

    method: Method | None
    psf: PsfRequest
    replayed: RunRecord
    noise: float | None
    device: str
    linear: bool
    refine: int
    strength: float
    args: argparse.Namespace
    report: Reporter
    guard: Guard = field(default_factory=Guard)

    def __call__(self, job: Job) -> None:
        picture = whole(job, self.args.axes, self.part)
        self.report.notes(picture.notes, job.source.name)
        check_format(job.target, picture, self.storage)
        self._check_light(picture, job)
        psf = self.prepared(picture)
        kernels = self.report.psf(psf, job.source.name)
        with self.report.progress(job.source.name) as bar:
            result = drain(self._stream(picture, kernels, job.source.name), bar)
        self.report.notes(result.notes, job.source.name)
        if result.record.uses_another_psf_than(self.replayed):
            self.report.note("The PSF is not the one of the recipe; results will differ.")
        self.report.notes(result.record.choices(), job.source.name)
        record = replace(result.record.with_psf(psf.record), source=job.source.name)
        recipe = record.to_dict() | self._taken(job)
        write(job.target, result.data, like=picture, recipe=recipe, guard=self.guard,
              storage=self.storage)  # fmt: skip
        if self.args.projections and "Z" in picture.axes:
            for name, flat in projections(replace(picture, data=result.data)):
                write(projected(job.target, name), flat.data, like=flat, recipe=recipe,
                      guard=self.guard)  # fmt: skip
        if result.psf is not None:
            self._keep(result.psf, job.target, record)

    @cached_property
    def part(self) -> Part:
        """What is taken of every input."""
        return part_of(self.args)

    @cached_property
    def storage(self) -> Storage:
        """How results lie in their files."""
        return storage_of(self.args)

    def _taken(self, job: Job) -> dict[str, Any]:
        """Position and ranges, for the recipe."""
        ranges = {axis: list(span) for axis, span in self.part.ranges.items()}
        position = {} if job.position is None else {"position": job.position}
        return position | ({"part": ranges} if ranges else {})

    def prepared(self, picture: Picture) -> PreparedPsf:
        """The PSF for a picture, completed by its metadata where need be."""
        sizes = self.args.spacing
        return self.psf.prepare(ImageFacts.of(sized(picture, sizes), bool(sizes)))

    def _check_light(self, picture: Picture, job: Job) -> None:
        """Raise or say so where a PNG's own word on light would not be heeded."""
        light = [name.decode() for name, _ in picture.info.get("light", ())]
        if self.linear and not_srgb(picture):
            raise DeconvError(
                f"{job.source.name} says that its values are not sRGB ({', '.join(light)}).",
                "Leave out --linear, or convert it to sRGB first.",
            )
        if not_srgb(picture) and job.target.suffix.lower() != ".png":
            text = f"how its values become light ({', '.join(light)}) is kept in PNG files only."
            self.report.note(f"{job.source.name}: {text}")

    def options(self, picture: Picture, psf: Kernels) -> dict[str, Any]:
        """Options for the engine: axes, noise, spacing, device, memory and unseen pixels."""
        memory, sizes = self.args.memory_gb, self.args.spacing
        first = next(iter(psf.values())) if isinstance(psf, dict) else psf
        return {
            "axes": picture.axes,
            "noise": self.noise,
            "tables": picture.info.get("tables", ()),
            "spacing": sizes or picture.spacing("ZYX"[-first.ndim :]),
            "device": self.device,
            "precision": self.args.precision or self.replayed.precision or "auto",
            "memory_bytes": None if memory is None else int(memory * 1e9),
            "nan": self.args.nan or self.replayed.nan,
            "keep_float": self._keeps_float,
            "unseen": self._unseen,
        }

    @property
    def _keeps_float(self) -> bool:
        given = self.args.keep_float
        return self.replayed.keep_float if given is None else bool(given)

    @cached_property
    def _unseen(self) -> Any:
        if self.args.unseen is None:
            return None
        mask = read(self.args.unseen)
        ranges = {axis: span for axis, span in self.part.ranges.items() if axis in mask.axes}
        return Part(ranges, self.part.plane).of(mask, self.args.unseen).data != 0

    def _stream(self, picture: Picture, psf: Kernels, name: str) -> Stream:
        from ..deconvolution import restore
        from ..restoration.expected import remembered

        options = self.options(picture, psf)
        choice = self.chosen(picture.data, psf, options, name)
        given = {"linear": self.linear, "refine_psf": self.refine, **options}
        given["strength"] = self.strength
        steps = restore(choice.method, picture.data, psf, **given)
        return choice.explained(remembered(choice.method, steps))

    def chosen(
        self, image: Any, psf: Kernels, options: dict[str, Any], name: str
    ) -> Recommendation:
        """The method for an image; says which, if it was left open, and how long it will take."""
        from ..restoration.choice import Recommendation, automatic
        from ..restoration.expected import expected

        if self.method is None:
            texts = fields_as_text(self.args)
            choice = automatic(image, psf, texts, **options)
            fields = choice.method.fields()
            choice = choice.but(**{name: fields[name].read(text) for name, text in texts.items()})
            self.report.note(f"{name}: {choice.method.title} was chosen, for {choice.reason}.")
        else:
            choice = Recommendation(self.method)
        if not self.report.quiet:
            seconds = expected(choice.method, image, psf, **options)
            self.report.note(f"{name}: {duration(seconds)}.")
        return choice

    def _keep(self, psf: Any, target: Path, record: RunRecord) -> None:
        """Write a refined PSF beside the result it was made for."""
        path = psf_beside(target)
        history = {"refined": record.psf, "rounds": self.refine, "source": record.source}
        write(path, psf, like=Picture(data=psf, axes="ZYX"[-psf.ndim :]), recipe={"psf": history},
              guard=self.guard)  # fmt: skip
        self.report.note(f"The refined PSF is {path.name}.")


def projected(target: Path, name: str) -> Path:
    """Where a projection of a result goes."""
    stem = target.stem.removesuffix(".ome")
    return target.with_name(f"{stem}_{name}.tif")


def psf_beside(target: Path) -> Path:
    """Where the refined PSF of a result goes."""
    return target.with_name(f"{target.stem}_psf.tif")
