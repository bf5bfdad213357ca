"""How good an estimate is: against the truth where there is one, and against the image where not.

NumPy at import; SciPy is loaded by the functions that need it.
"""

from __future__ import annotations

from .frc import RingCorrelation, frc, frc_resolution
from .gain import noise_gain, out_of_range
from .residuals import flux_ratio, reblur_error, residual, whiteness
from .truth import Score, psnr, score, ssim

__all__ = [
    "RingCorrelation",
    "Score",
    "flux_ratio",
    "frc",
    "frc_resolution",
    "noise_gain",
    "out_of_range",
    "psnr",
    "reblur_error",
    "residual",
    "score",
    "ssim",
    "whiteness",
]
