"""File > Open Sample: the samples as napari layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import samples
from ..samples import Sample

LayerData = tuple[Any, dict[str, Any], str]

_LABELS = {"Z": "z", "Y": "y", "X": "x"}


def photo() -> list[LayerData]:
    """A colour photo with truth, blurred by camera shake."""
    return layers(samples.photo())


def clock() -> list[LayerData]:
    """A really motion-blurred photo, with a guessed PSF."""
    # napari fits the view to the first layer: beneath the photo, that would be the tiny PSF.
    return layers(samples.clock())[::-1]


def cell() -> list[LayerData]:
    """A plane of a cell."""
    return layers(samples.cell())


def stack() -> list[LayerData]:
    """A generated 3-D stack with truth and PSF."""
    return layers(samples.stack())


def layers(sample: Sample) -> list[LayerData]:
    """Truth, PSF and image of a sample as napari layer data, the image last: on top.

    Parameters
    ----------
    sample : Sample
        What to show.

    Returns
    -------
    list of tuple
        ``(data, options, "image")`` each. All share axis labels and units, because napari drops
        units altogether where layers mix them with pixels; truth and image share contrast limits.
    """
    rgb = sample.axes.endswith("S")
    spatial = sample.axes.removesuffix("S")
    common: dict[str, Any] = {"axis_labels": tuple(_LABELS[letter] for letter in spatial)}
    if sample.pixel_size_um is not None:
        common |= {"scale": sample.pixel_size_um, "units": ("micrometer",) * len(spatial)}
    look = common | {"rgb": rgb}
    if not rgb:
        # Few pixels are as bright as the brightest, and a restored image will exceed them.
        low, high = np.quantile(sample.image, (0, 0.9995))
        look |= {"contrast_limits": (float(low), float(high))}
    layers_: list[LayerData] = []
    if sample.truth is not None:
        options = look | {"name": f"{sample.name} truth", "visible": False}
        layers_.append((sample.truth, options | _record("truth", sample), "image"))
    if sample.psf is not None:
        peak = float(sample.psf.max())
        options = common | {"name": f"{sample.name} PSF", "visible": False}
        options |= {"contrast_limits": (0.0, peak)} | _record("psf", sample)
        layers_.append((sample.psf, options, "image"))
    layers_.append(
        (sample.image, look | {"name": sample.name} | _record("sample", sample), "image")
    )
    return layers_


def _record(kind: str, sample: Sample) -> dict[str, Any]:
    record = {"kind": kind, "sample": sample.name, "note": sample.note}
    return {"metadata": {"napari_deconv": record}}
