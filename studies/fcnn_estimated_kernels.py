"""FCNN with estimated kernels in place of the true ones (tables 2 to 4 of Zhang et al. 2017)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import shift
from scipy.signal import fftconvolve

from napari_deconv.estimation import estimate
from napari_deconv.protocol.scenes import Case

from .base import ZHANG, Findings, study
from .drawing import bars
from .material import Array, Given, mean, restore

_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "hyper-Laplacian": ("hyper-laplacian", {}),
    "FCNN, 1 iteration": ("fcnn", {"iterations": 1}),
    "FCNN, 3 iterations": ("fcnn", {}),
}
_REACH_PX = 10
_KEYS = ("true dB", "estimated dB")


@study(
    "fcnn-estimated-kernels",
    "FCNN: estimated kernels in place of true ones",
    ZHANG,
    says="PSNR in dB at 1 % of noise with the true kernels and with those that Pan's method "
    "estimated (table 2):\n\n| method | true | estimated |\n|---|---|---|\n"
    "| hyper-Laplacian | 31.57 | 29.94 |\n| FCNN, 1 iteration | 32.50 | 30.38 |\n"
    "| FCNN, 3 iterations | 32.82 | 30.39 |",
    count=4,
)
def run(given: Given) -> Findings:
    """Camera shakes of 21 pixels with 1 % of noise, by `napari_deconv.estimation.estimate`.

    An estimated kernel is known up to a shift only, so every result is aligned to the truth, up to
    10 pixels and then by quarters, and scored on what every shift covers.
    """
    scores: dict[str, list[list[float]]] = {name: [] for name in _METHODS}
    for case in given.cases():
        found = estimate(case.blurred, family="camera-shake", noise=case.noise, device="cpu").psf
        guess = replace(case, psf=found)
        for name, (method, fields) in _METHODS.items():
            both = [_aligned(restore(one, method, **fields), case) for one in (case, guess)]
            scores[name].append(both)
    rows: tuple[dict[str, Any], ...] = tuple(
        {"method": name, **dict(zip(_KEYS, map(mean, zip(*each, strict=True)), strict=True))}
        for name, each in scores.items()
    )
    losses = {row["method"]: row["true dB"] - row["estimated dB"] for row in rows}
    summary = f"Estimating costs {', '.join(f'{name} {x:.2f} dB' for name, x in losses.items())}."
    series = {key: [row[key] for row in rows] for key in _KEYS}
    return Findings(rows, bars(list(_METHODS), series, "PSNR (dB)"), summary)


def _aligned(estimate: Array, case: Case) -> float:
    """PSNR at the best shift."""
    border = [n // 2 + _REACH_PX for n in case.psf.shape]
    rows, columns = (slice(b, -b) for b in border)
    x, inner = np.clip(estimate, 0, 1).astype(float), case.truth[rows, columns].astype(float)
    near = x[tuple(slice(b - _REACH_PX, -(b - _REACH_PX)) for b in border)]
    errors = fftconvolve(near**2, np.ones_like(inner), "valid")
    errors -= 2 * fftconvolve(near, inner[::-1, ::-1], "valid")
    coarse = np.array(np.unravel_index(errors.argmin(), errors.shape)) - _REACH_PX
    fine = np.arange(-0.75, 0.76, 0.25)
    tried = (coarse + np.array([a, b]) for a in fine for b in fine)
    moved = (shift(x, -s, order=3, mode="nearest")[rows, columns] for s in tried)
    return -10 * float(np.log10(min(np.mean((m - inner) ** 2) for m in moved)))
