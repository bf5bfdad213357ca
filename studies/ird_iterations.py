"""Figure 2 of Li et al. 2018: PSNR of iterative residual deconvolution against iterations."""

from __future__ import annotations

import numpy as np

from napari_deconv.protocol.scenes import Case
from napari_deconv.restoration.ird import IterativeResidual

from .base import LI, Findings, study
from .drawing import curves
from .material import Given, follow

COUNTS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
LEVELS = (0.0, 0.01)
UNREGULARISED = 1e-9  # the field's 0 means automatic


@study(
    "ird-iterations",
    "IRD: PSNR against iterations, with noise and without",
    LI,
    says="Figure 2 shows one photo after growing numbers of iterations: without noise it is "
    "restored after 1000; with 1 % of noise the blur goes too, but the noise is much magnified. No "
    "PSNR is given.",
)
def run(given: Given) -> Findings:
    """Iterative residual deconvolution under camera shakes of 21 pixels.

    Its regularisation is switched off as in the paper: only the number of iterations stops it.
    """
    lines = {
        f"noise {noise:.0%}": [
            float(x) for x in np.mean([_curve(c) for c in given.cases(noise=noise)], axis=0)
        ]
        for noise in LEVELS
    }
    rows = tuple(
        {"iterations": n, **{name: values[i] for name, values in lines.items()}}
        for i, n in enumerate(COUNTS)
    )
    clean, noisy = lines.values()
    top = int(np.argmax(noisy))
    summary = (
        f"PSNR in dB. Without noise it rises from {clean[0]:.1f} to {clean[-1]:.1f} dB at "
        f"{COUNTS[-1]} iterations. With 1 % of noise it is best near {COUNTS[top]}, at "
        f"{noisy[top]:.1f} dB, and ends at {noisy[-1]:.1f}."
    )
    return Findings(rows, curves(COUNTS, lines, ("iterations", "PSNR (dB)"), log=True), summary)


def _curve(case: Case) -> list[float]:
    """PSNR at every one of `COUNTS`."""
    method = IterativeResidual(sigma=UNREGULARISED, iterations=COUNTS[-1])
    steps = enumerate(follow(case, method, noise=max(case.noise, 1e-6)), 1)
    return [case.score(x).psnr_db for done, x in steps if done in COUNTS]
