"""What an estimate is, and how sure."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.progress import changed_steps
from ..psf import PSF

Preview = tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]
"""The kernel so far and the image so far, either of which may not be there yet."""


@dataclass(frozen=True)
class Guess:
    """Progress of an estimation.

    Parameters
    ----------
    done, total : int
        Rounds made so far, and needed.
    label : str
        What is being worked on.
    """

    done: int
    total: int
    label: str
    _render: Callable[[], Preview] | None = field(default=None, repr=False, compare=False)
    left_s: float = math.nan
    """Rounds differ too much in length for a time to be told from them."""

    def preview(self) -> Preview:
        """Kernel and image so far; only until the run is resumed."""
        return self._render() if self._render is not None else (None, None)


@dataclass(frozen=True)
class Evidence:
    """What an estimate is judged by.

    Parameters
    ----------
    family : str
        Of the estimate.
    misfit, white : float
        Of what the photo, restored and blurred again, leaves: root mean square over the noise, and
        whiteness.
    coded : bool
        Whether the photo is a JPEG, whose noise is not white.
    blur : float
        How much better the estimate suits the photo's spectrum than no blur, per block.
    gap : float
        How much better it suits it than the next family; negative where another was better.
    second : str
        That family; empty where no other was tried.
    shake : float
        How much better it suits it than what a search for a camera shake ended in.
    agreement : float
        How like it the kernels of other searches are (`starts.agreed`).
    edges, clipped : float
        Shares of the region's pixels.
    size, side : int
        Of the kernel, and of the region's shorter side, in pixels.
    peak, rim : float
        Share of the light in the brightest pixel, and on the border of the kernel's array.
    overruled : bool
        Whether the edges spoke against the family that suited the spectrum best.
    """

    family: str
    misfit: float
    white: float
    coded: bool
    blur: float
    gap: float = math.inf
    second: str = ""
    shake: float = math.inf
    agreement: float = 1.0
    edges: float = 1.0
    clipped: float = 0.0
    size: int = 1
    side: int = 1000
    peak: float = 0.0
    rim: float = 0.0
    overruled: bool = False


@dataclass(frozen=True)
class Confidence:
    """How sure an estimate is, in words.

    Parameters
    ----------
    level : str
        ``"good"``, ``"fair"`` or ``"poor"``.
    words : tuple of str
        The reasons, each a sentence.
    whiteness : float
        Of what the restored, re-blurred photo leaves unexplained: 1 is noise (`metrics.whiteness`);
        NaN where it was not looked at.
    misfit : float
        Root mean square of that in units of the noise.
    evidence : Evidence or None
        All figures that the level was given by.
    """

    level: Literal["good", "fair", "poor"]
    words: tuple[str, ...]
    whiteness: float = float("nan")
    misfit: float = float("nan")
    evidence: Evidence | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return " ".join([f"Confidence: {self.level}.", *self.words])


@dataclass(frozen=True, eq=False)
class Estimate:
    """A PSF that was estimated from an image.

    Parameters
    ----------
    psf : ndarray
        float32, unit sum, odd sides.
    family : str
        ``"gaussian"``, ``"disk"``, ``"motion"`` or ``"camera-shake"``.
    spec : PSF or None
        The family's member; None for camera shake, which has no parameters.
    confidence : Confidence
        How sure it is.
    curve : ndarray
        ``(n, 2)``, the criterion: over the main parameter of a family (sigma, radius or length in
        px; less is better), over the rounds for camera shake (misfit of the edges), or of an edge
        the edge-spread function over the distance in px.
    scores : dict
        The criterion's value per family that was tried; less is better, differences count.
    recipe : dict
        JSON-able record of how it was made.
    """

    psf: NDArray[np.float32]
    family: str
    spec: PSF | None
    confidence: Confidence
    curve: NDArray[np.float64]
    scores: dict[str, float]
    recipe: dict[str, Any]

    @property
    def runner_up(self) -> str:
        """The second best family; empty where only one was tried."""
        ranked = sorted(self.scores, key=lambda name: self.scores[name])
        return next((name for name in ranked if name != self.family), "")


Run = Generator[Guess, None, Estimate]

FINE = 1000
"""Parts of a progress: stages of different kinds count by their share."""

_R = TypeVar("_R")


def within(
    steps: Generator[Guess, None, _R], start: float, stop: float
) -> Generator[Guess, None, _R]:
    """Show a stage's progress between two shares of the whole; return what the stage returns."""

    def share(step: Guess) -> Guess:
        done = start + (stop - start) * step.done / max(1, step.total)
        return replace(step, done=int(FINE * done), total=FINE)

    return changed_steps(steps, share)


def forward(steps: Generator[Guess, None, _R]) -> Generator[Guess, None, _R]:
    """Show a progress that never goes back: a search that begins anew stays where it was."""
    reached = 0

    def ahead(step: Guess) -> Guess:
        nonlocal reached
        reached = max(reached, step.done)
        return replace(step, done=reached)

    return changed_steps(steps, ahead)
