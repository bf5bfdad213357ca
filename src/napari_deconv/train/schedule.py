"""What recipes for images and for stacks have in common: what is trained, how, and for how long."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from ..core.errors import DeconvError
from ..core.spec import Spec
from ..restoration.base import Method
from ..restoration.networks.base import LearnedMethod, Norm


class Schedule(Spec):
    """What to train, how, and for how long.

    Parameters
    ----------
    method : Method
        The network, as a configured method.
    start : str
        Id or file of weights to begin from, of as many stages or fewer; empty begins at random.
    steps : int
        Length of the schedule, in optimiser steps.
    rate : float
        Peak learning rate. log gamma gets ten times as much.
    rate_end : float
        Part of the peak to which a cosine brings it down.
    optimiser : str
        ``adamw``; or ``muon`` for matrices and the filters of layers, and AdamW for the rest.
    loss : str
        Of what is missed, over the noise: ``l1`` is the mean of its size, ``l2`` of its square,
        ``psnr`` of the logarithm of each patch's mean square, so that no patch outweighs others. A
        network with a loss of its own keeps that.
    seed : int
        Of weights and data.
    trained_on, licence : str
        What the images are, and the condition the weights carry for it.
    """

    method: Method
    start: str = ""
    steps: Annotated[int, Interval(ge=1, le=10_000_000)] = 3000
    rate: Annotated[float, Interval(gt=0, le=0.1)] = 1e-3
    rate_end: Annotated[float, Interval(gt=0, le=1)] = 0.01
    optimiser: Literal["adamw", "muon"] = "adamw"
    loss: Norm = "l1"
    seed: Annotated[int, Interval(ge=0, le=2**31 - 1)] = 0
    trained_on: str = ""
    licence: str = ""

    ranges: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that have a ``_low`` and a ``_high``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.method, LearnedMethod):
            raise DeconvError(f"{self.method.title} has nothing to train.", "Choose a network.")
        for key in self.ranges:
            low, high = getattr(self, f"{key}_low"), getattr(self, f"{key}_high")
            if low > high:
                raise DeconvError(f"{self.title}: {key} goes from {low:g} to {high:g}.", "Swap.")

    @property
    def learned(self) -> LearnedMethod:
        """The method, as the network that it is."""
        assert isinstance(self.method, LearnedMethod)
        return self.method
