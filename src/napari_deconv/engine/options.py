"""Options of a run besides method, image and PSF."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, TypedDict

from ..signal.jpeg import Tables
from ..signal.noise_law import NoiseLaw


class Options(TypedDict, total=False):
    """Keywords of `engine.prepare`, for the functions that hand them on as they are.

    Parameters
    ----------
    axes : str, optional
        One letter per axis; see `parse_axes`.
    noise : float or NoiseLaw, optional
        Standard deviation of the noise on the image's own scale, or how it grows with brightness;
        estimated by default.
    tables : tuple of ndarray
        Quantisation tables ``(8, 8)`` of the JPEG file that the image came from, of brightness and
        of colours, which its noise is read with.
    spacing : sequence of float, optional
        Voxel size along the PSF's axes in any one unit: only ratios count.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    precision : str
        Number format of a network's layers: ``"auto"``, ``"float32"`` or ``"bfloat16"``; see
        `core.precision.choose_precision`.
    memory_bytes : int, optional
        Budget for the run; by default what the device can spare.
    cancel : threading.Event, optional
        Set it from another thread to stop within one transform.
    unseen : array_like of bool, optional
        True where a pixel was not observed, numpy, dask or zarr: of the image's shape, of that
        without its colours, or of its spatial axes alone. Such pixels say nothing; what comes back
        there is what their surroundings say. A numpy or dask masked array brings its own.
    nan : str
        ``"refuse"`` NaN and infinite values with an error (the default); take them as ``"unseen"``
        and leave them NaN; or take them as unseen and ``"fill"`` them.
    keep_float : bool
        Whether the result of an image of integers is float32 on the image's own scale, so that
        nothing is rounded or clipped.
    """

    axes: str | None
    noise: float | NoiseLaw | None
    tables: Tables
    spacing: Sequence[float] | None
    device: str
    precision: str
    memory_bytes: int | None
    cancel: threading.Event | None
    unseen: Any
    nan: str
    keep_float: bool
