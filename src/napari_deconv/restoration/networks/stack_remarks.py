"""What a network for stacks says of a stack that is not like those it learned from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...engine.problem import Problem
from .noise_level import TOLERANCE, growth_remark

LEAST_NOISE, MOST_NOISE = 0.005, 0.5
"""Root mean variance of the noise of the stacks that are trained on, on the unit scale."""
_PHOTONS = (5.0, 2000.0)
_COARSEST = 8.0
"""Of z-steps, in pixels."""
_CLIPPED = 1e-3
_FEWEST_PLANES = 8


def stack_remarks(problem: Problem, header: Mapping[str, Any], reblur: float) -> Iterator[str]:
    """Remarks on a stack and its result, a sentence or two each.

    Parameters
    ----------
    problem : Problem
        A part of the stack.
    header : mapping
        Of the weights.
    reblur : float
        Root mean square of what the re-blurred result misses, on the unit scale; NaN if unknown.
    """
    recipe = header.get("recipe", {})
    low = recipe.get("photons_low", _PHOTONS[0]) / TOLERANCE
    high = recipe.get("photons_high", _PHOTONS[1]) * TOLERANCE
    if grown := growth_remark(problem):
        yield grown
    if problem.law is not None:
        photons = 1 / max(problem.law.slope, 1e-12)
        if not low / 2 <= photons <= 2 * high:
            few = photons < low
            yield (
                f"There are about {photons:.3g} photons where it is brightest; the network learned "
                f"from {low * TOLERANCE:g} to {high / TOLERANCE:g}: the "
                f"result may be {'invented in part' if few else 'softer than it need be'}."
            )
    elif problem.noise > MOST_NOISE * TOLERANCE:
        yield (
            f"The noise, {problem.noise:.0%} of the brightest, is more than the network learned "
            "from; the result may be invented in part."
        )
    steps = problem.spacing[0] / min(problem.spacing[1:]) if problem.spacing else 1.0
    if steps > _COARSEST * TOLERANCE:
        yield (
            f"The z-steps are {steps:.3g} times as coarse as the pixels; the network learned from "
            f"up to {_COARSEST:g}: look closely along z."
        )
    if steps < 1 / TOLERANCE:
        yield "The z-steps are finer than the pixels, which the network never saw."
    planes = problem.seen.shape[1]
    if planes < _FEWEST_PLANES:
        yield (
            f"A stack of {planes} planes says little of what lies above and below; what is "
            "in focus may be taken for haze, and the reverse."
        )
    seen = problem.seen.detach().cpu().numpy()
    clipped = float(np.mean(seen >= problem.white - 1e-6))
    if clipped > _CLIPPED and problem.bits:
        yield (
            f"{clipped:.1%} of the voxels are as bright as the brightest: if the camera clipped "
            "them, brightness and size of such structures are not to be measured."
        )
    shown = ""
    if math.isfinite(reblur):
        shown = (
            f" Blurred again, this result differs from the stack by {reblur * problem.scale:.3g} "
            f"(RMS), where the noise is {problem.noise * problem.scale:.3g}."
        )
    yield f"A network can invent structure: do not measure in its result unchecked.{shown}"
