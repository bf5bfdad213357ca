"""Figure 8 of Ren et al. 2018: the size d of the inverse kernels and the rank m of the bases."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.signal import fftconvolve

from napari_deconv.psf import PSF, Disk, Gaussian
from napari_deconv.restoration.networks.layers.low_rank import learn_from, pseudo_inverse

from .base import REN, Findings, study
from .drawing import bars
from .material import Array, Given, mean

_NSR = 1e-2
_SIZES, _RANKS = (51, 101, 151, 201), (10, 25, 50, 75)
_D, _M = 151, 50
_LEARNED: tuple[PSF, ...] = (
    *(Gaussian(sigma_px=s) for s in (0.7, 1.2, 1.7, 2.3, 3.0, 3.7)),
    *(Disk(radius_px=r) for r in (1.5, 2.5, 3.5, 5.0, 6.5, 8.0)),
)
_TRIED = {"Gaussian": Gaussian(sigma_px=2.0), "disk": Disk(radius_px=4.0)}


@study(
    "glra-size",
    "GLRA: the parameters d and m",
    REN,
    says="Figure 8 varies d and m: PSNR and SSIM of the whole network hardly change. The paper "
    "takes d = 150 and m = 50.",
    count=2,
)
def run(given: Given) -> Findings:
    """The linear part alone: bases learned anew for every d and m from six Gaussians and six disks.

    Photos with 1 % of noise are convolved with L M R^T of the pseudo-inverse with the ratio 1e-2 of
    a Gaussian (sigma 2) and a disk (radius 4) that were not among them; scored 110 pixels inside.
    Training the network behind it again for each setting is not done.
    """
    settings = [(d, _M) for d in _SIZES] + [(_D, m) for m in _RANKS if m != _M]
    rows: list[dict[str, Any]] = []
    for d, m in settings:
        given.tell(f"d = {d}, m = {m}")
        psfs = [torch.from_numpy(psf()).double() for psf in _LEARNED]
        bases = learn_from(psfs, d, (_NSR,), m)
        row: dict[str, Any] = {"d": d, "m": m}
        for name, psf in _TRIED.items():
            kernel, error = _kernel(psf(), bases)
            row[f"{name}, kernel error"] = error
            row[f"{name} dB"] = mean([_psnr(case, kernel) for case in given.cases(psf())])
        rows.append(row)
    names = [f"{row['d']}, {row['m']}" for row in rows]
    series = {name: [row[f"{name} dB"] for row in rows] for name in _TRIED}
    spread = [max(values) - min(values) for values in series.values()]
    summary = (
        f"Over all settings PSNR changes by {spread[0]:.2f} dB (Gaussian) and {spread[1]:.2f} dB "
        "(disk). The bars are labelled d, m; the kernel's error is relative to the pseudo-inverse."
    )
    return Findings(tuple(rows), bars(names, series, "PSNR (dB)"), summary)


def _kernel(psf: Array, bases: Any) -> tuple[Array, float]:
    """L M R^T, and how far it is from the pseudo-inverse."""
    left, right = bases
    size = len(left)
    canvas = torch.zeros(size, size, dtype=torch.float64)
    first = [size // 2 - n // 2 for n in psf.shape]
    canvas[first[0] : first[0] + psf.shape[0], first[1] : first[1] + psf.shape[1]] = (
        torch.from_numpy(psf)
    )
    own = pseudo_inverse(canvas, _NSR)
    low = left @ (left.T @ own @ right) @ right.T
    return low.numpy(), float((low - own).norm() / own.norm())


def _psnr(case: Any, kernel: Array) -> float:
    x = fftconvolve(case.blurred, kernel, "same")
    error = (np.clip(x, 0, 1) - case.truth)[110:-110, 110:-110]
    return -10 * float(np.log10(np.mean(error**2)))
