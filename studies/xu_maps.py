"""Figure 7 of Xu et al. 2014: hidden maps after a random start and after a start as the inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import laplace

from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.maps import maps

from .base import XU, Findings, study
from .drawing import Picture, middle, pictures
from .material import Array, Given, mean
from .trained import HOW, cases

_RUNS = {"random start": "disk7-dcnn-random", "start as the inverse": "disk7-dcnn"}
_SHOWN = 3


@study(
    "xu-maps",
    "DCNN: hidden maps after a random start and after a start as the inverse",
    XU,
    says="Figure 7 shows three of the 38 maps: after a random start they resemble the "
    "high-frequency part of the blurred input; after a start as the inverse they show "
    "sharper edges.",
    count=1,
    needs=tuple(_RUNS.values()),
    train=HOW,
)
def run(given: Given) -> Findings:
    """The three strongest of the 38 maps on one saturated photo under a disk of radius 7.

    *sharp* and *blurred* are the correlations of a map's Laplacian with that of the truth and of
    the blurred photo, without their signs.
    """
    (case,) = cases(given, "disk7", True)
    rows: list[dict[str, Any]] = []
    shown = [Picture("blurred", middle(case.blurred)), Picture("truth", middle(case.truth))]
    for start, name in _RUNS.items():
        method = Method.make("dcnn", weights=str(given.weights(name)))
        found = maps(method, case.blurred, case.psf, noise=case.noise)
        (first, *_) = (one.data for one in found if "summed" in one.name)
        strongest = np.argsort(-first.std((1, 2)))[:_SHOWN]
        for i in strongest:
            row = {"start": start, "map": int(i), "strength": float(first[i].std())}
            row |= {
                "sharp": alike(first[i], case.truth),
                "blurred": alike(first[i], case.blurred),
            }
            rows.append(row)
            shown.append(Picture(f"{start}, map {i}", middle(first[i]), None))
    sharp = [mean([r["sharp"] for r in rows if r["start"] == start]) for start in _RUNS]
    summary = (
        f"Mean correlation of the fine structure with the truth's: {sharp[0]:.2f} after a random "
        f"start, {sharp[1]:.2f} after a start as the inverse."
    )
    return Findings(tuple(rows), pictures(shown), summary)


def alike(one: Array, other: Array) -> float:
    """Correlation of their Laplacians, without its sign."""
    a, b = (laplace(x.astype(float)).ravel() for x in (one, other))
    return abs(float(np.corrcoef(a, b)[0, 1]))
