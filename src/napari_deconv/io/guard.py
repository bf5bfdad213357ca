"""Files that a run may replace: its own kind of result, others only with ``overwrite``."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core.errors import DeconvError
from ..core.paths import resolved

_TIFF = (".tif", ".tiff")
_TEXT = (".json", ".csv", ".svg", ".md")
_START = 4096
_TOGETHER_S = 2.0
"""A file and its recipe are written together; a file that is younger was changed since."""
_REMEDY = "Give another name, or --overwrite if it may be lost."

Mark = tuple[int, int]


def kind_of(recipe: Mapping[str, Any] | None) -> str:
    """What kind of thing a recipe makes; empty if it is none of this package."""
    if recipe is None:
        return ""
    if isinstance(recipe.get("methods"), list) and "figures" in recipe:
        return "comparison"
    if isinstance(recipe.get("method"), Mapping):
        return "result"
    if isinstance(recipe.get("degradation"), Mapping):
        return "truth" if recipe.get("truth") else "degraded image"
    psf = recipe.get("psf")
    if isinstance(psf, Mapping):
        return "refined PSF" if "refined" in psf else "PSF"
    if {"command", "protocol", "table"} <= recipe.keys():
        return "benchmark"
    return next((key for key in ("sample", "comparison") if recipe.get(key)), "")


@dataclass(frozen=True)
class Guard:
    """Stands before every write of a run.

    Parameters
    ----------
    inputs : iterable of str or Path
        All that the run reads: never replaced, whatever they are called.
    overwrite : bool
        Whether the person asked for other people's files to be replaced.
    """

    inputs: tuple[Path, ...] = ()
    overwrite: bool = False
    _written: set[Mark] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def of(cls, inputs: Iterable[str | Path | None], overwrite: bool = False) -> Guard:
        """Make a guard from file names; empty ones are skipped."""
        return cls(tuple(Path(name) for name in inputs if name), overwrite)

    def check(self, path: Path, kind: str, mark: str = "") -> None:
        """Raise unless ``path`` may be written.

        Parameters
        ----------
        path : Path
            A file.
        kind : str
            Of `kind_of`: an older one of the same kind is replaced, as by the same command again.
        mark : str
            For text and pictures without a recipe: by these words near its beginning an older one
            is known.

        Raises
        ------
        DeconvError
            If it is an input or lies in one, is not an ordinary file, or was made by somebody else.
        """
        self.check_inputs(path)
        if not os.path.lexists(path) or not path.exists():
            return
        if path.is_dir():
            raise DeconvError(f"{path} is a folder.", "Give the name of a file.")
        if not path.is_file():
            raise DeconvError(f"{path} is not an ordinary file.", "Give another name.")
        if _mark(path) in self._written:
            raise DeconvError(
                f"{path} is a result of this very run, under another spelling of its name.",
                "Rename one of the inputs: on this disk their names are the same.",
            )
        if not (self.overwrite or _recognised(path, kind, mark)):
            raise DeconvError(f"{path} exists, and no such run has made it.", _REMEDY)

    def check_inputs(self, path: Path) -> None:
        """Raise if writing ``path``, a file or a folder, would touch an input.

        Raises
        ------
        DeconvError
            If it is one, lies in one, or holds one.
        """
        if not self.inputs:
            return
        where = resolved(path)
        if path.exists() and (_mark(path) in self._marks or _mark(path) in self._around):
            what = "an input" if _mark(path) in self._marks else "where an input lies"
            if not (path.is_dir() and what == "an input" and not is_zarr(path)):
                raise DeconvError(
                    f"{path} is {what}.", "Inputs are never overwritten; give another name."
                )
        for above in where.parents:
            if above.is_dir() and _mark(above) in self._marks and is_zarr(above):
                raise DeconvError(f"{path} lies in the input {above}.", "Give another name.")

    def remember(self, path: Path) -> None:
        """Remember a file as written by this run."""
        self._written.add(_mark(path))

    @cached_property
    def _marks(self) -> frozenset[Mark]:
        return frozenset(_mark(path) for path in self.inputs if path.exists())

    @cached_property
    def _around(self) -> frozenset[Mark]:
        """The Zarr folders that inputs lie in."""
        above = {folder for path in self.inputs for folder in resolved(path).parents}
        return frozenset(_mark(folder) for folder in above if is_zarr(folder))


def is_zarr(folder: Path) -> bool:
    """Whether a folder is a Zarr array or group."""
    return any((folder / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


def _mark(path: Path) -> Mark:
    """What is the same for all names of a file, links and spellings included."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _recognised(path: Path, kind: str, mark: str) -> bool:
    """Whether a run of the same kind has made a file."""
    try:
        if mark:
            with path.open("rb") as file:
                start = file.read(_START)
                # Of a PDF who made it stands near the end.
                file.seek(max(0, path.stat().st_size - _START))
                return mark.encode() in start + file.read(_START)
        return bool(kind) and kind_of(recorded(path)) == kind
    except Exception:  # what cannot be read is not ours
        return False


def recorded(path: Path) -> dict[str, Any] | None:
    """The recipe that a file of this package carries, without its pixels; None for others'."""
    if path.suffix.lower() in _TIFF:
        from . import tiff

        return tiff.recorded(path)
    beside = path if path.suffix.lower() in _TEXT else path.with_name(path.name + ".json")
    if not stat.S_ISREG(beside.stat().st_mode):
        return None
    if path.stat().st_mtime > beside.stat().st_mtime + _TOGETHER_S:
        return None
    recipe = json.loads(beside.read_text(encoding="utf-8"))
    return recipe if isinstance(recipe, dict) else None
