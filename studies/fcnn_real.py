"""Figure 8 of Zhang et al. 2017: a photo that was really blurred."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_deconv import samples
from napari_deconv.metrics import residual, whiteness
from napari_deconv.protocol.scenes import Case

from .base import ZHANG, Findings, study
from .drawing import Picture, middle, pictures
from .material import Given, restore

_NOISE = 0.03
_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "hyper-Laplacian": ("hyper-laplacian", {}),
    "FCNN, 1 iteration": ("fcnn", {"iterations": 1}),
    "FCNN, 3 iterations": ("fcnn", {}),
}


@study(
    "fcnn-real",
    "FCNN: a photo that was really blurred",
    ZHANG,
    says="3 % of noise is added to one real photo and its kernel is estimated (Figure 8): FCNN "
    "with three iterations is comparable to EPLL, CSF leaves noise in flat regions, the "
    "hyper-Laplacian is too blurred. Judged by eye; there is no truth.",
    count=0,
)
def run(given: Given) -> Findings:
    """The clock of the samples, photographed with a moving camera, with 3 % of noise added.

    Its kernel is the sample's: a straight line whose length and angle were read off the cepstrum,
    where the paper estimates it. *residual* is the root mean
    square of what the blurred result leaves of the photo, in units of the noise, and *whiteness*
    says how much like noise that looks (1 is noise).
    """
    sample = samples.clock()
    assert sample.psf is not None
    photo, psf = sample.image / 255.0, sample.psf
    noisy = photo + np.random.default_rng(0).normal(0, _NOISE, photo.shape)
    case = Case("clock", noisy.astype(np.float32), photo.astype(np.float32), psf, _NOISE)
    rows, shown = list[dict[str, Any]](), [Picture("photo", middle(photo, 200))]
    shown += [Picture("with 3 % of noise", middle(noisy, 200)), Picture("kernel", psf, None)]
    for name, (method, fields) in _METHODS.items():
        x = restore(case, method, **fields)
        left = residual(x, case.blurred, psf)
        sigma = float(np.sqrt(np.mean(left**2))) / _NOISE
        rows.append({"method": name, "residual": sigma, "whiteness": float(whiteness(left))})
        shown.append(Picture(name, middle(x, 200)))
    size = f"{psf.shape[0]} x {psf.shape[1]}"
    summary = f"The kernel has {size} pixels. Without a truth the pictures have to tell."
    return Findings(tuple(rows), pictures(shown, 3), summary)
