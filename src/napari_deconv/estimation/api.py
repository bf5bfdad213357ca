"""`estimate`: the PSF of a blurred image, from the image alone."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.device import choose_device, is_out_of_memory
from ..core.errors import Cancelled, DeconvError
from ..core.fingerprint import array_hash
from ..core.progress import Step, changed_steps, drain
from ..core.words import in_words
from ..psf import PSF
from .confidence import NAMES, SHAKE, judged
from .families import FAMILIES, Fit, fits
from .kernel import centre, cleaned
from .plane import Plane, odd_size, plane_of
from .restored import window
from .result import FINE as _FINE
from .result import Estimate, Guess, Run, forward, within
from .shake import Tuning, camera_shake
from .spectrum import Spectrum, spectrum_of
from .starts import LARGE_PX, NARROW_SHARES, STARTS, Ended, agreed, best_start

Array = NDArray[np.float64]

_R = TypeVar("_R")

_PARAMETRIC_ROUNDS = 4
_FITTED, _SEARCHED = 0.15, 0.9
"""Shares of the progress at which families are fitted and the search for a shake has ended."""
_SHAKE_PRICE = 30.0
"""What the criterion counts for the freedom of a kernel of any shape; chosen on bsds500/train."""

_LARGEST = 75
_ROOM = 8
"""Kernels of more than `LARGE_PX` that must fit into the photo's shorter side."""
_PART_PX = 512
"""Side of the part that all searches but the first take: more takes longer and tells little
more."""
_FARTHER = 2.5
"""How much farther than a family says edges must be smeared, from every start of the search,
before that overrules the spectrum, whose empty high frequencies may be the camera's smoothing and
not the blur."""

_BODY = (0.05, 0.1)
"""Of a kernel only its body counts there, without what may be specks."""

log = logging.getLogger("napari_deconv")


def estimate(
    image: Any,
    size: int | None = None,
    family: str = "auto",
    region: Sequence[Any] | None = None,
    noise: float | None = None,
    *,
    axes: str | None = None,
    device: str = "auto",
    progress: Callable[[Guess], None] | None = None,
) -> Estimate:
    """Estimate the PSF of a blurred image from the image itself.

    Parameters
    ----------
    image : array_like
        Gray or colour photo, or a plane; of a stack or series the middle plane is taken.
    size : int, optional
        Odd number of pixels that the kernel may extend over; by default what the search finds, up
        to 75 for camera shake and 64 for the other families.
    family : str
        ``"gaussian"``, ``"disk"``, ``"motion"``, ``"camera-shake"``, or ``"auto"``: the one that
        the criterion likes best.
    region : sequence, optional
        First row, first column, and row and column past the last (or two slices). By default the
        whole image, or of a large one the part with the most edges.
    noise : float, optional
        Standard deviation of the noise on the image's own scale; estimated by default.
    axes : str, optional
        One letter per axis of ``image``, such as ``"YXS"``.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    progress : callable, optional
        Called with a `Guess` after every round.

    Returns
    -------
    Estimate
        With ``psf``, ``family``, ``confidence``, ``curve`` and more.

    Raises
    ------
    DeconvError
        Where the image cannot tell, in words: flat, no edges, too small, size that does not fit.
    """
    return drain(stream(image, size, family, region, noise, axes=axes, device=device), progress)


def stream(
    image: Any,
    size: int | None = None,
    family: str = "auto",
    region: Sequence[Any] | None = None,
    noise: float | None = None,
    *,
    axes: str | None = None,
    device: str = "auto",
    cancel: threading.Event | None = None,
) -> Run:
    """`estimate` round by round; ``cancel`` stops it within one transform."""
    try:
        run = _estimate(image, size, family, region, noise, axes, device, cancel)
        return (yield from forward(run))
    except DeconvError:
        raise
    except Exception as error:  # a RuntimeError would be swallowed by a thread of the window
        log.debug("estimating failed", exc_info=True)
        if is_out_of_memory(error):
            raise DeconvError("Memory ran out.", "Choose a smaller region or the CPU.") from error
        raise in_words(error, "Estimating failed", "The log has the details.") from error


