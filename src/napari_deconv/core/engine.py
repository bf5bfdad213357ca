"""The one place where arrays meet methods: axes, scale, tiles, devices and errors."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import parse_axes
from .device import choose_device, default_budget, is_out_of_memory
from .errors import DeconvError
from .fingerprint import array_hash
from .intensity import survey
from .noise import estimate_noise
from .problem import Solver
from .run import Result, Run, Step, Stream

__all__ = ["Result", "Step", "Stream", "check_psf", "drain", "stream"]

log = logging.getLogger("napari_deconv")


def stream(
    method: Solver,
    image: Any,
    psf: NDArray[Any],
    *,
    axes: str | None = None,
    noise: float | None = None,
    device: str = "auto",
    memory_bytes: int | None = None,
    cancel: threading.Event | None = None,
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
    axes : str, optional
        One letter per axis; see `parse_axes`.
    noise : float, optional
        Standard deviation of the noise on the image's own scale; estimated by default.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    memory_bytes : int, optional
        Budget for the run; by default what the device can spare.
    cancel : threading.Event, optional
        Set it from another thread to stop within one transform.

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
    try:
        run = _prepare(method, image, psf, axes, noise, device, memory_bytes, cancel)
        return (yield from run.stream())
    except DeconvError:
        raise
    except Exception as error:
        log.debug("%s failed", method.title, exc_info=True)
        if is_out_of_memory(error):
            raise DeconvError(
                "Memory ran out, even with the smallest tiles.",
                "Close other programs, choose device='cpu', or crop image or PSF.",
            ) from error
        raise DeconvError(f"{method.title} failed: {error}", "The log has the details.") from error


def drain(generator: Stream, progress: Callable[[Step], None] | None = None) -> Result:
    """Run a stream to its end, reporting each step."""
    while True:
        try:
            step = next(generator)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        if progress is not None:
            progress(step)


def check_psf(psf: Any, method: Solver) -> NDArray[np.float32]:
    """The PSF as float32 of unit sum, or a `DeconvError` saying what is wrong with it."""
    array = np.asarray(psf)
    if array.dtype.kind not in "iuf":
        raise DeconvError(f"The PSF has dtype {array.dtype}.", "Give a real PSF.")
    if array.ndim not in (2, 3) or array.size == 0:
        raise DeconvError(f"The PSF has shape {array.shape}.", "Give a 2-D or 3-D PSF.")
    if array.ndim not in method.ndim:
        known = " and ".join(f"{n}-D" for n in method.ndim)
        raise DeconvError(
            f"{method.title} works in {known}, but the PSF is {array.ndim}-D.", "Give a 2-D PSF."
        )
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise DeconvError("The PSF holds NaN or Inf.", "Replace them, or make the PSF again.")
    if array.min() < 0:
        raise DeconvError(
            f"The PSF is negative in places (down to {array.min():.3g}).", "Repair it: clip at 0."
        )
    if not array.sum() > 0:
        raise DeconvError("The PSF sums to zero.", "Give one with some energy.")
    return (array / array.sum()).astype(np.float32)


def _prepare(
    method: Solver,
    image: Any,
    psf: Any,
    axes: str | None,
    noise: float | None,
    device: str,
    memory_bytes: int | None,
    cancel: threading.Event | None,
) -> Run:
    image = image if hasattr(image, "dtype") and hasattr(image, "shape") else np.asarray(image)
    kernel = check_psf(psf, method)
    layout = parse_axes(tuple(image.shape), axes, kernel.ndim)
    intensity, block = survey(image, layout)
    if noise is None:
        sigma = float(np.mean([estimate_noise(channel) for channel in block]))
    elif not (noise >= 0 and math.isfinite(noise)):
        raise DeconvError(f"noise = {noise} is not a standard deviation.", "Give 0 or more.")
    else:
        sigma = float(noise)
    where = choose_device(device)
    budget = default_budget(where) if memory_bytes is None else int(memory_bytes)
    return Run(
        method=method,
        image=image,
        psf=kernel,
        fingerprint=array_hash(psf),
        layout=layout,
        intensity=intensity,
        noise=sigma,
        estimated=noise is None,
        device=where,
        budget=budget,
        cancel=cancel,
    )
