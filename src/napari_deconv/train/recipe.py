"""A training recipe: everything that decides which weights come out."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval

from ..core.errors import DeconvError
from ..core.spec import Spec
from ..degradation.sampling import Sampler, standard_psfs
from ..restoration.base import Method


class Recipe(Spec, title="Training recipe"):
    """What to train, on what, for how long.

    Parameters
    ----------
    method : Method
        The network, as a configured method.
    start : str
        Id or file of weights to begin from, of as many stages or fewer; empty begins at random.
    sampler : Sampler
        Random PSFs and cameras; boundary and read noise are the trainer's.
    noise_low, noise_high : float
        Range of the noise's standard deviation on the unit scale, drawn log-uniformly.
    patch_px : int
        Side of the training patches.
    batch : int
        Patches per step.
    steps : int
        Length of the schedule, in optimiser steps.
    rate : float
        Peak learning rate; cosine to a hundredth of it. log gamma gets ten times as much.
    seed : int
        Of weights and data.
    held_out : int
        Every how many-th image is kept for validation.
    trained_on, licence : str
        What the images are, and the condition the weights carry for it.
    """

    method: Method
    start: str = ""
    sampler: Sampler = Sampler(psfs=standard_psfs())
    noise_low: Annotated[float, Interval(gt=0, le=1)] = 0.003
    noise_high: Annotated[float, Interval(gt=0, le=1)] = 0.1
    patch_px: Annotated[int, Interval(ge=32, le=512)] = 96
    batch: Annotated[int, Interval(ge=1, le=1024)] = 8
    steps: Annotated[int, Interval(ge=1, le=10_000_000)] = 3000
    rate: Annotated[float, Interval(gt=0, le=0.1)] = 1e-3
    seed: Annotated[int, Interval(ge=0, le=2**31 - 1)] = 0
    held_out: Annotated[int, Interval(ge=2, le=1000)] = 20
    trained_on: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.method.needs_weights:
            raise DeconvError(f"{self.method.title} has nothing to train.", "Choose a network.")
        if self.noise_low > self.noise_high:
            raise DeconvError(
                f"The noise goes from {self.noise_low} to {self.noise_high}.", "Swap the two."
            )