def _estimate(
    image: Any,
    size: int | None,
    family: str,
    region: Sequence[Any] | None,
    noise: float | None,
    axes: str | None,
    device: str,
    cancel: threading.Event | None,
) -> Run:
    wanted = _families(family)
    where = choose_device(device)
    plane = plane_of(image, axes, region, noise)
    side = odd_size(size, plane.gray.shape)
    spectrum = spectrum_of(plane.gray.astype(np.float64), plane.noise, plane.coded)
    parametric = [name for name in wanted if name != SHAKE]
    most = float(size or min(64, min(plane.gray.shape) // 3))
    begun = (_FITTED if parametric else 0.0) if SHAKE in wanted else _SEARCHED
    fits_by_family = yield from within(_parametric(spectrum, parametric, most, cancel), 0, begun)
    if size is None and SHAKE in wanted:
        fits_by_family = [fit for fit in fits_by_family if not fit.full]
    scores = {fit.family: fit.cost for fit in fits_by_family}
    kernel, curve = None, np.zeros((0, 2))
    wide, every = tuple[Ended, ...](), tuple[Ended, ...]()
    if SHAKE in wanted:
        rival = min(scores.values(), default=math.inf) - _SHAKE_PRICE
        search = _searched(plane, size, side, spectrum, rival, where, cancel)
        ended, wide, every = yield from within(search, begun, _SEARCHED)
        kernel, curve = ended.kernel, ended.curve
        scores[SHAKE] = ended.cost + _SHAKE_PRICE
    if not parametric:  # what the shake is judged by
        rest = yield from _compared(_parametric(spectrum, list(FAMILIES), most, cancel))
        scores |= {fit.family: fit.cost for fit in rest if not fit.full}
    best = min(wanted, key=lambda name: scores.get(name, math.inf))
    overruled = False
    if kernel is not None and best != SHAKE:
        psf = next(f for f in fits_by_family if f.family == best).spec()
        far = min(_radius(cleaned(each.kernel, *_BODY)) for each in wide)
        if far > _FARTHER * _radius(psf) + 1:
            best, overruled = SHAKE, True
    spec: PSF | None = None
    agreement = 1.0
    if best == SHAKE:
        assert kernel is not None
        psf = kernel.astype(np.float32)
        agreement = agreed(ended, every)
    else:
        fit = next(f for f in fits_by_family if f.family == best)
        spec, psf, curve = fit.spec, fit.spec(), fit.curve
    yield Guess(int(_SEARCHED * _FINE), _FINE, "checking", lambda: (psf, None))
    check = judged(plane, spectrum, psf, best, scores, overruled, agreement)
    confidence = yield from within(_checked(check, cancel), _SEARCHED, 1)
    recipe: dict[str, Any] = {
        "estimate": best,
        "asked": family,
        "region": list(plane.region),
        "size": size,
        "noise": noise,
        "image": array_hash(np.asarray(plane.gray)),
        "confidence": confidence.level,
        "words": list(confidence.words),
        "scores": {name: round(score, 2) for name, score in scores.items()},
    } | ({"spec": spec.to_dict()} if spec is not None else {})
    return Estimate(psf, best, spec, confidence, curve, scores, recipe)


def _searched(
    plane: Plane,
    size: int | None,
    side: int,
    spectrum: Spectrum,
    rival: float,
    device: torch.device,
    cancel: threading.Event | None,
) -> Generator[Guess, None, tuple[Ended, tuple[Ended, ...], tuple[Ended, ...]]]:
    """See `best_start`."""
    here = window(plane, _PART_PX)
    colours = None if plane.colours is None else plane.colours[:, *here]
    part = replace(plane, gray=plane.gray[here], good=plane.good[here], colours=colours)

    def search(tuning: Tuning, bound: int) -> Generator[Guess, None, tuple[Array, Array]]:
        return camera_shake(
            plane if tuning is STARTS[0] else part, bound, grow=size is None, device=device,
            cancel=cancel, tuning=tuning,
        )  # fmt: skip

    if size is not None:
        return (yield from best_start(search, (side,), (), plane, spectrum, rival))
    most = min(plane.gray.shape) // 2
    room = min(most, max(LARGE_PX, min(plane.gray.shape) // _ROOM))
    largest = min(_LARGEST, room - 1 + room % 2)
    sizes = (side, largest) if side < largest else (side,)
    narrow = tuple(max(3, 2 * round((share * side - 1) / 2) + 1) for share in NARROW_SHARES)
    return (yield from best_start(search, sizes, narrow, plane, spectrum, rival))


def _radius(kernel: NDArray[Any]) -> float:
    """Root mean square distance of a kernel's energy from its centre."""
    k = kernel.astype(np.float64)
    offsets = np.indices(k.shape) - centre(k)[:, None, None]
    return float(np.sqrt((k * np.square(offsets).sum(0)).sum() / k.sum()))


def _families(family: str) -> tuple[str, ...]:
    names = (*FAMILIES, SHAKE)
    if family == "auto":
        return names
    if family not in names:
        raise DeconvError(
            f"family = {family!r} is unknown.", f"Choose auto, {', '.join(names[:-1])} or {SHAKE}."
        )
    return (family,)


def _parametric(
    spectrum: Spectrum, families: list[str], most_px: float, cancel: threading.Event | None
) -> Generator[Guess, None, list[Fit]]:
    results: list[Fit] = []
    total = len(families) * _PARAMETRIC_ROUNDS
    for number, family in enumerate(families):
        for part, fit in enumerate(fits(spectrum, family, most_px), 1):
            _check(cancel)
            done = number * _PARAMETRIC_ROUNDS + part
            if fit is not None:
                results.append(fit)
            psf = min(results, key=lambda f: f.cost).spec() if results else None
            yield Guess(done, total, f"spectrum: {NAMES[family]}", lambda psf=psf: (psf, None))  # type: ignore[misc]
    return results


def _compared(steps: Generator[Guess, None, _R]) -> Generator[Guess, None, _R]:
    """Fit families that are not asked for, and show nothing of them."""
    place = Guess(int(_SEARCHED * _FINE), _FINE, "comparing with other kinds of blur")
    return changed_steps(steps, lambda step: place)


def _checked(
    steps: Generator[Step, None, _R], cancel: threading.Event | None
) -> Generator[Guess, None, _R]:
    """Show the steps of the last check, and stop where asked to."""

    def checking(step: Step) -> Guess:
        _check(cancel)
        return Guess(step.done, step.total, "checking")

    return changed_steps(steps, checking)


def _check(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise Cancelled
