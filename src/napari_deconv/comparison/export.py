"""A comparison in a folder: table, figure, results, and the recipe that replays it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import DeconvError
from ..core.paths import make_folder
from ..core.spec import dumps
from ..io import Guard, Picture, check_target, write
from ..io.atomic import replacing
from . import figure
from .material import Material
from .run import Outcome, Row
from .table import MARK as TABLE_MARK
from .table import as_csv

RECIPE = "comparison.json"


def export(
    outcome: Outcome,
    material: Material,
    folder: Path,
    *,
    name: str = "Image",
    at: Iterable[int] = (),
    like: Picture | None = None,
    inputs: bool = True,
    guard: Guard | None = None,
) -> tuple[str, ...]:
    """Write ``table.csv``, ``figure.png`` and ``.svg``, every result, and ``comparison.json``.

    Parameters
    ----------
    outcome, material : Outcome, Material
        What was compared, and on what.
    folder : Path
        Made if it is not there.
    name : str
        What to call the image in the figure.
    at : iterable of int
        Position of the plane that the figure shows.
    like : Picture, optional
        Where pixel sizes and other metadata of the results come from.
    inputs : bool
        Whether to write image, PSF, truth and repeat, too: the recipe then stands by itself.
    guard : Guard, optional
        What may not be replaced; by default all that no comparison has written.

    Returns
    -------
    tuple of str
        What was left out and why.

    Raises
    ------
    DeconvError
        If the folder or a file cannot be written.
    """
    try:
        make_folder(folder)
    except OSError as error:
        raise DeconvError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Choose another."
        ) from error
    guard = guard or Guard()
    check_folder(folder, guard)
    _text(folder / "table.csv", as_csv(outcome.table))
    picture = like or pictured(material)
    for row in outcome.rows:
        if row.data is not None:
            recipe = row.record.to_dict() if row.record else None
            write(folder / file_name(row), row.data, picture, recipe, material.axes, guard)
    comparison = outcome.comparison
    if inputs:
        comparison = replace(comparison, **_inputs(folder, material, picture, guard))
    data = {"figures": [_as_json(row) for row in outcome.table], "notes": list(outcome.notes)}
    _text(folder / RECIPE, dumps(comparison.to_dict() | data) + "\n")
    paths = [folder / "figure.png", folder / "figure.svg"]
    return _tried(lambda: figure.draw(outcome, material, paths, tuple(at), name))


def check_folder(folder: Path, guard: Guard) -> None:
    """Raise unless a comparison may be written into a folder; see `Guard.check`."""
    guard.check(folder / "table.csv", "", TABLE_MARK)
    for name in ("figure.png", "figure.svg"):
        guard.check(folder / name, "", figure.MARK)
    guard.check(folder / RECIPE, "comparison")
    for name in ("image.tif", "truth.tif", "repeat.tif", "psf.npy"):
        check_target(folder / name, "comparison", guard)


def file_name(row: Row) -> str:
    """``01-richardson-lucy-iterations-30.tif``."""
    plain = re.sub(r"[^a-z0-9.]+", "-", row.label.lower()).strip("-.")
    return f"{row.number + 1:02d}-{plain[:60]}.tif"


def pictured(material: Material) -> Picture:
    """The material's image with its pixel sizes, as files know them."""
    from ..io.picture import length

    size, unit = length(material.pixel_size, material.unit)
    calibrated = bool(material.pixel_size) and unit == "µm"
    spatial = material.layout.spatial
    sizes = material.spacing or (material.pixel_size,) * len(spatial)
    factor = size / material.pixel_size if calibrated else 1.0
    spacing = {a: s * factor for a, s in zip(spatial, sizes, strict=True)} if calibrated else {}
    data, axes = material.image, material.axes
    if set(axes) - set("TCZYXS"):
        raise DeconvError(
            f"The image's axes are {axes}; TIFF knows T, C, Z, Y and X.",
            "Name the layer's axes so before exporting.",
        )
    return Picture(data=data, axes=axes, pixel_size=spacing, units=dict.fromkeys(spacing, "µm"))


def _inputs(folder: Path, material: Material, picture: Picture, guard: Guard) -> dict[str, Any]:
    """Write the inputs; where they are, relative to the recipe."""
    inputs: dict[str, Any] = {}
    for key in ("image", "truth", "repeat"):
        array = getattr(material, key)
        if array is None or tuple(array.shape) != tuple(material.image.shape):
            inputs[key] = {}
            continue
        entry = {"comparison": key}
        write(folder / f"{key}.tif", np.asarray(array), picture, entry, material.axes, guard)
        inputs[key] = {"path": f"{key}.tif", "axes": material.axes}
    write(folder / "psf.npy", np.asarray(material.psf), recipe={"comparison": "psf"}, guard=guard)
    inputs["psf"] = {"file": "psf.npy"}
    return inputs


def _as_json(row: Row) -> dict[str, Any]:
    """A row as JSON, without what JSON has no word for."""
    plain = {k: v for k, v in row.figures.items() if np.isfinite(v)}
    return {"label": row.label, "error": row.error, "notes": list(row.notes), **plain}


def _tried(call: Callable[[], object]) -> tuple[str, ...]:
    try:
        call()
    except DeconvError as error:
        return (str(error),)
    return ()


def _text(path: Path, text: str) -> None:
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
