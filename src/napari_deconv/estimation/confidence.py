"""How sure an estimate is: what the restored photo leaves unexplained, and the criterion."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from ..core.progress import Step
from .plane import Plane
from .restored import restored
from .result import Confidence, Evidence
from .spectrum import Spectrum

_LEAST_MISFIT = 0.5
_MISFIT = 1.6
_BAD_MISFIT = 3.0
_WHITE = 0.8
_SCARCE_EDGES = 0.02
_CLIPPED = 0.05
_ALIKE, _UNLIKE = 0.65, 0.5
"""Likeness to what other searches ended in, below which a kernel is in doubt, and below which it is
not to be believed."""
_ROOM = 3
"""Kernels that fit into a region's shorter side: fewer leave many wrong ones that explain it."""
_EQUAL, _NEAR_SHAKE, _CLEAR_SHAKE = 4.0, 10.0, 5.0
"""How much better than another family, than a camera shake, and as a camera shake than all families
a blur must suit the spectrum to be beyond doubt."""
_OVERRULED = -8.0
"""From which on the family that the edges spoke against suits the spectrum so much better that they
are not to be believed either."""
_PLAIN, _FAINT = 22.0, 0.0
"""How much better than no blur at all, per block of the spectrum, for no doubt; and to be believed.
A wide, smooth blur empties so many frequencies that little speaks for it.
The figures since `_ALIKE` were chosen on free photos, by benchmarks/confidence.py."""

SHAKE = "camera-shake"
NAMES = {
    "gaussian": "Gaussian",
    "disk": "disk",
    "motion": "motion",
    SHAKE: "camera shake",
}


def judged(
    plane: Plane,
    spectrum: Spectrum,
    psf: NDArray[np.float32],
    family: str,
    scores: dict[str, float],
    overruled: bool = False,
    agreement: float = 1.0,
) -> Generator[Step, None, Confidence]:
    """Restore a part of the photo, blur it again, and say in words what that and the scores tell.

    Parameters
    ----------
    plane, spectrum : Plane, Spectrum
        Of the photo.
    psf : ndarray
        The estimate.
    family : str
        Its family.
    scores : dict
        The criterion per family.
    overruled, agreement
        See `Evidence`.

    Yields
    ------
    Step
        Of the restoration.
    """
    look = yield from restored(plane, psf)
    rest = {name: score for name, score in scores.items() if name != family}
    second = min(rest, key=lambda name: rest[name], default="")
    inner = psf[1:-1, 1:-1]
    return verdict(
        Evidence(
            family=family,
            misfit=look.misfit,
            white=look.white,
            coded=plane.coded is not None,
            blur=_against_none(spectrum, psf),
            gap=rest[second] - scores[family] if second else math.inf,
            second=second,
            shake=rest.get(SHAKE, math.inf) - scores[family],
            agreement=agreement,
            edges=plane.edges,
            clipped=1 - float(plane.good.mean()),
            size=len(psf),
            side=min(plane.gray.shape),
            peak=float(psf.max()),
            rim=float(psf.sum() - inner.sum()),
            overruled=overruled,
        )
    )


def verdict(seen: Evidence) -> Confidence:
    """Say how sure that leaves an estimate, and why: the gravest reason decides."""
    reasons = [*_of_the_restored(seen), *_of_the_kernel(seen), *_of_the_spectrum(seen)]
    level = next((each for each in ("poor", "fair") if each in dict(reasons)), "good")
    words = [text for each in ("poor", "fair", "good") for grade, text in reasons if grade == each]
    return Confidence(level, tuple(words), seen.white, seen.misfit, seen)  # type: ignore[arg-type]


Reasons = list[tuple[str, str]]


