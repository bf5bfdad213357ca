"""Power spectra of blocks of an image, in cells of neighbouring frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CELL = 2
"""Frequencies along the side of a cell."""


def window(size: int) -> NDArray[np.float64]:
    """The window that a block is multiplied by before its transform, of unit power.

    A high power of a sine keeps the strong low frequencies from leaking into the empty ones.
    """
    side = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 4
    both: NDArray[np.float64] = np.outer(side, side) / np.sum(side**2)
    return both


def spectra(blocks: NDArray[np.float64]) -> NDArray[np.float32]:
    """Power of blocks ``(N, size, size)`` of even size; white noise of unit variance has 1.

    Returns
    -------
    ndarray
        ``(N, size - 2, size // 2 - 1)``: without the mean's row and column and the highest ones,
        first the positive frequencies down the image, then the negative ones in rising order.
    """
    from scipy.fft import rfft2

    size = blocks.shape[-1]
    inner = np.r_[1 : size // 2, size // 2 + 1 : size]
    halves = rfft2((blocks * window(size)).astype(np.float32))[:, inner, 1 : size // 2]
    power: NDArray[np.float32] = np.square(np.abs(halves))
    return power


def cells(power: NDArray[Any]) -> NDArray[np.float64]:
    """Means over cells of neighbouring frequencies, ``(..., rows, columns)`` to ``(..., C)``."""
    half = power.shape[-1]
    rows = np.arange(half) // CELL
    across = rows.max() + 1
    # The second half of the rows holds the negative frequencies, in rising order.
    rows = np.r_[rows, 2 * across - 1 - rows[::-1]]
    label = (rows[:, None] * across + np.arange(half) // CELL).ravel()
    flat = power.reshape(-1, label.size)
    counts = np.bincount(label)
    averages = flat @ (np.eye(len(counts), dtype=power.dtype) / counts)[label]
    means: NDArray[np.float64] = averages.reshape(*power.shape[:-2], len(counts)).astype(np.float64)
    return means
