"""Figure 1 of Ren et al. 2018: the inverse out of shared bases against the full inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.signal import fftconvolve

from napari_deconv.core.device import choose_device
from napari_deconv.psf import PSF, Disk, Gaussian, Motion
from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.layers.low_rank import pseudo_inverse
from napari_deconv.restoration.weights import load_network

from .base import REN, Findings, study
from .drawing import Picture, middle, pictures
from .material import Array, Given, mean

_PSFS: dict[str, PSF] = {
    "Gaussian, sigma 2": Gaussian(sigma_px=2.0),
    "disk, radius 4": Disk(radius_px=4.0),
    "motion, 15 px at 30°": Motion(length_px=15.0, angle_deg=30.0),
}
_NSR = 1e-2
_FULL = 301


@study(
    "glra-inverse",
    "GLRA: shared separable filters against the full inverse kernel",
    REN,
    says="Figure 1: a Gaussian blur undone by the inverse kernel of 300x300 and by the separable "
    "filters that all kernels share gives nearly the same picture. No PSNR is given.",
    count=2,
)
def run(given: Given) -> Findings:
    """Photos with 1 % of noise, convolved with three inverse kernels of the ratio 1e-2.

    *full* has 301x301 pixels, *cut* the middle 151x151 of the same, *bases* is L M R^T with the 50
    columns of the shipped bases. Scored 90 pixels inside; there is no network behind them here.
    """
    method: Any = Method.make("glra")
    bases = load_network(method, choose_device("cpu")).bases.double()
    rows, shown = list[dict[str, Any]](), list[Picture]()
    for label, psf in _PSFS.items():
        kernels = _kernels(psf(), bases)
        found: dict[str, list[float]] = {"blurred": [], **{name: [] for name in kernels}}
        for case in given.cases(psf()):
            pictured = {"blurred": case.blurred}
            pictured |= {k: fftconvolve(case.blurred, v, "same") for k, v in kernels.items()}
            for name, x in pictured.items():
                error = (np.clip(x, 0, 1) - case.truth)[90:-90, 90:-90]
                found[name].append(-10 * float(np.log10(np.mean(error**2))))
        rows.append({"PSF": label, **{f"{k} dB": mean(v) for k, v in found.items()}})
        shown += [Picture(f"{label}: {name}", middle(x)) for name, x in pictured.items()]
    away = [row["bases dB"] - row["full dB"] for row in rows]
    summary = f"The bases differ from the full kernel by {', '.join(f'{x:+.2f}' for x in away)} dB."
    return Findings(tuple(rows), pictures(shown), summary)


def _kernels(psf: Array, bases: Any) -> dict[str, Array]:
    canvas = np.zeros((_FULL, _FULL))
    first = [_FULL // 2 - n // 2 for n in psf.shape]
    canvas[first[0] : first[0] + psf.shape[0], first[1] : first[1] + psf.shape[1]] = psf
    full = pseudo_inverse(torch.from_numpy(canvas), _NSR)
    edge = (_FULL - bases.shape[1]) // 2
    cut = full[edge:-edge, edge:-edge]
    left, right = bases
    small = torch.from_numpy(canvas[edge:-edge, edge:-edge])
    own = pseudo_inverse(small, _NSR)
    low = left @ (left.T @ own @ right) @ right.T
    return {"full": full.numpy(), "cut": cut.numpy(), "bases": low.numpy()}
