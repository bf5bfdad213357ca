"""Cameras that do more to a share of the patches than blur and noise: clip, quantise, code."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core.spec import Spec
from ..degradation.chain import Chain
from ..degradation.sampling import between

_LEAST_TOLD = 1e-3


class Camera(Spec, title="Training camera"):
    """What a share of the patches goes through.

    Parameters
    ----------
    share : float
        Of the patches.
    mildest, harshest : Chain
        Every setting is drawn uniformly between theirs; boundary, noise and photons are the
        trainer's.
    """

    share: Annotated[float, Interval(gt=0, le=1)] = 0.1
    mildest: Chain = Chain()
    harshest: Chain = Chain()


def chosen(
    cameras: tuple[Camera, ...], usual: Chain, rng: np.random.Generator
) -> tuple[Chain, bool]:
    """The camera of a patch, and whether it is one of these or the usual one."""
    if not cameras:
        return usual, False
    left = float(rng.random())
    for camera in cameras:
        left -= camera.share
        if left < 0:
            return between(camera.mildest, camera.harshest, rng), True
    return usual, False


def measured(
    degraded: NDArray[np.float32], blurred: NDArray[np.float32], clipped: NDArray[np.bool_]
) -> tuple[float, float]:
    """Measure the noise that a camera left: RMS of a colour's, and of the mean's over that.

    Parameters
    ----------
    degraded, blurred : ndarray
        ``(C, Y, X)``, with and without what the camera did.
    clipped : ndarray
        Where that says nothing of the noise; like ``degraded``.
    """
    error = np.where(clipped, 0.0, degraded - blurred)
    inside = max(1e-3, 1 - float(clipped.mean()))
    single = max(_LEAST_TOLD, math.sqrt(float(np.mean(error**2)) / inside))
    mean = math.sqrt(float(np.mean(error.mean(0) ** 2)) / inside)
    return single, min(max(mean / single, 3**-0.5), 1.0)
