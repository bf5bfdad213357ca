"""A block-wise run as it is kept on disk, so that it can go on after it was killed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.checks import as_object
from ..core.device import choose_device
from ..core.errors import DeconvError
from ..core.json_text import read_object
from ..core.paths import exists, read_bytes
from ..core.precision import choose_precision
from ..core.record import Note, RunRecord
from ..core.spec import dumps
from ..core.words import in_words
from ..engine.axes import Layout, parse_axes
from ..engine.readings import Reading, as_dict, from_dict
from ..engine.run import Run
from ..engine.unseen import NaN, Unseen
from ..io.atomic import partial_name, sweep_folders
from ..restoration.base import Method
from ..signal.noise_law import NoiseLaw
from .grid import Grid


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """What is the same for all blocks of a channel.

    Parameters
    ----------
    channel : int or None
        Which; None for all.
    method : Method
        With everything settled.
    psf : ndarray
        float32, unit sum.
    reading : Reading
        Of the only item, or of a typical one: blocks of an item match only if they share it.
    noise : float, NoiseLaw or None
        As it was given; None where it is read from every item.
    common : float
        Noise of the mean of three colours over that of one.
    record : RunRecord
        How this channel is restored.
    """

    channel: int | None
    method: Method
    psf: NDArray[np.float32]
    reading: Reading
    noise: float | NoiseLaw | None
    common: float
    record: RunRecord


@dataclass(frozen=True, eq=False, kw_only=True)
class Job:
    """All that a worker needs to restore any block.

    Parameters
    ----------
    source, target : str
        Where pixels come from and go to.
    axes : str
        Of both.
    shape : tuple of int
        Of both.
    chunks, shards : tuple of int
        Of the target; no shards if empty.
    core, halo : tuple of int
        See `Grid`.
    spacing : tuple of float
        Relative voxel sizes; empty for cubes.
    device : str
        As a person gives it: workers look for it themselves.
    parts : tuple of Part
        One, or one per channel.
    nan : str
        What becomes of values that are not finite.
    token : str
        By which the result is known to be this run's.
    precision : str
        Number format of layers; workers that have no units for it take their own.
    notes : tuple of Note
        What the person should know of the whole.
    """

    source: str
    target: str
    axes: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...]
    core: tuple[int, ...]
    halo: tuple[int, ...]
    spacing: tuple[float, ...]
    device: str
    parts: tuple[Part, ...]
    nan: NaN = "refuse"
    token: str = ""
    precision: str = "auto"
    notes: tuple[Note, ...] = ()

    def grid(self, part: Part) -> Grid:
        """The blocks of a part."""
        layout: Layout = parse_axes(self.shape, self.axes, part.psf.ndim)
        if part.channel is not None:
            layout = replace(layout, fixed=(("C", part.channel),))
        return Grid(layout, self.core, self.halo)

    @property
    def total(self) -> int:
        """Blocks in all."""
        return sum(self.grid(part).total for part in self.parts)

    def find(self, number: int) -> tuple[Part, Grid, int]:
        """The part that a block belongs to, its grid, and the block's number there."""
        for part in self.parts:
            grid = self.grid(part)
            if number < grid.total:
                return part, grid, number
            number -= grid.total
        raise IndexError(number)

    def name(self, number: int) -> str:
        """Name of a block: where it lies, in words."""
        _, grid, own = self.find(number)
        return grid.name(own)

    def run(self, part: Part, image: Any, cancel: Any = None) -> Run:
        """The engine for blocks of a part."""
        device = choose_device(self.device)
        return Run(
            method=part.method,
            image=image,
            psf=part.psf,
            fingerprint="",
            layout=self.grid(part).layout,
            reading=part.reading,
            noise=part.noise,
            common=part.common,
            unseen=Unseen(nan=self.nan),
            spacing=self.spacing,
            device=device,
            budget=0,
            precision=choose_precision(self.precision, device)[0],
            cancel=cancel,
        )


_DIGITS = 9


