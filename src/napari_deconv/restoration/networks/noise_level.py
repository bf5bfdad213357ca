"""The noise level that a network gets, and remarks on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...engine.problem import Problem
from ...signal.noise_law import NoiseLaw

TOLERANCE = 1.25
"""How far noise and PSF may lie outside before it is worth a word: estimates are that good."""
NOISE = (0.003, 0.1)
"""Taken for weights that do not say what noise they saw."""


@dataclass(frozen=True, eq=False)
class Noise:
    """The noise level that a network gets, held in the range its weights were trained for.

    Parameters
    ----------
    sigma : Tensor
        Root of the mean variance over the image, on the unit scale, ``(1, 1, 1, 1)``.
    low, high : float
        Ends of the range.
    law : NoiseLaw or None
        How the noise grows with brightness.
    """

    sigma: Tensor
    low: float
    high: float
    law: NoiseLaw | None = None

    @classmethod
    def of(cls, problem: Problem, levels: tuple[float, float]) -> Noise:
        """Take the noise of a problem, for weights that know noise between two levels."""
        low, high = levels
        sigma = problem.seen.new_full((1, 1, 1, 1), min(max(problem.noise, low), high))
        return cls(sigma, low, high, problem.law)

    def near(self, mean: Tensor) -> Tensor | None:
        """Noise around each pixel over ``sigma``; None where it is the same everywhere.

        The layers look no farther than some tens of pixels, within which brightness changes
        little: so weights that were trained on uniform noise can use it.

        Parameters
        ----------
        mean : Tensor
            Blurred images without their noise, ``(B, 1, Y, X)``, as is the result.
        """
        if self.law is None:
            return None
        local: Tensor = self.law.variance(mean).sqrt().clip(self.low, self.high) / self.sigma
        return local


def faithful(problem: Problem, x: Tensor, sigma: Tensor) -> Tensor:
    """The estimate with the data's last word, where there is less noise than the weights saw.

    A damped inverse of what the re-blurred estimate leaves of the image is added, the less damped
    the less noise there is; at the least noise that the weights know, nothing is.

    Parameters
    ----------
    problem : Problem
        Gives image, blur and noise.
    x : Tensor
        The network's estimate, ``(C, *problem.grid)``.
    sigma : Tensor
        Noise that the network was told.
    """
    share = problem.noise / float(sigma)
    if share >= 0.99:
        return x
    blurred = problem.blur.forward(x)
    left = problem.with_ring(x, blurred=blurred) - blurred
    # A clipped pixel says only that there was at least as much light.
    clipped = problem.seen >= problem.white
    left[problem.window] = torch.where(
        clipped, left[problem.window].clamp(min=0), left[problem.window]
    )
    damping = _LEAST_DAMPING + 0.1 * share**2 / (1 - share**2)
    otf = problem.blur.otf
    return x + problem.blur.filter(left, otf.conj() / (otf.abs().square() + damping))


_LEAST_DAMPING = 1e-3


def noise_range(header: Mapping[str, Any]) -> tuple[float, float]:
    """Least and most noise that weights saw, on the unit scale."""
    recipe = header.get("recipe", {})
    return recipe.get("noise_low", NOISE[0]), recipe.get("noise_high", NOISE[1])


def growth_remark(problem: Problem) -> str:
    """The noise of a dark and of a bright pixel, where they differ."""
    if problem.law is None:
        return ""
    dark, bright = (
        problem.scale * math.sqrt(problem.law.variance(np.float64(level))) for level in (0.0, 1.0)
    )
    return (
        f"The noise grows with brightness, from {dark:.3g} in the dark to {bright:.3g} where it is "
        "brightest; the network is told so, place by place."
    )


def noise_remark(noise: float, header: Mapping[str, Any]) -> str:
    """A warning where the noise lies outside what weights were trained on, or nothing."""
    low, high = noise_range(header)
    if low / TOLERANCE <= noise <= high * TOLERANCE:
        return ""
    result = "smoother than it need be" if noise < low else "noisy, or with invented structure"
    return (
        f"The noise, {noise:.2%} of the brightest, lies outside the {low:.1%} to {high:.0%} that "
        f"the weights {header['id']!r} were trained on; the result may be {result}."
    )
