"""Synthetic data sets: degraded images, their truth and PSF, and a recipe that makes them again."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import io
from ..core.checks import field
from ..core.errors import DeconvError
from ..core.json_text import read_object
from ..core.paths import check_plain_name, is_folder, resolved
from ..core.progress import Step
from ..core.spec import dumps
from ..io.picture import guess_axes
from .sampling import Sampler, Scene
from .sources import listed, unit_scale
from .staging import staged

FORMAT = "napari-deconv pairs 1"


@dataclass(frozen=True)
class Summary:
    """What became of a data set.

    Parameters
    ----------
    path : Path
        Its folder, with ``degraded``, ``truth``, ``psf`` and ``recipe.json``.
    written : int
        Pairs in it.
    skipped : tuple of str
        Every source that could not be used, with the reason.
    differing : tuple of str
        Pairs that came out other than the recipe says, which another version of numpy, SciPy or
        the JPEG library can cause.
    """

    path: Path
    written: int
    skipped: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


@dataclass
class _Job:
    """The pairs to make, one recipe entry each, and where their sources lie."""

    folder: Path
    arrays: Mapping[str, NDArray[Any]]
    recipe: dict[str, Any]
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    differing: list[str] = dataclasses.field(default_factory=list)


Making = Generator[Step, None, Summary]


def generate(
    sampler: Sampler,
    sources: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    count: int,
    seed: int = 0,
    gray: bool = False,
    axes: str | None = None,
) -> Making:
    """Make a data set of random degradations, one pair at a time.

    Every image is taken to float32 on the unit scale first (integers divided by their type's
    maximum), so that one noise range means the same for all and noise is not clipped by a type.
    Pair ``i`` uses source ``i`` modulo their number and the scene that the sampler draws from
    ``default_rng([seed, i])``. The folder appears when all is written; closing the generator
    leaves nothing behind.

    Parameters
    ----------
    sampler : Sampler
        PSF families and cameras.
    sources : str or Path or mapping of str to array_like
        A folder, whose image files (`io.SUFFIXES`) are used in sorted order, or named arrays,
        which are saved along as ``source``.
    out : str or Path
        Folder to make; it must not exist yet, or be empty.
    count : int
        Number of pairs.
    seed : int
        Equal seeds give equal data sets, bit for bit.
    gray : bool
        Take colour to gray, .299 R + .587 G + .114 B, first.
    axes : str, optional
        Axes of the arrays; files know their own.

    Yields
    ------
    Step
        After every pair.

    Returns
    -------
    Summary

    Raises
    ------
    DeconvError
        If there is no usable source, ``out`` is taken or cannot be written.
    """
    if count < 1 or seed < 0:
        raise DeconvError(f"count = {count}, seed = {seed} is out of bounds.", "Use 1 and 0 up.")
    folder, arrays, names = listed(sources)
    pairs = []
    for i in range(count):
        scene = sampler.draw(np.random.default_rng([seed, i]))
        source = names[i % len(names)]
        name = f"{i:05d}_{Path(source).stem}"
        pairs.append({"name": name, "source": source, "axes": axes, "scene": scene.to_dict()})
    recipe = {
        "format": FORMAT,
        "gray": gray,
        "seed": seed,
        "sampler": sampler.to_dict(),
        "sources": str(folder),
        "pairs": pairs,
    }
    return (yield from _make(_Job(folder, arrays, recipe), Path(out)))


def regenerate(recipe: str | Path, out: str | Path, *, sources: str | Path | None = None) -> Making:
    """Make a data set again from its ``recipe.json``, bit for bit.

    Parameters
    ----------
    recipe : str or Path
        The file.
    out : str or Path
        Folder to make; it must not exist yet, or be empty.
    sources : str or Path, optional
        Folder of the source images; by default where the recipe says they were.

    Yields
    ------
    Step
        After every pair.

    Returns
    -------
    Summary
        ``differing`` names pairs that are not what they were.

    Raises
    ------
    DeconvError
        As `generate`, or if the recipe cannot be read.
    """
    path = Path(recipe)
    header = _read_recipe(path)
    # Sources that were saved along lie beside the recipe; a folder's path is absolute.
    folder = Path(sources) if sources else resolved(path).parent / header["sources"]
    if not is_folder(folder):
        raise DeconvError(f"The folder of sources {folder} does not exist.", "Give sources=.")
    header = header | {"sources": str(resolved(folder))}
    return (yield from _make(_Job(folder, {}, header), Path(out)))


def _make(job: _Job, out: Path) -> Making:
    pairs = job.recipe["pairs"]
    with staged(out) as stage:
        for name, array in job.arrays.items():
            (stage / "source").mkdir(exist_ok=True)
            io.write(stage / "source" / name, array, axes=pairs[0]["axes"])
        for folder in ("degraded", "truth", "psf"):
            (stage / folder).mkdir()
        entries = []
        for done, entry in enumerate(pairs, 1):
            entries += _pair(job, entry, stage)
            yield Step(done, len(pairs), entry["name"])
        if not entries:
            reasons = "; ".join(list(job.skipped.values())[:3])
            raise DeconvError(f"No pair could be made: {reasons}", "Give other images.")
        recipe = job.recipe | {"pairs": entries, "made_with": _versions()}
        (stage / "recipe.json").write_text(dumps(recipe) + "\n", encoding="utf-8")
    skipped = tuple(f"{name}: {reason}" for name, reason in job.skipped.items())
    return Summary(out, len(entries), skipped, tuple(job.differing))


def _pair(job: _Job, entry: dict[str, Any], stage: Path) -> list[dict[str, Any]]:
    """Write one pair; its recipe entry, or none if its source is of no use."""
    scene = Scene.from_dict(entry["scene"])
    try:
        picture = _source(job, entry)
        sharp = unit_scale(picture, job.recipe["gray"])
        degraded, truth = scene(sharp.data, axes=sharp.axes)
    except DeconvError as error:
        job.skipped.setdefault(entry["source"], str(error))
        return []
    hashes = {"source_sha256": _sha256(sharp.data), "degraded_sha256": _sha256(degraded)}
    if any(entry.get(key, value) != value for key, value in hashes.items()):
        job.differing.append(entry["name"])
    kernel = scene.psf()

    def at(kind: str) -> Path:
        # Opened together, files of one name could not be told apart.
        return stage / kind / f"{entry['name']}_{kind}.tif"

    io.write(at("degraded"), degraded, like=sharp, recipe=entry["scene"])
    io.write(at("truth"), truth, like=sharp, recipe={"truth": True})
    io.write(at("psf"), kernel, axes="ZYX"[-kernel.ndim :], recipe=scene.psf.to_dict())
    return [entry | {"axes": picture.axes} | hashes]


def _source(job: _Job, entry: dict[str, Any]) -> io.Picture:
    name, axes = entry["source"], entry.get("axes")
    if name not in job.arrays:
        return io.read(job.folder / name, axes=axes)
    array = job.arrays[name]
    return io.Picture(data=array, axes=axes or guess_axes(array.shape))


def _read_recipe(path: Path) -> dict[str, Any]:
    try:
        recipe = read_object(path)
        for key, hint in _FIELDS.items():
            field("The recipe", recipe, key, hint)
        for entry in recipe["pairs"]:
            for key in ("name", "source"):
                check_plain_name(key, field("A pair", entry, key, str))
            field("A pair", entry, "axes", str, None)
            for key in ("source_sha256", "degraded_sha256"):
                field("A pair", entry, key, str, "")
            Scene.from_dict(field("A pair", entry, "scene", dict))
    except DeconvError as error:
        raise DeconvError(
            f"{path} is not a recipe of a data set: {error.what}",
            "Give the recipe.json of a data set.",
        ) from error
    return recipe


_FIELDS: Mapping[str, Any] = {
    "format": Literal["napari-deconv pairs 1"],
    "gray": bool,
    "sources": str,
    "pairs": tuple[dict[str, Any], ...],
}


def _sha256(array: NDArray[np.float32]) -> str:
    digest = hashlib.sha256(repr(array.shape).encode())
    digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "scipy", "pillow", "tifffile")}
