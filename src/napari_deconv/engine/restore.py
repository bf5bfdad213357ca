"""One way in for every kind of PSF: one, one per channel, over z or across the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from ..core.errors import DeconvError
from ..core.progress import Stream
from .blending import stream_varying
from .channels import stream_channels
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
    varying = isinstance(psf, DepthPSF | RegionPSF)
    if not varying and not isinstance(psf, Mapping):
        one = stream_in_linear_light if linear else stream
        return one(method, image, psf, refine_psf=refine_psf, **options)
    if refine_psf:
        raise DeconvError("Refining is for one PSF, and there are several.", "Switch it off.")
    if linear:
        raise DeconvError("Linear light is for photos with one PSF.", "Switch it off.")
    return (stream_varying if varying else stream_channels)(method, image, psf, **options)
