"""Networks made for one PSF: which one that is, and how far another is from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...engine.problem import Problem
from ..weights import about, load_network, locate, read_weights
from .layers import at_precision
from .separable import Separable
from .views import Views

_RATIOS = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
_STRUCTURE = ("activation", "second", "views", "inputs")
"""Fields that decide which weights fit."""
ALIKE = 0.02
"""Distance below which two PSFs count as one: the rounding of a file, a hair of defocus."""


def distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """How far two PSFs are apart: the norm of their difference over that of ``other``.

    Both at unit sum, centre (``size // 2``) upon centre; 0 is equal, 1 and above has nothing in
    common.
    """
    shape = [2 * max(a, b) + 1 for a, b in zip(one.shape, other.shape, strict=True)]
    first, second = (_placed(psf, shape) for psf in (one, other))
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))


def _placed(psf: NDArray[Any], shape: list[int]) -> NDArray[np.float64]:
    square = np.zeros(shape)
    starts = [n // 2 - k // 2 for n, k in zip(shape, psf.shape, strict=True)]
    square[tuple(slice(a, a + k) for a, k in zip(starts, psf.shape, strict=True))] = psf
    return square / square.sum()


def remark(method: Any, psf: NDArray[Any]) -> tuple[str, ...]:
    """What to say if a method's weights are for another PSF than the one at hand."""
    if not method.weights:
        return ()
    tensors, _ = read_weights(locate(method.weights), method.name)
    said = mismatch(psf, tensors["psf"].float().numpy(), method.weights)
    return (said,) if said else ()


def mismatch(psf: NDArray[Any], own: NDArray[Any], weights: str) -> str:
    """How far a PSF is from the one that weights were trained for; empty where they are alike."""
    away = distance(psf, own)
    if away <= ALIKE:
        return ""
    return (
        f"The weights {weights!r} were made for another PSF: it differs by {away:.0%}. "
        "Train for this one, or choose a method that takes any PSF."
    )


def grown(network: Any, tensors: Mapping[str, Tensor], *kept: str) -> dict[str, Tensor]:
    """What a network made for a PSF begins with, given weights that may be for another.

    Parameters
    ----------
    network : nn.Module
        It has a buffer ``psf``, which is zero until it is prepared.
    tensors : mapping of str to Tensor
        Weights of the same structure.
    *kept : str
        Parts that are its own where the PSFs are not alike.
    """
    if not network.psf.any():
        return dict(tensors)
    other = distance(network.psf.cpu().numpy(), tensors["psf"].float().cpu().numpy()) > ALIKE
    own = network.state_dict()
    parts = ("psf", *kept) if other else ("psf",)
    return {**tensors, **{name: own[name] for name in own if name.split(".")[0] in parts}}


def given_psf(header: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """The one PSF that weights were trained for, from their header; None if there were many."""
    families = header.get("recipe", {}).get("sampler", {}).get("psfs", ())
    if len(families) != 1 or "rows" not in families[0]:
        return None
    return np.array(families[0]["rows"], np.float32)


def network_for(method: Any, problem: Problem) -> Any:
    """A method's network with its weights, or untrained for the problem's PSF."""
    if method.weights:
        # The weights know what they are of; a form that was left at its defaults need not.
        trained = about(locate(method.weights)).get("fields", {})
        own = {key: trained[key] for key in _STRUCTURE if key in trained and hasattr(method, key)}
        return load_network(method.but(**own), problem.seen.device, problem.precision)
    network = untrained(method, problem)
    at_precision(network, problem.precision)
    return network.to(problem.seen.device).eval().requires_grad_(False)


def untrained(method: Any, problem: Problem) -> Any:
    """The network as it begins; of the inverses left open, the one of the least expected error."""
    trials = []
    for nsr in [method.nsr] if method.nsr else _RATIOS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = replace(method, nsr=nsr, start="inverse").network()
            network.prepare(iter([problem.psf.cpu().numpy()]))
        trials.append((expected_error(network.inverse, problem), nsr, network))
    return min(trials, key=lambda trial: trial[:2])[2]


@torch.no_grad()
def expected_error(layers: Separable | Views, problem: Problem) -> float:
    """Mean squared error, up to a factor, of a separable inverse on a usual image with this noise.

    With the response R, the blur K and the power ratio N of noise to image:
    the sum of ``|1 - R K|^2 / N + |R|^2`` over all frequencies but the mean.
    """
    response = layers.response(problem.grid).to(problem.seen.device)
    missed = (1 - response * problem.blur.otf).abs().square() / problem.nsr.clamp_min(1e-12)
    total = missed + response.abs().square()
    total[0, 0] = 0
    return float(total.sum())
