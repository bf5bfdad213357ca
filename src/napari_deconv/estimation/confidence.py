"""How sure an estimate is: what the restored photo leaves unexplained, and the criterion."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from ..core.progress import Step
from .plane import Plane
from .restored import restored
from .result import Confidence

_EQUAL = 6.0
_LEAST_MISFIT = 0.5
_MISFIT = 1.6
_BAD_MISFIT = 3.0
_WHITE = 0.8
_SCARCE_EDGES = 0.02
_CLIPPED = 0.05
_ALIKE, _UNLIKE = 0.65, 0.5
"""Likeness to what other searches ended in, below which a kernel is in doubt, and below which it is
not to be believed. Chosen on benchmarks/blind_shakes.py and ideal blur on bsds500/train."""
_ROOM = 3
"""Kernels that fit into a region's shorter side: fewer leave many wrong ones that explain it."""

NAMES = {
    "gaussian": "Gaussian",
    "disk": "disk",
    "motion": "motion",
    "camera-shake": "camera shake",
}


def judged(
    plane: Plane,
    psf: NDArray[np.float32],
    family: str,
    scores: dict[str, float],
    overruled: str = "",
    agreement: float = 1.0,
) -> Generator[Step, None, Confidence]:
    """Restore a part of the photo, blur it again, and say in words what that and the scores tell.

    Parameters
    ----------
    plane : Plane
        The photo.
    psf : ndarray
        The estimate.
    family : str
        Its family.
    scores : dict
        The criterion per family.
    overruled : str
        The family that scored best where the edges told otherwise.
    agreement : float
        How like the kernel those of other searches are (`starts.agreed`).

    Yields
    ------
    Step
        Of the restoration.
    """
    look = yield from restored(plane, psf)
    white, misfit = look.white, look.misfit
    bad: list[str] = []
    doubtful: list[str] = []
    remarks: list[str] = []
    if misfit > _BAD_MISFIT:
        bad.append(
            f"The photo restored with it and blurred again differs by {misfit:.1f} times the noise:"
            " the blur differs across the region, or is another."
        )
    elif misfit > _MISFIT or white < _WHITE:
        doubtful.append(
            f"The photo restored with it and blurred again differs by {misfit:.1f} times the noise,"
            " with some structure left."
        )
    elif misfit < _LEAST_MISFIT:
        doubtful.append(
            f"The photo restored with it and blurred again differs by {misfit:.1f} times the noise:"
            " less than noise alone would. The noise is smaller than that, or was followed; give "
            "its level if you know it."
        )
    elif math.isfinite(misfit):
        remarks.append(
            f"Restored with it and blurred again, the photo is met within {misfit:.1f} times its "
            "noise."
        )
    if agreement < _ALIKE:
        (bad if agreement < _UNLIKE else doubtful).append(
            "Searches from several starts ended in different kernels: mark a region with sharper "
            "edges, or give another size, and look at the result before you believe it."
        )
    if plane.edges < _SCARCE_EDGES:
        doubtful.append("The image has few edges in this region: another may tell more.")
    if (clipped := 1 - float(plane.good.mean())) > _CLIPPED:
        doubtful.append(f"{clipped:.0%} of the region is clipped and was left out.")
    side = min(plane.gray.shape)
    if family == "camera-shake" and len(psf) * _ROOM > side:
        doubtful.append(
            f"The blur reaches over {len(psf)} of {side} px: that is little to find it from, and "
            "a wrong kernel explains it as well. Look at the result before you believe it."
        )
    if family == "camera-shake" and _touches(psf):
        bad.append(
            f"The kernel reaches the border of its {len(psf)} px: the blur may be wider. Estimate "
            "it with a larger size, in the PSF panel or with --size."
        )
    if _is_delta(psf):
        doubtful.append("It is hardly wider than a pixel: the image may not be blurred.")
    if overruled:
        doubtful.append(
            f"The spectrum alone looks like a {NAMES[overruled]}'s, but edges are smeared farther."
        )
    else:
        (doubtful if _undecided(scores, family) else remarks).extend(_ranking(scores, family))
    level = "poor" if bad else "fair" if doubtful else "good"
    return Confidence(level, (*bad, *doubtful, *remarks), white, misfit)  # type: ignore[arg-type]


def _touches(psf: NDArray[np.float32]) -> bool:
    rim = psf.copy()
    rim[1:-1, 1:-1] = 0
    return float(rim.sum()) > 0.01


def _is_delta(psf: NDArray[np.float32]) -> bool:
    return float(psf.max()) > 0.9


def _undecided(scores: dict[str, float], family: str) -> bool:
    rest = [score for name, score in scores.items() if name != family]
    return bool(rest) and min(rest) - scores[family] < _EQUAL


def _ranking(scores: dict[str, float], family: str) -> list[str]:
    rest = {name: score for name, score in scores.items() if name != family}
    if not rest:
        return []
    second = min(rest, key=lambda name: rest[name])
    gap = rest[second] - scores[family]
    if gap < _EQUAL:
        return [f"Two families fit about equally well: {NAMES[family]} and {NAMES[second]}."]
    return [f"{NAMES[family].capitalize()} fits best, then {NAMES[second]}."]
