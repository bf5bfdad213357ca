"""One contestant on one case: estimate, score, seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..engine.streaming import drain, stream
from ..metrics import Score
from ..restoration.base import Method
from .contestants import Contestant
from .scenes import Case

_MOST_ITERATIONS = 1000
_PATIENCE = 50
_MOST_THIRDS = 18
"""Thirds of octaves that the search for a best value goes up or down: a factor of 64."""


@dataclass(frozen=True)
class Computing:
    """Where and how contestants compute; as in `stream`."""

    device: str = "cpu"
    precision: str = "auto"

    def __str__(self) -> str:
        return self.device if self.precision == "auto" else f"{self.device} in {self.precision}"


USUAL = Computing()


@dataclass(frozen=True)
class Attempt:
    """Score and time of a contestant on a case.

    Parameters
    ----------
    score : Score
        Of its estimate.
    seconds : float
        Wall-clock time of that estimate; an oracle's search is not counted.
    setting : str
        What an oracle chose.
    """

    score: Score
    seconds: float
    setting: str = ""


def attempt(
    who: Contestant, case: Case, noise_given: bool = False, where: Computing = USUAL
) -> Attempt:
    """Run a contestant on a case.

    Parameters
    ----------
    who : Contestant
        Method or oracle.
    case : Case
        Blurred image and truth.
    noise_given : bool
        Whether the method gets the noise level; otherwise it estimates it.
    where : Computing
        Device and number format.

    Raises
    ------
    DeconvError
        As `stream`.
    """
    if who.method is None:
        return Attempt(case.score(case.blurred), 0.0)
    if who.oracle == "best" and who.field == "iterations":
        return best_iteration(who.method, case, noise_given, where)
    if who.oracle == "best":
        return best_value(who, case, noise_given, where)
    return once(who.on(case), case, noise_given, where)


def once(method: Method, case: Case, noise_given: bool, where: Computing) -> Attempt:
    """A method as it is configured."""
    began = time.perf_counter()
    estimate = drain(_stream(method, case, noise_given, where)).data
    return Attempt(case.score(estimate), time.perf_counter() - began)


def best_value(who: Contestant, case: Case, noise_given: bool, where: Computing) -> Attempt:
    """The value of a field with the best PSNR: uphill in thirds of octaves, then half of that."""
    assert who.method is not None
    middle, tried = who.start(case), dict[float, Attempt]()

    def at(third: float) -> float:
        if third not in tried:
            value = middle * 2.0 ** (third / 3)
            assert who.method is not None
            tried[third] = once(who.method.but(**{who.field: value}), case, noise_given, where)
        return tried[third].score.psnr_db

    step = 1 if at(1) >= at(-1) else -1
    best: float = max((0, step), key=at)
    while best and abs(best) < _MOST_THIRDS and at(best + step) > at(best):
        best += step
    best = max((best - 0.5, best, best + 0.5), key=at)
    value = f"{who.field}={middle * 2.0 ** (best / 3):.3g}"
    edge = " (edge of the search)" if abs(best) >= _MOST_THIRDS else ""
    return Attempt(tried[best].score, tried[best].seconds, value + edge)


def best_iteration(method: Method, case: Case, noise_given: bool, where: Computing) -> Attempt:
    """The iteration with the best PSNR of one long run, every estimate being looked at.

    It stops when the best lies far behind: after twice as many iterations and 50 more.
    """
    high = method.fields()["iterations"].high
    most = int(min(high or _MOST_ITERATIONS, _MOST_ITERATIONS))
    best, best_db, best_at, best_seconds, spent = case.blurred, -np.inf, 0, 0.0, 0.0
    run, began = _stream(method.but(iterations=most), case, noise_given, where), time.perf_counter()
    for done, step in enumerate(run, 1):
        spent += time.perf_counter() - began
        estimate = _whole(step, case)
        psnr_db = quick_psnr(estimate, case)
        if psnr_db > best_db:
            best, best_db, best_at, best_seconds = estimate.copy(), psnr_db, done, spent
        if done > 2 * best_at + _PATIENCE:
            break
        began = time.perf_counter()
    run.close()
    edge = " (edge of the search)" if best_at == most else ""
    return Attempt(case.score(best), best_seconds, f"iterations={best_at}{edge}")


def quick_psnr(estimate: NDArray[np.float32], case: Case) -> float:
    """PSNR as the protocol has it, without the SSIM that costs ten times as much."""
    borders = [n // 2 for n in case.psf.shape]
    window = tuple(slice(b, n - b) for b, n in zip(borders, case.truth.shape, strict=True))
    error = np.clip(estimate[window], 0, 1) - case.truth[window]
    return float(-10 * np.log10(np.mean(np.square(error, dtype=np.float64)) + 1e-30))


def _stream(method: Method, case: Case, noise_given: bool, where: Computing) -> Any:
    noise = case.noise if noise_given else None
    return stream(
        method, case.blurred, case.psf, noise=noise, device=where.device, precision=where.precision
    )


def _whole(step: Any, case: Case) -> NDArray[np.float32]:
    estimate: NDArray[np.float32] = step.preview()[0]
    if estimate.shape != case.blurred.shape:
        raise DeconvError(
            "The image is cut into tiles, so that no iteration is seen as a whole.",
            "Use smaller images for iterations=best.",
        )
    return estimate
