"""`refine`: a PSF that is nearly right, moved towards what the image says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.progress import Step, drain
from ..engine.refine import refined_psf
from ..engine.streaming import check_psf, translated
from ..psf import PSF


def refine(
    image: Any,
    psf: Any,
    method: Any = "hyper-laplacian",
    rounds: int = 3,
    *,
    axes: str | None = None,
    noise: float | None = None,
    spacing: Sequence[float] | None = None,
    device: str = "auto",
    progress: Callable[[Step], None] | None = None,
) -> NDArray[np.float32]:
    """Refine a PSF on the image it is for; ``deconvolve(..., refine_psf=3)`` does so by itself.

    Parameters
    ----------
    image : array_like
        Blurred image or stack.
    psf : ndarray or PSF
        2-D or 3-D, nearly right: some pixels of its values may be wrong, or its width by a tenth.
    method : str or Method
        What restores the image in between.
    rounds : int
        Restorations, 1 to 20.
    axes, noise, spacing, device, progress
        As for `deconvolve`.

    Returns
    -------
    ndarray
        float32, the PSF's shape, unit sum.

    Raises
    ------
    DeconvError
        As `deconvolve`, and if the image is flat.
    """
    from ..restoration.base import Method, methods

    methods()
    chosen = Method.make(method) if isinstance(method, str) else method
    kernel = check_psf(psf() if isinstance(psf, PSF) else psf, chosen)
    with translated(chosen):
        return drain(
            refined_psf(
                chosen, image, kernel, rounds,
                axes=axes, noise=noise, spacing=spacing, device=device,
            ),
            progress,
        )  # fmt: skip