class Progress:
    """The folder ``NAME.progress`` beside the result: the job, and which blocks are done.

    Parameters
    ----------
    target : Path
        The result.
    """

    def __init__(self, target: Path) -> None:
        self.folder = target.with_name(target.name + ".progress")
        self._done = self.folder / "done.txt"

    @property
    def begun(self) -> bool:
        """Whether there is a run to go on with."""
        return exists(self.folder / "job.json")

    def begin(self, job: Job, request: dict[str, Any]) -> None:
        """Keep the job: the folder appears whole or not at all.

        Raises
        ------
        DeconvError
            If there is a folder of that name which no run has made.
        """
        if self.folder.exists():
            raise DeconvError(
                f"{self.folder} exists, and no unfinished run of ours is in it.",
                "Rename it, or give another -o.",
            )
        sweep_folders(self.folder)
        stage = partial_name(self.folder)
        try:
            stage.mkdir(parents=True)
            self._keep(stage, job, request)
            stage.rename(self.folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def _keep(self, folder: Path, job: Job, request: dict[str, Any]) -> None:
        plain = {k: v for k, v in asdict(job).items() if k != "parts"}
        plain["parts"] = []
        for number, part in enumerate(job.parts):
            np.save(folder / f"psf-{number}.npy", part.psf)
            plain["parts"].append(
                {
                    "channel": part.channel,
                    "method": part.method.to_dict(),
                    "reading": as_dict(part.reading),
                    "noise": asdict(part.noise) if isinstance(part.noise, NoiseLaw) else part.noise,
                    "common": part.common,
                    "record": part.record.to_dict(),
                }
            )
        text = dumps({"request": request, "job": plain})
        (folder / "job.json").write_text(text, encoding="utf-8")

    def resume(self, request: dict[str, Any]) -> Job:
        """The job that was begun, if it was the same one.

        Raises
        ------
        DeconvError
            Naming what was different then.
        """
        where, remedy = f"{self.folder}", "Remove that folder and the result, and run it again."
        kept = read_object(self.folder / "job.json", "The unfinished run", remedy)
        if not {"request", "job"} <= set(kept):
            raise DeconvError(f"{where} holds no unfinished run.", remedy)
        then, now = as_object(where, kept["request"]), json.loads(dumps(request))
        other = sorted(k for k in {*then, *now} if then.get(k) != now.get(k))
        if other:
            was = ", ".join(f"{k} = {then.get(k)!r}" for k in other)
            raise DeconvError(
                f"{self.folder} holds an unfinished run with another {other[0]}: {was}.",
                "Run it again as it was to finish it, or remove that folder and the result.",
            )
        try:
            return self._job(dict(kept["job"]))
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            problem = in_words(error, f"{where} holds an unfinished run that cannot be read")
            raise DeconvError(problem.what, remedy) from error

    def _job(self, plain: dict[str, Any]) -> Job:
        """The job as it was kept; Python's errors where it is not of this form."""
        parts = []
        for number, part in enumerate(plain.pop("parts")):
            part |= {
                "record": RunRecord.from_dict(part["record"]),
                "method": Method.from_dict(part["method"]),
                "reading": from_dict(part["reading"]),
                "noise": NoiseLaw(**noise) if isinstance(noise := part["noise"], dict) else noise,
            }
            parts.append(Part(psf=np.load(self.folder / f"psf-{number}.npy"), **part))
        lists: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()
        }
        lists["notes"] = tuple(Note(**note) for note in plain["notes"])
        return Job(parts=tuple(parts), **lists)

    def make(self, job: Job, create: Callable[[Path], None]) -> None:
        """Make the empty result, unless it is there, and never in the place of another one.

        It is made within this folder and moved from there, so that it appears whole. Where it is
        made anew, no block of it is on disk.

        Raises
        ------
        DeconvError
            If something lies there that this run has not made.
        """
        target = Path(job.target)
        if target.exists() or target.is_symlink():
            if job.token and marked(target) == job.token:
                return
            raise DeconvError(
                f"{target} is not what this unfinished run has made: something else lies there.",
                f"Move it away, or remove {self.folder} to forget the run.",
            )
        self._done.unlink(missing_ok=True)
        empty = self.folder / "empty"
        if empty.exists():
            shutil.rmtree(empty)
        create(empty)
        empty.rename(target)

    def done(self) -> set[int]:
        """Numbers of the blocks that are on disk."""
        if not exists(self._done):
            return set()
        lines = read_bytes(self._done).decode("ascii", "replace").split("\n")
        # A line that a kill cut short is not a number of nine digits.
        return {
            int(line)
            for line in lines
            if len(line) == _DIGITS and line.isascii() and line.isdigit()
        }

    def add(self, number: int) -> None:
        """Note that a block is on disk."""
        with self._done.open("a", encoding="ascii") as file:
            file.write(f"\n{number:0{_DIGITS}d}\n")
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        """Remove the files of a run that is complete; other files in the folder stay."""
        ours = {"job.json", "done.txt", "empty", *(p.name for p in self.folder.glob("psf-*.npy"))}
        if {path.name for path in self.folder.iterdir()} <= ours:
            # Moved first: a folder that a kill left half empty would be nobody's.
            gone = partial_name(self.folder)
            self.folder.rename(gone)
            shutil.rmtree(gone)
            return
        shutil.rmtree(self.folder / "empty", ignore_errors=True)
        for name in sorted(ours - {"empty"}):
            (self.folder / name).unlink(missing_ok=True)


_MARK = "napari_deconv_run"


def mark(group: Any, token: str) -> None:
    """Write into a Zarr group which run makes it."""
    group.attrs[_MARK] = token


def marked(target: Path) -> str:
    """Id of the run that made a Zarr folder; empty if it was not made by this package."""
    import zarr

    try:
        return str(zarr.open_group(str(target), mode="r").attrs.get(_MARK, ""))
    except Exception:  # zarr fails in a dozen ways on what is none
        return ""


def sweep_chunks(target: Path) -> None:
    """Remove the chunks that zarr had not finished when a run into this folder was killed."""
    for folder, _, names in os.walk(target):
        for name in filter(_CHUNK.fullmatch, names):
            with suppress(OSError):
                (Path(folder) / name).unlink()


_CHUNK = re.compile(r".*\.[0-9a-f]{32}\.partial")
