"""The part of an image that says most about it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST_PX = {2: (320, 320), 3: (32, 128, 128)}
_PER_PSF = 3


def excerpt(block: NDArray[Any], psf_shape: Sequence[int]) -> tuple[slice, ...]:
    """Find the window of a block that varies most and is large enough for its PSF.

    Parameters
    ----------
    block : ndarray
        ``(S, [Z,] Y, X)``.
    psf_shape : sequence of int
        Of 2 or 3 axes; the window has three times as many pixels, or 320 x 320, or 32 x 128 x 128.

    Returns
    -------
    tuple of slice
        Its index.
    """
    least = _LEAST_PX[len(psf_shape)]
    sizes = [
        min(n, max(size, _PER_PSF * k))
        for n, size, k in zip(block.shape[1:], least, psf_shape, strict=True)
    ]
    starts = [_starts(n, size) for n, size in zip(block.shape[1:], sizes, strict=True)]
    windows = [
        (slice(None), *(slice(a, a + n) for a, n in zip(corner, sizes, strict=True)))
        for corner in itertools.product(*starts)
    ]
    return max(windows, key=lambda window: float(np.std(block[window], dtype=np.float64)))


def _starts(total: int, size: int) -> list[int]:
    """Windows side by side, the last flush with the end."""
    return sorted({*range(0, total - size, size), total - size})
