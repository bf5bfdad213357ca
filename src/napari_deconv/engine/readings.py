"""What is read from an item of an image (a channel, a frame, a plane) before it is restored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..core.errors import DeconvError
from ..core.json_text import Json
from ..signal.jpeg import Tables
from ..signal.noise_law import NoiseLaw
from ..signal.noise_reading import NoiseReading, read_noise
from .axes import Layout, parse_axes
from .intensity import Block, Intensity, survey
from .unseen import Unseen, with_mask

_MOST_LOOKED_AT, _MOST_LAZY = 9, 3
_MOST_LISTED = 64


@dataclass(frozen=True, eq=False)
class Reading:
    """Intensities and noise of an item.

    Parameters
    ----------
    intensity : Intensity
        Range and moments.
    noise : NoiseReading
        Colour by colour.
    """

    intensity: Intensity
    noise: NoiseReading


def read_item(
    image: Any,
    layout: Layout,
    unseen: Unseen,
    noise: float | NoiseLaw | None,
    tables: Tables = (),
) -> tuple[Reading, Block]:
    """Read an image of one item, and the block that its noise was read from.

    Parameters
    ----------
    image, layout, unseen
        As for `survey`; of a lazy image only samples are computed.
    noise : float, NoiseLaw or None
        What a person said of it; None to read it.
    tables : tuple of ndarray
        Of the JPEG file that the image came from.
    """
    intensity, block = survey(image, layout, unseen)
    return _reading(intensity, block, noise, tables), block


def _reading(
    intensity: Intensity, block: Block, noise: float | NoiseLaw | None, tables: Tables
) -> Reading:
    count = len(block.pixels)
    if noise is not None:
        return Reading(intensity, NoiseReading.given(noise, (intensity.mean,) * count))
    reading = read_noise(block.pixels, block.hidden, tables)
    if count == 1 and reading.law is not None:
        # The block may be a part of the item.
        reading = replace(reading, levels=(reading.law.rms(intensity.mean),))
    return Reading(intensity, reading)


def read_typical(
    image: Any,
    layout: Layout,
    unseen: Unseen,
    noise: float | NoiseLaw | None,
    tables: Tables = (),
) -> tuple[Reading, Block]:
    """The reading of a typical item of an image, and its block.

    Of up to nine items that are spread over the image, it is the one with the median contrast: so
    neither a frame that is dark nor one that is brighter than all others speaks for the rest.
    """
    spread = _spread(layout.count, isinstance(image, np.ndarray))
    readings, failure = [], None
    for number in spread:
        try:
            readings.append((number, survey(image, layout.at(layout.item(number)), unseen)))
        except DeconvError as error:  # a constant frame, or one that nobody saw
            failure = error
    if not readings:
        assert failure is not None
        raise failure
    readings.sort(key=lambda pair: pair[1][0].std)
    number, (intensity, block) = readings[len(readings) // 2]
    return _reading(intensity, block, noise, tables), block


def _spread(count: int, in_memory: bool) -> list[int]:
    most = min(count, _MOST_LOOKED_AT if in_memory else _MOST_LAZY)
    return [int(n) for n in np.unique(np.linspace(0, count - 1, most).round())]


def as_dict(reading: Reading) -> dict[str, Any]:
    """JSON-able; `from_dict` is its inverse."""
    intensity = asdict(reading.intensity) | {"dtype": reading.intensity.dtype.str}
    return {"intensity": intensity, "noise": asdict(reading.noise)}


def from_dict(data: dict[str, Any]) -> Reading:
    """A reading out of what `as_dict` made of it."""
    intensity, noise = data["intensity"], data["noise"]
    laws = tuple(law and NoiseLaw(**law) for law in noise["laws"])
    return Reading(
        Intensity(**intensity | {"dtype": np.dtype(intensity["dtype"])}),
        NoiseReading(tuple(noise["levels"]), laws, noise["origin"]),
    )


def image_noise(image: Any, axes: str | None = None, tables: Tables = ()) -> NoiseReading:
    """The noise that the engine reads from an image when none is given: a typical item's.

    Parameters
    ----------
    image : array_like
        numpy, dask or zarr; a lazy one is only computed where it is sampled.
    axes : str, optional
        One letter per axis. With a ``Z`` volumes are read, otherwise planes.
    tables : tuple of ndarray
        Of the JPEG file that the image came from.

    Raises
    ------
    DeconvError
        If the image is not real, empty, constant or not finite.
    """
    image, options = with_mask(image, {})
    layout = _layout(image, axes)
    unseen = Unseen.of(image, layout, options.get("unseen"), "unseen")
    return read_typical(image, layout, unseen, None, tables)[0].noise


def channel_noise(
    image: Any, axes: str | None = None, tables: Tables = ()
) -> tuple[NoiseReading, ...]:
    """The noise that the engine takes for each channel, which is restored by itself.

    An image without an axis ``C`` has one. Parameters and errors are those of `image_noise`; a
    channel that is constant or nowhere observed has the reading of a typical one.
    """
    typical = image_noise(image, axes, tables)
    image, options = with_mask(image, {})
    layout = _layout(image, axes)
    unseen = Unseen.of(image, layout, options.get("unseen"), "unseen")
    readings = []
    for channel in range(layout.channels):
        reading = typical
        if layout.channels > 1:
            with suppress(DeconvError):
                single = replace(layout, fixed=(("C", channel),))
                reading = read_typical(image, single, unseen, None, tables)[0].noise
        readings.append(reading)
    return tuple(readings)


def _layout(image: Any, axes: str | None) -> Layout:
    return parse_axes(tuple(image.shape), axes, 3 if axes is not None and "Z" in axes else 2)


def summary(readings: Sequence[Reading]) -> dict[str, Json]:
    """Noise and scale of every item, for a recipe; of very many, their least, median and most."""
    listed: dict[str, Json] = {"count": len(readings)}
    for name, values in (
        ("noise", [each.noise.level for each in readings]),
        ("scale", [each.intensity.scale for each in readings]),
    ):
        if len(values) > _MOST_LISTED:
            values = np.quantile(values, [0, 0.5, 1]).tolist()
        listed[name] = [float(f"{value:.6g}") for value in values]
    return listed
