"""Figure 3 of Xu et al. 2014: what the pseudo-inverse of a disk does to a photo."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_deconv.psf import Disk
from napari_deconv.restoration.networks.layers.low_rank import pseudo_inverse
from napari_deconv.restoration.networks.layers.separable import fitted, separable_inverse

from .base import XU, Findings, study
from .drawing import Picture, middle, pictures
from .material import Given, mean, restore

_NSR = 1e-4
_TAPS = 121
_SCENES: dict[str, dict[str, Any]] = {
    "no noise": {"noise": 0.0},
    "noise 1 %": {"noise": 0.01},
    "noise 1 %, gain 1.3, clipped": {"noise": 0.01, "gain": 1.3, "saturation": 1.0},
}


@study(
    "xu-pseudo-inverse",
    "The pseudo-inverse of a disk",
    XU,
    says="Figure 3 shows the disk of radius 7, its pseudo-inverse with SNR = 1E-4 and a photo: "
    "some of the blur goes, but noise and saturation cause artefacts. The inverse is nearly "
    "separable: about 30 of its 121 singular values are above 0.01. No PSNR is given.",
)
def run(given: Given) -> Findings:
    """Photos under a disk of radius 7, undone by Wiener's kernel with the constant ratio 1e-4.

    *full* is the kernel as it is, *separable* the sum of its largest 38 pairs of filters with 121
    taps, which is what DCNN begins as: an untrained DCNN with that ratio.
    """
    psf = Disk(radius_px=7.0)()
    rows, shown = list[dict[str, Any]](), list[Picture]()
    for scene, camera in _SCENES.items():
        found: dict[str, list[float]] = {"blurred": [], "full": [], "separable": []}
        for case in given.cases(psf, **camera):
            estimates = {
                "blurred": case.blurred,
                "full": restore(case, "wiener", nsr=_NSR),
                "separable": restore(case, "dcnn", nsr=_NSR),
            }
            for name, estimate in estimates.items():
                found[name].append(case.score(estimate).psnr_db)
        shown += [Picture(f"{name}, {scene}", middle(e)) for name, e in estimates.items()]
        rows.append({"scene": scene, **{f"{k} dB": mean(v) for k, v in found.items()}})
    kernel, pairs = _inverse(psf)
    crop = middle(kernel, 61)
    first = [
        Picture("disk of radius 7", psf, None),
        Picture("its inverse", crop, None, True),
        Picture("truth", middle(case.truth)),
    ]
    gains = [row["full dB"] - row["blurred dB"] for row in rows]
    summary = (
        f"{pairs} singular values of the kernel of {_TAPS}x{_TAPS}, faded out at its ends, reach "
        f"0.01. Without noise the full kernel gains {gains[0]:+.1f} dB; with 1 % of noise it "
        f"is {gains[1]:+.1f} dB, with clipping as well {gains[2]:+.1f} dB."
    )
    return Findings(tuple(rows), pictures([*first, *shown], 3), summary)


def _inverse(psf: NDArray[np.float32]) -> tuple[NDArray[Any], int]:
    """The kernel ``(121, 121)``, and how many pairs of filters it takes."""
    square = fitted(torch.from_numpy(psf), _TAPS)
    canvas = torch.nn.functional.pad(square.double(), [_TAPS] * 4)
    kernel = pseudo_inverse(canvas[None], _NSR)[0, _TAPS:-_TAPS, _TAPS:-_TAPS]
    return kernel.numpy(), len(separable_inverse(square, _NSR, _TAPS, _TAPS)[0])