def _of_the_restored(seen: Evidence) -> Reasons:
    differs = (
        f"The photo restored with it and blurred again differs by {seen.misfit:.1f} times the noise"
    )
    if seen.misfit > _BAD_MISFIT:
        return [("poor", f"{differs}: the blur differs across the region, or is another.")]
    # What JPEG leaves is never white.
    if seen.misfit > _MISFIT or (seen.white < _WHITE and not seen.coded):
        return [("fair", f"{differs}, with some structure left.")]
    if seen.misfit < _LEAST_MISFIT:
        text = (
            f"{differs}: less than noise alone would. The noise is smaller than that, or was "
            "followed; give its level if you know it."
        )
        return [("fair", text)]
    if not math.isfinite(seen.misfit):
        return []
    text = (
        f"Restored with it and blurred again, the photo is met within {seen.misfit:.1f} times its "
        "noise."
    )
    return [("good", text)]


def _of_the_kernel(seen: Evidence) -> Reasons:
    reasons = []
    if seen.agreement < _ALIKE:
        text = (
            "Searches from several starts ended in different kernels: mark a region with sharper "
            "edges, or give another size, and look at the result before you believe it."
        )
        reasons.append(("poor" if seen.agreement < _UNLIKE else "fair", text))
    if seen.edges < _SCARCE_EDGES:
        reasons.append(("fair", "The image has few edges in this region: another may tell more."))
    if seen.clipped > _CLIPPED:
        text = f"{seen.clipped:.0%} of the region is clipped and was left out."
        reasons.append(("fair", text))
    if seen.family == SHAKE and seen.size * _ROOM > seen.side:
        text = (
            f"The blur reaches over {seen.size} of {seen.side} px: that is little to find it from, "
            "and a wrong kernel explains it as well. Look at the result before you believe it."
        )
        reasons.append(("fair", text))
    if seen.family == SHAKE and seen.rim > 0.01:
        text = (
            f"The kernel reaches the border of its {seen.size} px: the blur may be wider. Estimate "
            "it with a larger size, in the PSF panel or with --size."
        )
        reasons.append(("fair", text))
    if seen.peak > 0.9:
        text = "It is hardly wider than a pixel: the image may not be blurred."
        reasons.append(("fair", text))
    return reasons


def _of_the_spectrum(seen: Evidence) -> Reasons:
    reasons = []
    if seen.blur < _FAINT:
        reasons.append(("poor", "The photo's spectrum speaks more for none than for this blur."))
    elif seen.blur < _PLAIN:
        text = "The photo's spectrum speaks for this blur only a little more than for none."
        reasons.append(("fair", text))
    if not seen.second:
        return reasons
    own, other = NAMES[seen.family], NAMES[seen.second]
    shake = seen.family == SHAKE
    if seen.overruled:
        text = (
            f"The spectrum alone looks like a {other}'s, but edges are smeared farther: neither "
            "may be right."
        )
        reasons.append(("poor" if seen.gap < _OVERRULED else "fair", text))
    elif seen.gap < 0:
        reasons.append(("fair", f"The photo's spectrum looks more like a {other}'s."))
    elif not shake and seen.gap < _EQUAL and seen.gap < seen.shake < _NEAR_SHAKE:
        text = f"A {other} and a camera shake fit about as well as a {own}: it may be any of them."
        reasons.append(("poor", text))
    elif seen.gap < (_CLEAR_SHAKE if shake else _EQUAL):
        reasons.append(("fair", f"Two families fit about equally well: {own} and {other}."))
    elif not shake and seen.shake < _NEAR_SHAKE:
        reasons.append(("fair", f"A camera shake fits nearly as well as a {own}."))
    else:
        reasons.append(("good", f"{own[0].upper()}{own[1:]} fits best, then {other}."))
    return reasons


def _against_none(spectrum: Spectrum, psf: NDArray[np.float32]) -> float:
    """How much better a blur suits the spectrum than none, per block; infinite if too wide."""
    if max(psf.shape) > spectrum.size:
        return math.inf
    none, blur = (spectrum.deviance(k.astype(np.float64))[0] for k in (np.ones((1, 1)), psf))
    return (none - blur) / spectrum.count
