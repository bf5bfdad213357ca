"""Whether a photo is sharp and clean enough to learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..signal.noise import estimate_noise

_LEAST_RISE = 0.283
"""Of 119 free photos and 11 of scikit-image the lowest is 0.293; blurred by a Gaussian of 1.5
pixels their highest is 0.282."""
_MOST_NOISE = 0.04
"""Fine textures, such as grass, pass for noise of up to 0.033."""


def fault(photo: NDArray[np.float32]) -> str:
    """Say what is wrong with a gray photo ``(Y, X)`` in [0, 1]; empty if nothing is."""
    noise = estimate_noise(photo)
    if noise > _MOST_NOISE:
        return f"is noisy: {noise:.1%} of its range, where {_MOST_NOISE:.0%} is the most"
    rise = sharpness(photo)
    if rise < _LEAST_RISE:
        return f"is blurred: its finest detail is {rise:.3f}, where {_LEAST_RISE} is the least"
    return ""


def sharpness(photo: NDArray[np.float32]) -> float:
    """Mean square difference of neighbours over that of pixels two apart: 1/4 if all is smooth.

    What is in focus has the large differences, so a background out of focus does not count; 1 if
    nothing differs.
    """
    near, far = (
        sum(float(np.mean(np.square(np.subtract(*_apart(photo, n, axis))))) for axis in (0, 1))
        for n in (1, 2)
    )
    return near / far if far > 0 else 1.0


def _apart(
    photo: NDArray[np.float32], pixels: int, axis: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    lines = np.moveaxis(photo, axis, 0)
    return lines[pixels:], lines[:-pixels]
