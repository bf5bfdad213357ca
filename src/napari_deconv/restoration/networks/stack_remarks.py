"""What a network for stacks says of a stack that is not like those it learned from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...engine.problem import Problem
from ..multiplicative import pedestal_remark
from .noise_level import TOLERANCE, growth_remark

LEAST_NOISE, MOST_NOISE = 0.005, 0.5
"""Root mean variance of the noise of the stacks that are trained on, on the unit scale."""
LEAST_PHOTONS, MOST_PHOTONS = 5.0, 2000.0
"""At the brightest voxel of the stacks that are trained on."""
_PEDESTAL = 0.45
"""Background and camera offset together over the brightest voxel, at most."""
_VOXELS = (14, 5000)
"""That a PSF counts as, one over the sum of its squares."""
_COARSEST = 8.0
"""Of z-steps, in pixels."""
_CLIPPED = 1e-3
_FEWEST_PLANES = 8


def photon_slope(problem: Problem) -> float:
    """Variance of the noise by brightness, as if it were that of photons where nothing was seen."""
    if problem.law is not None and problem.law.slope > 0:
        return problem.law.slope
    return problem.noise**2 / max(problem.mean, problem.noise**2, 1e-9)


def unlike_trained(photons: float, planes: int, steps: float, clipped: bool) -> str:
    """In what a stack is not like those that the shipped weights learned from; empty if it is.

    Parameters
    ----------
    photons : float
        At the brightest voxel.
    planes : int
        How many it has.
    steps : float
        Z-steps in pixels.
    clipped : bool
        Whether its highlights are.
    """
    if planes < _FEWEST_PLANES:
        return f"of {planes} planes"
    if clipped:
        return "with clipped highlights"
    if not 1 / TOLERANCE <= steps <= _COARSEST * TOLERANCE:
        return f"with z-steps of {steps:.2g} pixels"
    if not LEAST_PHOTONS / TOLERANCE <= photons <= MOST_PHOTONS * TOLERANCE:
        return f"whose noise is that of about {photons:.2g} photons where it is brightest"
    return ""


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
    low, high = recipe.get("photons_low", LEAST_PHOTONS), recipe.get("photons_high", MOST_PHOTONS)
    if grown := growth_remark(problem):
        yield grown
    photons = 1 / max(photon_slope(problem), 1e-9)
    if problem.law is None and problem.noise > MOST_NOISE * TOLERANCE:
        yield (
            f"The noise, {problem.noise:.0%} of the brightest, is more than the network learned "
            "from; the result may be invented in part."
        )
    elif photons < low / TOLERANCE:
        yield (
            f"There are about {photons:.2g} photons where it is brightest; the network learned "
            f"from {low:g} to {high:g}: the result may be invented in part."
        )
    elif photons > high * TOLERANCE:
        yield (
            f"The noise is that of about {photons:.2g} photons where it is brightest; the network "
            f"learned from {low:g} to {high:g} and restored it as one of {high:g}. The more light "
            "there is, the more iterations of Richardson-Lucy follow, which keep to the data."
        )
    if looks := pedestal_remark(problem):
        yield f"{looks} The result has it too: subtract it before you measure brightness."
    if problem.dark > _PEDESTAL * TOLERANCE:
        yield (
            f"Even the darkest places have {problem.dark:.0%} of the brightest: background, or an "
            f"offset that the camera adds. The network learned from up to {_PEDESTAL:.0%}: "
            "subtract the camera's offset first, if there is one."
        )
    voxels = 1 / max(float(problem.psf.square().sum()), 1e-9)
    if not _VOXELS[0] / 2 <= voxels <= 2 * _VOXELS[1]:
        wide = voxels > _VOXELS[1]
        yield (
            f"The PSF spreads light over about {voxels:.2g} voxels; the network learned from "
            f"{_VOXELS[0]:g} to {_VOXELS[1]:g}, of apertures from 0.4 to 1.45: "
            + (
                "bin the stack, or take the result with caution."
                if wide
                else "there is little blur to undo."
            )
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
