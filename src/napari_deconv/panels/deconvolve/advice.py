"""Recommend a method and fitting weights for the image, in a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ...core.errors import DeconvError
from ..kit.job import Job, steps_of
from ..kit.parts import Delay

if TYPE_CHECKING:
    from ...restoration.choice import Recommendation

_WAIT_MS = 200


@dataclass(frozen=True, eq=False)
class Question:
    """The image and PSF that advice is wanted for.

    Parameters
    ----------
    data : array_like
        The image.
    axes : str
        One letter per axis.
    ndim : int
        Dimensions that are restored together.
    psf : ndarray or None
        The PSF; None while it is not known.
    spacing : tuple of float or None
        Voxel size along the last ``ndim`` axes, where the layer has one.
    device, precision : str
        As set in the preferences.
    """

    data: Any
    axes: str
    ndim: int
    psf: NDArray[np.float32] | None
    spacing: tuple[float, ...] | None
    device: str
    precision: str


@dataclass(frozen=True, eq=False)
class Advice:
    """The recommended method and the weights that fit the PSF.

    Parameters
    ----------
    recommendation : Recommendation
        The method, and why.
    trained : mapping
        Name of a network for one PSF -> how it stands to this PSF, in a few words.
    """

    recommendation: Recommendation
    trained: Mapping[str, str]


class Advisor:
    """Asks anew when something changed; silent where there is no answer.

    Parameters
    ----------
    owner : QWidget
        The panel.
    ask : callable
        Returns the `Question` as the panel stands, or None.
    tell : callable
        Told the `Advice`.
    """

    def __init__(
        self,
        owner: QWidget,
        ask: Callable[[], Question | None],
        tell: Callable[[Advice], object],
    ) -> None:
        self._ask = ask
        self.job = Job(owner)
        self.job.on_result = tell
        self._delay = Delay(owner, _WAIT_MS, self._start)

    def refresh(self) -> None:
        """Something changed: what was said may be wrong."""
        self.job.stop()
        self._delay.start()

    def _start(self) -> None:
        question = self._ask()
        if question is not None:
            self.job.start(steps_of(lambda: _answer(question)))


def _answer(question: Question) -> Advice:
    from ...restoration.choice import automatic

    stand_in = np.ones((1,) * question.ndim, np.float32)
    recommendation = automatic(
        question.data, stand_in, axes=question.axes, nan="unseen", spacing=question.spacing,
        device=question.device, precision=question.precision,
    )  # fmt: skip
    return Advice(recommendation, {} if question.psf is None else _trained(question.psf))


def _trained(psf: NDArray[np.float32]) -> Mapping[str, str]:
    from ...restoration.base import methods
    from ...restoration.networks.base import LearnedMethod
    from ...restoration.networks.one_psf import ALIKE
    from ...train import library

    words = {}
    for name, kind in methods().items():
        if not issubclass(kind, LearnedMethod) or not kind.one_psf:
            continue
        try:
            nearest = next(iter(library.matches(name, psf)), None)
        except DeconvError:
            continue
        if nearest is not None and nearest.distance <= ALIKE:
            words[name] = "trained for this PSF"
        else:
            words[name] = "needs a training" if kind.untrained else "untrained for this PSF"
    return words
