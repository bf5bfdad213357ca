"""What a block-wise run came to, and how it is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import DeconvError
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
    found : int
        How many of them an earlier run had finished.
    failed : mapping of str to str
        Where a block lies, and why it is missing: it holds 0, and running the same again tries it
        again.
    notes : tuple of str
        What the person should know.
    recipe : dict
        How it was made; in the result's attributes as well.
    """

    target: Path
    blocks: int
    found: int
    failed: Mapping[str, str]
    notes: tuple[str, ...]
    recipe: dict[str, Any]


@dataclass(eq=False)
class State:
    """What happened so far."""

    failed: dict[int, str] = field(default_factory=dict)
    clipped: int = 0
    notes: list[str] = field(default_factory=list)


def recipe_of(order: Order, job: Job, seconds: float) -> dict[str, Any]:
    """How the result was made, JSON-able."""
    from .. import __version__

    first, *others = job.parts
    about: dict[str, Any] = {
        "method": order.method.to_dict(),
        **first.recipe,
        "axes": job.axes,
        "noise_estimated": order.options.get("noise") is None,
        "blocks": {"core": list(job.core), "halo": list(job.halo), "count": job.total},
        "seconds": round(seconds, 3),
        "source": str(order.source.picture.path),
        "versions": {"napari-deconv": __version__},
    }
    if others or first.channel is not None:
        about["channels"] = [{"channel": part.channel, **part.recipe} for part in job.parts]
    return about


def record(target: Path, recipe: dict[str, Any], order: Order) -> None:
    """Keep a recipe, and what was asked for, in the attributes of an OME-Zarr."""
    import zarr

    group = zarr.open_group(str(target), mode="r+")
    group.attrs["napari_deconv"] = _plain(recipe | {"request": order.request})


def finished(order: Order) -> Outcome | None:
    """What came of the same request, if that was finished; None if it was not."""
    recipe = _recorded(order.target)
    if recipe.pop("request", None) != _plain(order.request):
        return None
    blocks = int(recipe.get("blocks", {}).get("count", 0))
    words = f"{order.target} was finished already; nothing was done."
    return Outcome(order.target, blocks, blocks, {}, (words,), recipe)


def _recorded(target: Path) -> dict[str, Any]:
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


def remarks(state: State, order: Order) -> list[str]:
    """What the person should know of a finished run."""
    notes = list(dict.fromkeys(state.notes))
    if state.clipped:
        notes.append(
            f"{state.clipped} pixels lay outside the range of {order.source.array.dtype} and were "
            "clipped."
        )
    return notes
