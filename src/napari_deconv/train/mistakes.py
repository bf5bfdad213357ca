"""PSFs that are a bit off, as estimated ones are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FLOOR = 0.05


def mistaken(psf: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A PSF as an estimate might have it: wider, another size, rough, or without its faint parts.

    Parameters
    ----------
    psf : ndarray
        ``(Y, X)``, unit sum.
    rng : Generator
        Draws which of these, and how much.

    Returns
    -------
    ndarray
        float32 of unit sum, in the same place, on as many pixels and a few more.
    """
    from scipy.ndimage import affine_transform, gaussian_filter

    kind = int(rng.integers(4))
    wide = np.pad(psf.astype(np.float64), 3)
    if kind == 0:
        guess = gaussian_filter(wide, rng.uniform(0.3, 1.0))
    elif kind == 1:
        factor, centre = rng.uniform(0.92, 1.08), np.array(wide.shape) // 2
        matrix = np.eye(2) / factor
        guess = affine_transform(wide, matrix, centre - matrix @ centre, order=1)
    elif kind == 2:
        near = gaussian_filter((wide > 0.01 * wide.max()).astype(np.float64), 1.0)
        rough = gaussian_filter(rng.standard_normal(wide.shape), rng.uniform(0.0, 1.0))
        rough *= wide.max() * rng.uniform(0.02, 0.1) / rough.std()
        guess = np.maximum(wide + near * rough, 0)
    else:
        guess = np.where(wide < _FLOOR * rng.uniform(0.4, 2) * wide.max(), 0.0, wide)
    return (guess / guess.sum()).astype(np.float32)
