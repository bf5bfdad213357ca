"""One way in for every kind of PSF: one, one per channel, over z or across the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from ..core.errors import DeconvError
from ..core.progress import Stream
from .blending import stream_varying
from .channels import each_channel, stream_channels
from .colour import stream_in_linear_light
from .depths import DepthPSF
from .options import Options
from .problem import Solver
from .regions import RegionPSF
from .streaming import stream


def restore(
    method: Solver,
    image: Any,
    psf: Any,
    *,
    linear: bool = False,
    **options: Unpack[Options],
) -> Stream:
    """Restore an image step by step, whatever its PSF is.

    Parameters
    ----------
    method, image, options
        As in `engine.stream`.
    psf : ndarray, DepthPSF, RegionPSF or mapping of int to one of the first two
        One for all, several over z or across the image, or one for each entry of the axis ``C``.
    linear : bool
        Whether to do it in linear light, with one PSF; see `stream_in_linear_light`.

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
        As `engine.stream`; and if there are several PSFs where one is needed.
    """
    if not isinstance(psf, Mapping) and not linear:
        psf = each_channel(tuple(np.shape(image)), options.get("axes"), psf) or psf
    varying = isinstance(psf, DepthPSF | RegionPSF)
    if not varying and not isinstance(psf, Mapping):
        return (stream_in_linear_light if linear else stream)(method, image, psf, **options)
    if linear:
        raise DeconvError("Linear light is for photos with one PSF.", "Switch it off.")
    return (stream_varying if varying else stream_channels)(method, image, psf, **options)
