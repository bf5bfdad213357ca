"""A training that a person started: kept on disk until its weights are in the library."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import shutil
import statistics
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import psutil
from annotated_types import Gt
from numpy.typing import NDArray

from ..core.checks import field
from ..core.errors import DeconvError
from ..core.folders import data_folder
from ..core.json_text import read_object
from ..core.paths import exists, inside, make_folder
from ..core.spec import dumps
from ..io.atomic import replacing
from ..restoration.base import methods
from ..restoration.weights import read_header
from . import library
from .loop import Trained, fit
from .recipe import Recipe
from .record import read_record
from .sharp import Plane, write
from .stacks.loop import fit_stacks
from .stacks.own import keep_microscope
from .stacks.recipe import StackRecipe, recipe_of

log = logging.getLogger("napari_deconv")

_LOOKS = 30
"""How often a training is validated, over its whole time."""
_TRIAL_STEPS = 6
_SAME_S = 2.0
"""Two starts of processes closer than this are one, read twice."""
_STEPPING, _STEPPING_ON_STACKS = 0.9, 0.6
"""Share of the time that is left for steps beside validation, and the making of stacks."""
_TRIAL_STACKS = 2


@dataclass(eq=False)
class Project:
    """A training that a person started, and its files.

    Parameters
    ----------
    name : str
        What its weights will be called.
    recipe : Recipe or StackRecipe
        What to train; its schedule is fitted to the time when it begins.
    minutes : float
        Time budget over all sittings.
    folder : Path
        Where images, checkpoint and record lie.
    fitted : bool
        Whether the schedule was.
    keep : threading.Event
        Set it to leave the unfinished training on disk when it is broken off.
    kept : Entry or None
        Its weights in the library, once it has ended and if it learned anything.
    """

    name: str
    recipe: Recipe | StackRecipe
    minutes: float
    folder: Path
    fitted: bool = False
    keep: threading.Event = dataclasses.field(default_factory=threading.Event)
    kept: library.Entry | None = None

    @property
    def spent(self) -> float:
        """Minutes of earlier sittings."""
        entries = read_record(self.folder / "run" / "log.jsonl")
        return float(entries[-1].get("seconds", 0.0)) / 60 if entries else 0.0

    def save(self) -> None:
        """Write down what it is and who is at it."""
        data = {"name": self.name, "recipe": self.recipe.to_dict(), "minutes": self.minutes}
        data |= {"fitted": self.fitted, "process": os.getpid(), "since": _since(os.getpid())}
        with replacing(self.folder / "project.json") as beside:
            beside.write_text(dumps(data))

    def discard(self) -> None:
        """Take everything of it from the disk; the library is not touched."""
        shutil.rmtree(self.folder, ignore_errors=True)


def check(name: str, minutes: float) -> None:
    """Raise `DeconvError` if a name or a budget does not do."""
    library.check(name)
    if not (minutes > 0 and math.isfinite(minutes)):
        raise DeconvError(f"A budget of {minutes:g} minutes is not enough.", "Give more than 0.")


def create(name: str, recipe: Recipe, images: list[Plane], minutes: float) -> Project:
    """A new training with its images on disk.

    Parameters
    ----------
    name : str
        What its weights shall be called.
    recipe : Recipe
        Its patches are made smaller if the images are.
    images : list of ndarray
        Sharp, gray ``(Y, X)`` in [0, 1].
    minutes : float
        Time budget.

    Raises
    ------
    DeconvError
        If the name or the budget does not do, or the images are too few or too small.
    """
    check(name, minutes)
    folder = _folder(name)
    try:
        count, side = write(images, folder / "images", recipe.patch_px)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    held_out = min(recipe.held_out, max(2, count // 2))
    project = Project(name, replace(recipe, patch_px=side, held_out=held_out), minutes, folder)
    project.save()
    return project


def create_for_stack(
    name: str, recipe: StackRecipe, psf: NDArray[Any], spacing: Sequence[float], minutes: float
) -> Project:
    """A new training on generated stacks of one microscope.

    Parameters
    ----------
    name, minutes
        As of `create`.
    recipe : StackRecipe
        Of `recipe_for_stack`.
    psf : ndarray
        ``(Z, Y, X)``.
    spacing : sequence of float
        Voxel size ``(z, y, x)`` in any unit.

    Raises
    ------
    DeconvError
        If the name or the budget does not do, or the PSF is flat.
    """
    check(name, minutes)
    project = Project(name, recipe, minutes, _folder(name))
    keep_microscope(psf, spacing, project.folder / "run")
    project.save()
    return project


def _folder(name: str) -> Path:
    """Where a new training goes."""
    return data_folder() / "trainings" / f"{name} {time.time_ns():x}"


def unfinished() -> list[Project]:
    """Interrupted trainings that no process works on, the oldest first."""
    methods()
    projects = []
    try:
        trainings = data_folder() / "trainings"
        folders = inside(trainings) if exists(trainings) else []
    except DeconvError as error:
        log.warning("%s", error)
        return []
    for folder in folders:
        try:
            project = _read(folder) if exists(folder / "project.json") else None
        except DeconvError as error:
            log.warning("%s", error)
            continue
        if project is not None and folder not in _busy:
            projects.append(project)
    return projects


def _read(folder: Path) -> Project | None:
    """The training of a folder; None if another process is at it.

    Raises
    ------
    DeconvError
        If its ``project.json`` cannot be read.
    """
    file = folder / "project.json"
    data, where = read_object(file), str(file)
    process = field(where, data, "process", int)
    since = field(where, data, "since", float, 0.0)
    if process != os.getpid() and abs(_since(process) - since) < _SAME_S:
        return None
    return Project(
        field(where, data, "name", str),
        recipe_of(field(where, data, "recipe", dict)),
        field(where, data, "minutes", Annotated[float, Gt(0)]),
        folder,
        field(where, data, "fitted", bool),
    )


def _since(process: int) -> float:
    """When a process began; infinity if there is none: after a crash its number is another's."""
    try:
        return float(psutil.Process(process).create_time())
    except (psutil.Error, ValueError, OverflowError):  # the latter of a number that none can have
        return math.inf


