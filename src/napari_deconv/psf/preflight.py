"""Look a PSF over before it is used: findings in plain words, and their repair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from ..core.checks import checked
from ..core.errors import DeconvError
from . import findings as check
from . import mending
from .base import PSF
from .findings import Finding
from .grid import Array

_ROUNDS = 8
_ANOTHER = "Give another PSF or a larger image."


def inspect(
    psf: NDArray[Any],
    image_shape: Sequence[int] | None = None,
    pixel_size: Sequence[float] | None = None,
    image_pixel_size: Sequence[float] | None = None,
) -> tuple[Finding, ...]:
    """What is wrong with a PSF, worst first.

    Parameters
    ----------
    psf : ndarray
        The PSF, ``(Y, X)`` or ``(Z, Y, X)``.
    image_shape : sequence of int, optional
        Shape of the image's spatial axes (no colour axis); only the last ``psf.ndim`` count.
    pixel_size, image_pixel_size : sequence of float, optional
        Voxel size of PSF and image per axis, in one unit; compared where both are given.

    Returns
    -------
    tuple of Finding
        Empty if all is well. A fatal finding comes alone.

    Raises
    ------
    DeconvError
        If a pixel size is not positive or has too few values.
    """
    array = np.asarray(psf)
    fault = check.fault(array, image_shape)
    if fault is not None and fault.fatal:
        return (fault,)
    values = array.astype(np.float64)
    peak = float(np.abs(values).max())
    if peak > _HUGE:
        values /= peak  # sums of such values are infinite
    room = _room(array.ndim, image_shape)
    sizes = check.voxel_sizes(array.ndim, pixel_size, image_pixel_size)
    findings = (
        fault,
        check.voxel_size(sizes),
        check.background(values),
        check.even(values),
        check.off_centre(values),
        check.larger(values, room),
        check.cut(values, room),
        check.flat(values),
        check.delta(values),
        check.unit_sum(values),
    )
    return tuple(replace(f, room=room) for f in findings if f is not None)


_HUGE = 1e100


def _room(ndim: int, image_shape: Sequence[int] | None) -> tuple[int, ...]:
    """The image's shape along the axes of the PSF; empty where it is not known."""
    if image_shape is None:
        return ()
    hint = tuple[Annotated[int, Ge(1)], ...]
    shape: tuple[int, ...] = checked("image_shape", image_shape, hint)
    return shape[-ndim:]


def of_generator(
    findings: Iterable[Finding], spec: PSF, pixel_size_um: Sequence[float] | None
) -> tuple[Finding, ...]:
    """The findings of a PSF just made by a generator, as far as they are news.

    Parameters
    ----------
    findings : iterable of Finding
        What `inspect` found.
    spec : PSF
        The generator. That one of a microscope never quite ends, which a small array takes for a
        background, and is centred on its brightest plane, is its nature.
    pixel_size_um : sequence of float or None
        Voxel size in micrometres, for what the generator has to say of it.

    Returns
    -------
    tuple of Finding
        Those that stay, and the generator's own.
    """
    left = tuple(f for f in findings if f.code not in spec.nature)
    sized = spec.calibrated and pixel_size_um is not None
    return left + (spec.findings(tuple(pixel_size_um or ())) if sized else ())


def repair(
    psf: NDArray[Any],
    findings: Iterable[Finding] | None = None,
    *,
    image_shape: Sequence[int] | None = None,
    pixel_size: Sequence[float] | None = None,
    image_pixel_size: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Mend what `inspect` found: afterwards it finds nothing repairable any more.

    Negative values become 0, a background is subtracted, even sizes are padded to odd ones, the
    centre of mass is moved to the middle, a border that cuts energy is faded out, what is larger
    than the image is cropped, another voxel size is resampled; at the end the sum is 1.

    Parameters
    ----------
    psf : ndarray
        The PSF; it is not modified.
    findings : iterable of Finding, optional
        What to mend; by default all that `inspect` finds. Findings left out stay.
    image_shape, pixel_size, image_pixel_size : optional
        As for `inspect`; only needed where ``findings`` is not given.

    Returns
    -------
    ndarray
        float32 of unit sum.

    Raises
    ------
    DeconvError
        If a finding is fatal, or an image of very few pixels leaves no room for a repair.
    """
    every = inspect(psf, image_shape, pixel_size, image_pixel_size)
    chosen = every if findings is None else tuple(findings)
    for finding in (*every, *chosen):
        if finding.fatal:
            raise DeconvError(finding.message, finding.remedy)
    left = {f.code for f in every} - {f.code for f in chosen}
    room = next((f.room for f in chosen if f.room), every[0].room if every else ())
    array = _unit(np.asarray(psf).astype(np.float64))
    for _ in range(_ROUNDS):
        todo = {f.code: f for f in chosen if f.repairable and f.code not in left}
        if not todo:
            return array.astype(np.float32)
        for code in (c for c in _REPAIRS if c in todo):
            array = _unit(_REPAIRS[code](array, replace(todo[code], room=room)))
        chosen = inspect(array, room or None)
    raise DeconvError(f"The PSF cannot be repaired: {next(iter(todo.values()))}", _ANOTHER)


_REPAIRS: dict[str, Callable[[Array, Finding], Array]] = {
    "bool": lambda psf, _: psf,
    "negative": lambda psf, _: psf.clip(0),
    "background": lambda psf, _: mending.without_background(psf.clip(0)),
    "voxel-size": lambda psf, finding: mending.resample(psf.clip(0), finding.zoom),
    "even": lambda psf, _: mending.recentre(psf),
    "off-centre": lambda psf, _: mending.recentre(psf),
    "larger": lambda psf, finding: mending.crop(psf, finding.room),
    "cut": lambda psf, finding: mending.fade(psf, finding.room),
    "sum": lambda psf, _: psf,
}
"""How each finding is mended, in the order in which that is done."""


def _unit(psf: Array) -> Array:
    scaled = psf / (np.abs(psf).max() or 1.0)
    total = scaled.sum()
    if not total > 0:
        raise DeconvError("The repair would leave nothing of the PSF.", _ANOTHER)
    return np.asarray(scaled / total)
