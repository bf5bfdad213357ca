"""RGDN under PSFs of kinds that it was not trained for."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_deconv.psf import CameraShake

from .base import GONG, Findings, study
from .drawing import Picture, pictures
from .material import Array, Given, best, mean, restore


def _ring(outer: float, inner: float) -> Array:
    y, x = np.mgrid[-10:11, -10:11]
    radius = np.hypot(y, x)
    return _unit((radius <= outer) & (radius >= inner))


def _unit(values: Any) -> Array:
    array = np.asarray(values, np.float32)
    return array / array.sum()


def _points() -> Array:
    psf = np.zeros((21, 21))
    psf[4, 5] = psf[15, 16] = 1
    return _unit(psf)


def _cross() -> Array:
    psf = np.zeros((21, 21))
    psf[10] = psf[:, 10] = 1
    return _unit(psf)


_KERNELS: dict[str, Array] = {
    "camera shake": CameraShake(size_px=21, seed=3)(),
    "ring": _ring(8, 5),
    "square": _unit(np.ones((9, 9))),
    "two points": _points(),
    "cross": _cross(),
}


@study(
    "rgdn-kernels",
    "RGDN: kernels of kinds it has not seen",
    GONG,
    says="One network, trained on splines of camera shake of 11 to 31 pixels, is tried on other "
    "kernels and keeps its lead over the others. No figure for a single kernel is given.",
    count=2,
)
def run(given: Given) -> Findings:
    """A camera shake, as in training, and four shapes that no training PSF has; 1 % of noise.

    The shipped RGDN beside the hyper-Laplacian with the best weight for every scene.
    """
    rows: list[dict[str, Any]] = []
    for name, psf in _KERNELS.items():
        every = list(given.cases(psf))
        row: dict[str, Any] = {"kernel": name}
        row["blurred"] = mean([c.score(c.blurred).psnr_db for c in every])
        row["hyper-Laplacian"] = mean([best(c, "hyper-laplacian").psnr_db for c in every])
        row["RGDN"] = mean([c.score(restore(c, "rgdn")).psnr_db for c in every])
        rows.append(row)
    gains = "; ".join(f"{r['kernel']}: {r['RGDN'] - r['hyper-Laplacian']:+.2f}" for r in rows)
    summary = f"PSNR in dB. RGDN over the hyper-Laplacian at its best: {gains}."
    shown = [Picture(name, psf, None) for name, psf in _KERNELS.items()]
    return Findings(tuple(rows), pictures(shown, 5), summary)
