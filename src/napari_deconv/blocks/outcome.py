"""What a block-wise run came to, and its record in the OME-Zarr."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core.errors import DeconvError
from ..core.record import Note, RunRecord, clipping
from ..core.spec import dumps
from ..io.guard import is_zarr
from .job import Job
from .order import Order


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a block-wise run came to.

    Parameters
    ----------
    target : Path
        The OME-Zarr.
    blocks : int
        How many there are.
    finished_before : int
        How many of them an earlier run had finished.
    failed : mapping of str to str
        Where a block lies, and why it is missing: it holds 0, and running the same again tries it
        again.
    notes : tuple of Note
        What the person should know.
    record : RunRecord
        How it was made; in the result's attributes as well.
    """

    target: Path
    blocks: int
    finished_before: int
    failed: Mapping[str, str]
    notes: tuple[Note, ...]
    record: RunRecord

    @property
    def recipe(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return self.record.to_dict()


@dataclass(eq=False)
class State:
    """Failures and clipped or hidden pixels of the blocks so far."""

    failed: dict[int, str] = field(default_factory=dict)
    clipped: int = 0
    notes: list[Note] = field(default_factory=list)


def record_of(order: Order, job: Job, seconds: float) -> RunRecord:
    """Describe how the result was made."""
    records = [part.record for part in job.parts]
    record = records[0] if records[0].channel is None else RunRecord.of_channels(records)
    return replace(
        record.with_psf(order.psf_record),
        axes=job.axes,
        blocks={"core": list(job.core), "halo": list(job.halo), "count": job.total},
        seconds=round(seconds, 3),
        source=str(order.source.picture.path),
    )


def keep(target: Path, record: RunRecord, order: Order) -> None:
    """Keep a record, and what was asked for, in the attributes of an OME-Zarr."""
    import zarr

    group = zarr.open_group(str(target), mode="r+")
    group.attrs["napari_deconv"] = _plain(record.to_dict() | {"request": order.request})


def finished(order: Order) -> Outcome | None:
    """Return the outcome of the same request, if that was finished before, or None."""
    recipe = kept(order.target)
    if recipe.pop("request", None) != _plain(order.request):
        return None
    record = RunRecord.from_dict(recipe, str(order.target))
    blocks = int(recipe.get("blocks", {}).get("count", 0))
    note = Note("finished", f"{order.target} was finished already; nothing was done.")
    return Outcome(order.target, blocks, blocks, {}, (note,), record)


def kept(target: Path) -> dict[str, Any]:
    """The recipe in the attributes of an OME-Zarr; empty if it has none."""
    import zarr

    try:
        recipe: Any = zarr.open_group(str(target), mode="r").attrs.get("napari_deconv")
    except Exception:  # nothing, a file, or no Zarr: not ours
        return {}
    return dict(recipe) if isinstance(recipe, Mapping) else {}


def _plain(value: Any) -> Any:
    return json.loads(dumps(value))


def clear(target: Path, overwrite: bool) -> None:
    """Raise if something lies where the result goes, or remove it where that was asked for.

    Raises
    ------
    DeconvError
        If it was not asked for, or what lies there is no Zarr.
    """
    if not (target.exists() or target.is_symlink()):
        return
    remedy = "Give another name, or --overwrite if it may be lost."
    if not overwrite:
        raise DeconvError(f"{target} exists already.", remedy)
    if target.is_symlink() or not is_zarr(target):
        raise DeconvError(f"{target} is not a Zarr, so it is not removed.", "Give another name.")
    shutil.rmtree(target)


def notes_of(state: State, order: Order) -> tuple[Note, ...]:
    """List what the person should know about a finished run."""
    notes = tuple(dict.fromkeys(state.notes))
    array = order.source.array
    if not state.clipped:
        return notes
    return (*notes, clipping(state.clipped, math.prod(array.shape), array.dtype))