_busy: set[Path] = set()
"""Folders of trainings that are on in this process."""


def run(
    project: Project, device: str, stop: threading.Event, precision: str = "auto"
) -> Generator[Trained, None, library.Entry | None]:
    """Train, or go on with it, and put the best weights into the library.

    Parameters
    ----------
    project : Project
        The training.
    device, precision : str
        As for `deconvolve`.
    stop : threading.Event
        Set it to finish early. Closing the generator instead breaks off: what is best so far is
        kept in the library all the same, or, with ``project.keep``, everything on disk.

    Yields
    ------
    Trained
        After every step.

    Returns
    -------
    Entry or None
        The weights in the library; None where nothing better than the start was learned.
    """
    _busy.add(project.folder)
    project.save()
    try:
        yield Trained(0, project.recipe.steps, note="Measuring how fast this computer is")
        if not project.fitted:
            _fit_schedule(project, device, precision)
        left = max(0.2, project.minutes - project.spent)
        yield from _fit(
            project,
            project.recipe,
            "run",
            minutes=left,
            device=device,
            precision=precision,
            look_seconds=max(2.0, 60 * project.minutes / _LOOKS),
            stop=stop,
        )
        return _kept(project)
    except GeneratorExit:
        if not project.keep.is_set():
            _kept(project)
        raise
    finally:
        _busy.discard(project.folder)


def _fit(
    project: Project, recipe: Recipe | StackRecipe, folder: str, **options: Any
) -> Generator[Trained, None, Path]:
    """The training loop of a recipe, in a folder of the project's."""
    if isinstance(recipe, StackRecipe):
        return fit_stacks(recipe, project.folder / folder, **options)
    return fit(recipe, project.folder / "images", project.folder / folder, **options)


def _kept(project: Project) -> library.Entry | None:
    """The best weights in the library, if they are better than the start; the folder goes."""
    best = project.folder / "run" / "best.safetensors"
    if exists(best) and read_header(best).get("step") != 0:
        project.kept = library.add(best, library.unused(project.name))
    project.discard()
    return project.kept


def _fit_schedule(project: Project, device: str, precision: str) -> None:
    """Set the number of steps that the time allows, timed on a few that are thrown away."""
    trial = project.folder / "trial"
    short, stepping = project.recipe.but(steps=_TRIAL_STEPS), _STEPPING
    if isinstance(short, StackRecipe):
        short, stepping = short.but(stacks=_TRIAL_STACKS), _STEPPING_ON_STACKS
        make_folder(trial)
        shutil.copy(project.folder / "run" / "microscopes.npz", trial)
    times = []
    began = time.monotonic()
    options: dict[str, Any] = {"device": device, "precision": precision, "look_seconds": 1e9}
    trials = _fit(project, short, "trial", **options)
    for progress in trials:
        if progress.loss == progress.loss and not progress.psnr:  # a step, and no validation
            times.append(time.monotonic() - began)
        began = time.monotonic()
    if isinstance(short, StackRecipe):
        shutil.move(trial / "stacks", project.folder / "run")  # which are needed again
    shutil.rmtree(trial, ignore_errors=True)
    # The first step warms up; a computer that is busy now will be busy later.
    steps = round(stepping * 60 * project.minutes / statistics.median(times[1:]))
    project.recipe = project.recipe.but(steps=min(max(20, steps), 1_000_000))
    project.fitted = True
    project.save()
