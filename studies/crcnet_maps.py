"""Figure 6 of Li et al. 2018: the outputs of CRCNet's units."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.maps import maps

from .base import LI, Findings, study
from .drawing import Picture, middle, pictures
from .ird_components import fine_share
from .material import Given
from .trained import HOW, NOISE, SHAKES

_RUN = "shake21-0-crcnet"


@study(
    "crcnet-maps",
    "CRCNet: the outputs of its units",
    LI,
    says="Figure 6 shows one map of each residual unit: deeper units hold higher frequencies, "
    "as the later terms of iterative residual deconvolution do.",
    count=1,
    needs=(_RUN,),
    train=HOW,
)
def run(given: Given) -> Findings:
    """The first map of each of the six units on one photo with 1 % of noise.

    *fine* is the share of a map's energy beyond a quarter of the sampling rate, the mean over all
    maps of the unit.
    """
    psf: CameraShake = SHAKES["shake21-0"]
    (case,) = given.cases(psf(), NOISE)
    method = Method.make("crcnet", weights=str(given.weights(_RUN)))
    found = maps(method, case.blurred, case.psf, noise=case.noise)
    rows, shown = list[dict[str, Any]](), [Picture("blurred", middle(case.blurred))]
    for one in (m for m in found if m.name.startswith("1 unit")):
        fine = float(np.mean([fine_share(x) for x in one.data]))
        rows.append({"unit": one.name[-1], "maps": len(one.data), "fine": fine})
        shown.append(Picture(f"unit {one.name[-1]}", middle(one.data[0]), None))
    shares = [row["fine"] for row in rows]
    summary = f"Fine structure: {shares[0]:.1%} in the first unit, {shares[-1]:.1%} in the last."
    return Findings(tuple(rows), pictures(shown), summary)
