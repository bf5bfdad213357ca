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
from .refine import refined_psf, with_refined
from .regions import RegionPSF
from .streaming import check_psf, stream, translated


def restore(
    method: Solver,
    image: Any,
    psf: Any,
    *,
    linear: bool = False,
    refine_psf: int = 0,
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
    refine_psf : int
        Rounds of refining the one PSF on the image first; 0 for none.

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
        channels = each_channel(tuple(np.shape(image)), options.get("axes"), psf)
        if channels is not None and refine_psf and not isinstance(psf, DepthPSF | RegionPSF):
            return _refined_channels(method, image, psf, refine_psf, **options)
        psf = channels or psf
    varying = isinstance(psf, DepthPSF | RegionPSF)
    if not varying and not isinstance(psf, Mapping):
        one = stream_in_linear_light if linear else stream
        return one(method, image, psf, refine_psf=refine_psf, **options)
    if refine_psf:
        raise DeconvError("Refining is for one PSF, and there are several.", "Switch it off.")
    if linear:
        raise DeconvError("Linear light is for photos with one PSF.", "Switch it off.")
    return (stream_varying if varying else stream_channels)(method, image, psf, **options)


def _refined_channels(
    method: Solver, image: Any, psf: Any, rounds: int, **options: Unpack[Options]
) -> Stream:
    """Refine a PSF on the image, and restore every channel with it."""
    with translated(method):
        start = check_psf(psf, method)
        refined = yield from refined_psf(method, image, start, rounds, **options)
    channels = each_channel(tuple(np.shape(image)), options.get("axes"), refined) or {}
    result = yield from stream_channels(method, image, channels, **options)
    return with_refined(result, refined, rounds)
