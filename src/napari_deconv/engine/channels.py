"""Channels with PSFs of their own: one run after the other, as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from ..core.errors import DeconvError
from ..core.progress import Result, Stream, placed
from ..core.record import Note, RunRecord
from .axes import parse_axes
from .blending import blended, middle
from .depths import DepthPSF
from .incoming import as_array
from .intensity import result_dtype
from .options import Options
from .problem import Solver
from .regions import RegionPSF
from .streaming import prepare, translated
from .unseen import with_mask


def stream_channels(
    method: Solver, image: Any, psfs: Mapping[int, Any], **options: Unpack[Options]
) -> Stream:
    """`engine.stream` with a PSF for every channel.

    Noise, intensities and what a method chooses for itself are found for each channel by itself.

    Parameters
    ----------
    method, image, options
        As in `engine.stream`; ``axes`` has a ``C`` among them.
    psfs : mapping of int to ndarray or DepthPSF
        Position on the axis ``C`` -> PSF. Channels that are missing are left as they are.

    Yields
    ------
    Step
        Progress of the whole.

    Returns
    -------
    Result
        Its recipe has a list ``channels``.

    Raises
    ------
    DeconvError
        If there is no channel axis or no such channel, and as `engine.stream`.
    """
    if not isinstance(getattr(image, "dtype", None), np.dtype):
        image = as_array("The image", image)
    image, options = with_mask(image, options)
    axes = options.get("axes")
    check_channels(tuple(image.shape), axes, psfs)
    out = np.empty(tuple(image.shape), result_dtype(image.dtype, options.get("keep_float", False)))
    records, notes = [], _untouched(image, out, axes or "", psfs)
    for number, (channel, psf) in enumerate(sorted(psfs.items())):
        with translated(method):
            where, deep = f"channel {channel}", isinstance(psf, DepthPSF | RegionPSF)
            kernel, fixed = middle(psf) if deep else psf, (("C", channel),)
            run, block = prepare(method, image, kernel, fixed=fixed, **options)
            run.out = out
            yield from placed(run.settle(block), number, len(psfs), where)
            steps = blended(run, psf) if deep else run.stream()
            result = yield from placed(steps, number, len(psfs), where)
        records.append(replace(result.record, channel=channel))
        notes += [replace(note, text=f"Channel {channel}: {note}") for note in result.notes]
    return Result(out, RunRecord.of_channels(records), tuple(notes))


def each_channel(shape: tuple[int, ...], axes: str | None, psf: Any) -> dict[int, Any] | None:
    """The one PSF for every channel of an image; None where it has no axis of channels."""
    if axes is None:
        return None
    layout = parse_axes(shape, axes, np.ndim(psf))
    return dict.fromkeys(range(layout.channels), psf) if layout.channels > 1 else None


def check_channels(shape: tuple[int, ...], axes: str | None, psfs: Mapping[int, Any]) -> None:
    """Raise unless every PSF has a channel; PSFs must agree in their number of axes."""
    if not psfs:
        raise DeconvError("There is no PSF.", "Give one for each channel.")
    dims = {np.ndim(psf) for psf in psfs.values()}
    if len(dims) > 1:
        raise DeconvError("Some PSFs are 2-D and others 3-D.", "Give all channels the same kind.")
    layout = parse_axes(shape, axes, dims.pop())
    if axes is None or "C" not in layout.axes:
        raise DeconvError(
            f"There are {len(psfs)} PSFs, but no channel axis in {axes!r}.",
            "Name it in axes, as in 'CZYX', or give one PSF.",
        )
    count = shape[layout.axes.index("C")]
    for channel in psfs:
        if channel not in range(count):
            raise DeconvError(
                f"There is a PSF for channel {channel}, but the image has {count}, from 0.",
                "Give one PSF per channel.",
            )


def _untouched(image: Any, out: Any, axes: str, psfs: Mapping[int, Any]) -> list[Note]:
    """Copy the channels that have no PSF, and say so."""
    axis = axes.upper().index("C")
    rest = [c for c in range(out.shape[axis]) if c not in psfs]
    for channel in rest:
        where = (slice(None),) * axis + (channel,)
        out[where] = np.asarray(image[where])
    text = "Channel {} has no PSF and was left as it was."
    return [Note("channel", text.format(channel)) for channel in rest]
