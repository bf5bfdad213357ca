"""The one place where arrays meet methods: axes, scale, tiles, devices and errors."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ..core.device import choose_device, default_budget, is_out_of_memory
from ..core.errors import DeconvError
from ..core.fingerprint import array_hash
from ..core.precision import choose_precision
from ..core.progress import Result, Step, Stream, drain
from ..core.record import Note
from ..core.words import in_words
from ..signal.jpeg import Tables
from ..signal.noise_law import NoiseLaw
from .axes import parse_axes
from .incoming import as_array, unit_psf
from .intensity import Block, Intensity, survey
from .options import Options
from .problem import Solver
from .readings import read_typical
from .run import Run
from .unseen import Unseen, with_mask

__all__ = ["Result", "Step", "Stream", "check_psf", "drain", "prepare", "relative", "stream"]

log = logging.getLogger("napari_deconv")


def stream(
    method: Solver,
    image: Any,
    psf: NDArray[Any],
    **options: Unpack[Options],
) -> Stream:
    """Restore an image step by step.

    Parameters
    ----------
    method : Method
        A configured method.
    image : array_like
        Real numpy, dask or zarr array; lazy arrays are read block by block.
    psf : ndarray
        2-D (planes) or 3-D (volumes), non-negative; it is normalised to unit sum.
    options
        Axes, noise, voxel size, device, memory budget and cancel flag; see `core.options.Options`.

    Yields
    ------
    Step
        After every estimate of every tile.

    Returns
    -------
    Result

    Raises
    ------
    DeconvError
        On bad input or a failed run (`Cancelled` when stopped).
    """
    with translated(method):
        image, options = with_mask(image, options)
        run, block = prepare(method, image, psf, **options)
        yield from run.settle(block)
        return (yield from run.stream())


@contextmanager
def translated(method: Solver) -> Iterator[None]:
    """Whatever goes wrong within becomes a `DeconvError` in words."""
    try:
        yield
    except DeconvError:
        raise
    except Exception as error:
        log.debug("%s failed", method.title, exc_info=True)
        if is_out_of_memory(error):
            raise DeconvError(
                "Memory ran out, even with the smallest tiles.",
                "Close other programs, choose device='cpu', or crop image or PSF.",
            ) from error
        raise in_words(error, f"{method.title} failed", "The log has the details.") from error


def check_psf(psf: Any, method: Solver) -> NDArray[np.float32]:
    """The PSF as float32 of unit sum, or a `DeconvError` saying what is wrong with it."""
    array = unit_psf(psf)
    if array.ndim not in method.ndim:
        dimensions = " and ".join(f"{n}-D" for n in method.ndim)
        raise DeconvError(
            f"{method.title} works in {dimensions}, but the PSF is {array.ndim}-D.",
            f"Give a {method.ndim[0]}-D PSF.",
        )
    return array.astype(np.float32)


def prepare(
    method: Solver,
    image: Any,
    psf: Any,
    *,
    axes: str | None = None,
    noise: float | NoiseLaw | None = None,
    tables: Tables = (),
    spacing: Sequence[float] | None = None,
    device: str = "auto",
    precision: str = "auto",
    memory_bytes: int | None = None,
    cancel: threading.Event | None = None,
    unseen: Any = None,
    nan: str = "refuse",
    keep_float: bool = False,
    fixed: tuple[tuple[str, int], ...] = (),
) -> tuple[Run, Block]:
    """A run that is ready to start, and a block of the image for `Run.settle`.

    Parameters are those of `stream`, and ``fixed`` of `Layout`.
    """
    if not isinstance(getattr(image, "dtype", None), np.dtype):
        image = as_array("The image", image)
    kernel = check_psf(psf, method)
    layout = replace(parse_axes(tuple(image.shape), axes, kernel.ndim), fixed=fixed)
    hidden = Unseen.of(image, layout, unseen, nan)
    given = noise if noise is None or isinstance(noise, NoiseLaw) else _given(noise)
    reading, block = read_typical(image, layout, hidden, given, tables)
    # Of one item it says all; of several a frame that is not typical may be darker.
    intensity = reading.intensity if layout.count == 1 else survey(image, layout, hidden)[0]
    where = choose_device(device)
    layers, instead = choose_precision(precision, where)
    budget = default_budget(where) if memory_bytes is None else int(memory_bytes)
    run = Run(
        method=method,
        image=image,
        psf=kernel,
        fingerprint=array_hash(psf),
        layout=layout,
        reading=reading,
        noise=given,
        tables=tables,
        unseen=hidden,
        spacing=relative(spacing, kernel.ndim),
        device=where,
        budget=budget,
        precision=layers,
        keep_float=keep_float,
        cancel=cancel,
        notes=[
            *_negative(method, intensity),
            *([Note("precision", instead)] if instead and method.features else []),
        ],
    )
    return run, block


def relative(spacing: Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    """Voxel sizes relative to the smallest; empty where they are equal or not given.

    Raises
    ------
    DeconvError
        If they are not ``ndim`` positive numbers.
    """
    if spacing is None:
        return ()
    try:
        sizes = tuple(float(size) for size in spacing)
    except (TypeError, ValueError):
        sizes = ()
    if len(sizes) != ndim or not all(size > 0 and math.isfinite(size) for size in sizes):
        names = ", ".join("zyx"[-ndim:])
        raise DeconvError(
            f"spacing = {spacing!r} is not a voxel size of a {ndim}-D PSF's axes.",
            f"Give {ndim} positive numbers, for {names}.",
        )
    least = min(sizes)
    return () if len(set(sizes)) == 1 else tuple(size / least for size in sizes)


def _negative(method: Solver, intensity: Intensity) -> list[Note]:
    """Remark on pixels below 0, where the method takes them as 0."""
    if not method.non_negative or intensity.low >= 0:
        return []
    reaches = f"The image goes down to {intensity.low:.3g}"
    if intensity.high <= 0:
        raise DeconvError(
            f"{reaches} and nowhere above 0, where {method.title} sees light.",
            "Add an offset, or choose another method.",
        )
    text = f"{reaches}; {method.title} takes what is below 0 as 0. Add an offset to keep it."
    return [Note("negative", text)]


def _given(noise: Any) -> float:
    try:
        sigma = float(noise)
    except (TypeError, ValueError):
        sigma = math.nan
    if not (sigma >= 0 and math.isfinite(sigma)):
        raise DeconvError(f"noise = {noise!r} is not a standard deviation.", "Give 0 or more.")
    return sigma
