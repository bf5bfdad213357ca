"""Many inputs: which file becomes which, going on after a failure, and a summary."""

from __future__ import annotations

import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..core import paths
from ..core.errors import DeconvError
from ..core.paths import is_folder, resolved
from ..io import (
    SUFFIXES,
    VENDORS,
    Guard,
    Part,
    Picture,
    check_target,
    images_in,
    one_per_image,
    read,
)
from ..io.guard import is_zarr
from . import words_for

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One input and where its result goes."""

    source: Path
    target: Path
    position: int | None = None
    """Which image of a file that holds several; None for the first, with a note."""


def plan(inputs: Sequence[str], output: str, each: Each | None = None) -> list[Job]:
    """Pair inputs with outputs; folders stand for the images in them, sorted, not deeper.

    ``output`` is a file for a single input, otherwise a folder, which is made.

    Parameters
    ----------
    inputs : sequence of str
        Files and folders.
    output : str
        A file or a folder.
    each : callable, optional
        Which positions of a file to take, and whether its name needs their numbers.

    Raises
    ------
    DeconvError
        If there is nothing to do, two results would share a name, or one would fall on an input.
    """
    sources, single = _sources(inputs, each is not None)
    out = Path(output)
    looks_like_file = out.suffix.lower() in SUFFIXES and not is_folder(out)
    if looks_like_file and not single:
        raise DeconvError(
            f"-o {output} is one file, but there are several inputs.", "Give a folder."
        )
    if single and out.suffix and not (looks_like_file or is_folder(out) or output.endswith("/")):
        raise DeconvError(
            f"-o {output}: files ending in {out.suffix!r} cannot be written.",
            f"Use one of {', '.join(SUFFIXES)}, or end the name of a folder with /.",
        )
    if single and looks_like_file:
        chosen = each(sources[0], False) if each else [None]
        if len(chosen) > 1:
            raise DeconvError(
                f"-o {output} is one file, but {sources[0].name} holds {len(chosen)} positions.",
                "Give a folder, or --position N.",
            )
        jobs = [Job(sources[0], out, chosen[0])]
        folder = out.parent
    else:
        jobs = [
            Job(source, out / _name(source, number), number)
            for source in sources
            for number in (each(source, True) if each else [None])
        ]
        folder = out
    _check(jobs)
    make_folder(folder)
    return jobs


def _name(source: Path, position: int | None) -> str:
    """What a result is called in a folder of results."""
    if source.is_dir():
        above = next((p for p in source.parents if p.suffix.lower() == ".zarr"), source)
        inner = source.relative_to(above).parts
        stem = re.sub(r"\.ome$", "", above.stem, flags=re.I)
        return "_".join([stem, *inner]) + ".ome.tif"
    ending = re.search(r"(\.ome)?\.[^.]+$", source.name, re.I)
    at = ending.start() if ending else len(source.name)
    end = ".ome.tif" if source.suffix.lower() in VENDORS else source.name[at:]
    return source.name[:at] + ("" if position is None else f"_position-{position}") + end


Each = Callable[[Path, bool], Sequence[int | None]]
"""The positions to take of a file; whether it is one of many results in a folder."""


def whole(job: Job, axes: str | None, part: Part | None = None) -> Picture:
    """An image in memory, or a part of one, out of a file or an OME-Zarr.

    Of a part no more is read than the chunks or pages that it lies in.

    Raises
    ------
    DeconvError
        If it cannot be read, or not in whole.
    """
    source, part = job.source, part or Part({})
    lazy = source.is_dir() or (part and source.suffix.lower() in (".tif", ".tiff"))
    if not lazy:
        return part.of(read(source, axes=axes, position=job.position), source.name)
    from ..blocks import open_source

    try:
        opened = open_source(source, axes, job.position)
    except DeconvError:
        if source.is_dir():
            raise
        # Colours are read whole; so is what cannot be opened, which says why.
        return part.of(read(source, axes=axes, position=job.position), source.name)
    try:
        picture = part.of(opened.picture, source.name)
        return replace(picture, data=np.asarray(picture.data[...]))
    except DeconvError:
        raise
    except Exception as error:  # zarr's codecs fail in a dozen ways; to a person they are one
        raise DeconvError(
            f"{source} could not be read in whole: {type(error).__name__}: {error}.",
            "Write an OME-Zarr (-o NAME.zarr): block by block, the rest of it goes on.",
        ) from error
    finally:
        opened.close()


def check_targets(jobs: Sequence[Job], kind: str, guard: Guard) -> None:
    """Raise, before the work begins, if a result would replace a file of another origin.

    Parameters
    ----------
    jobs : sequence of Job
        As `plan` makes them.
    kind : str
        What they make; see `io.guard.kind_of`.
    guard : Guard
        That knows the inputs.
    """
    for job in jobs:
        check_target(job.target, kind, guard)


def make_folder(folder: Path, option: str = "-o") -> None:
    """Make a folder for results, if it is not there, or say in words why not."""
    try:
        paths.make_folder(folder)
    except DeconvError as error:
        raise DeconvError(error.what, f"Give another {option}.") from error


def _sources(inputs: Sequence[str], stacks: bool) -> tuple[list[Path], bool]:
    """The images, those in OME-Zarrs of a folder too if ``stacks``, and whether one was given."""
    sources: list[Path] = []
    for given in map(Path, inputs):
        if not is_folder(given):
            sources.append(given)
            continue
        if is_zarr(given):
            sources += _within(given)
            continue
        folders = [p for p in paths.inside(given) if stacks and is_folder(p)]
        zarrs = [p for p in folders if is_zarr(p) and not p.name.startswith(".")]
        inside = sorted([*images_in(given), *zarrs])
        if not inside:
            raise DeconvError(
                f"The folder {given} holds no images.",
                f"Looked for {', '.join((*SUFFIXES, *VENDORS, *(['.zarr'] if stacks else [])))}.",
            )
        sources += [
            image for each in inside for image in (_within(each) if each in zarrs else [each])
        ]
    single = len(inputs) == 1 and sources == [Path(inputs[0])]
    return one_per_image(sources), single


def _within(store: Path) -> list[Path]:
    """The images of an OME-Zarr."""
    from ..blocks.source import images_in_zarr

    return images_in_zarr(store)


def _check(jobs: Sequence[Job]) -> None:
    targets = Counter(resolved(job.target) for job in jobs)
    twice = next((t for t, n in targets.items() if n > 1), None)
    if twice is not None:
        raise DeconvError(
            f"Two inputs are called {twice.name}.", "Run them one by one, or rename one."
        )
    inputs = {resolved(job.source) for job in jobs}
    for target in targets:
        if target in inputs:
            raise DeconvError(
                f"{target} is an input.", "Inputs are never overwritten; give another -o."
            )


def run(jobs: Sequence[Job], work: Callable[[Job], None], *, quiet: bool = False) -> int:
    """Work through all jobs whatever happens to one; the exit status 0 or 1."""
    failed: list[Path] = []
    for job in jobs:
        try:
            work(job)
        except Exception as error:  # one bad file must not cost the others
            _failed(job, words_for(error))
            failed.append(job.source)
    if len(jobs) > 1 and not quiet:
        print(f"{len(jobs) - len(failed)} of {len(jobs)} done.", file=sys.stderr)
    if len(jobs) > 1 and failed:
        print(f"Failed: {', '.join(map(str, failed))}", file=sys.stderr)
    return 1 if failed else 0


def _failed(job: Job, words: str) -> None:
    _log.debug("%s", job.source, exc_info=True)
    named = words if str(job.source) in words else f"{job.source}: {words}"
    print(f"napari-deconv: {named}", file=sys.stderr)
