"""Camera shake from one photo: edges and kernel in turn, from coarse to fine."""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..signal.fourier import Blur
from ..signal.gradients import gradient
from ..signal.strong_edges import l0_edges
from . import kernel as kernels
from .kernel_fit import fit_kernel
from .plane import Plane
from .result import Guess, Preview
from .scale import Scale, scale_of

Array = NDArray[np.float64]

_RATIO = math.sqrt(2)
_COARSEST_PX = 5
_BODY = (0.05, 0.1)
"""Share of the peak, and of the energy for an island, below which is no body of a kernel."""


@dataclass(frozen=True)
class Tuning:
    """What was tuned, on bsds500/train with kernels of the camera-shake generator.

    Parameters
    ----------
    edge_price, edge_decay, least_edge_price : float
        Price of an edge in the latent image at the first round of a scale, what it is divided by
        from round to round, and where that ends.
    rounds : int
        Rounds per scale.
    ridge, price : float
        See `fit_kernel`.
    floor, island : float
        See `kernels.cleaned`.
    lean : bool
        Whether only the body of a kernel is taken over to the next scale: room for what is faint
        and far from its path is room for wrong kernels.
    """

    edge_price: float = 2e-3
    edge_decay: float = 1.1
    least_edge_price: float = 1e-4
    rounds: int = 5
    ridge: float = 0.2
    price: float = 5e-4
    floor: float = 0.015
    island: float = 0.02
    lean: bool = False


def camera_shake(
    plane: Plane,
    size: int,
    *,
    grow: bool = False,
    device: torch.device | None = None,
    cancel: threading.Event | None = None,
    tuning: Tuning | None = None,
) -> Generator[Guess, None, tuple[Array, Array]]:
    """Estimate a kernel of any shape.

    From a coarse scale on, where the blur is a few pixels, two steps alternate: the image of few
    edges that explains the photo (`l0_edges`), and the non-negative kernel that blurs these edges
    into the photo's (`fit_kernel`), which is then freed of specks and centred. The kernel is taken
    over to the next scale, finer by sqrt 2.

    Parameters
    ----------
    plane : Plane
        The photo.
    size : int
        Odd side of the kernel.
    grow : bool
        Whether ``size`` is only the most it may be: then each scale searches somewhat beyond what
        the one before it found.
    device : torch.device, optional
        Where to compute.
    cancel : threading.Event, optional
        Set it to stop within one transform.
    tuning : Tuning, optional
        Other settings than those that were found best.

    Yields
    ------
    Guess
        After every round.

    Returns
    -------
    tuple of ndarray
        The kernel, float64 of unit sum; and ``(n, 2)``: round, and the share of the edges' energy
        that is not explained.
    """
    tuned = tuning or Tuning()
    curve: list[tuple[int, float]] = []
    levels = max(1, math.floor(math.log(size / _COARSEST_PX, _RATIO)) + 1)
    total = levels * tuned.rounds
    k, zoom = kernels.delta(3), _RATIO**-levels
    for level in reversed(range(levels)):
        last, zoom = zoom, _RATIO**-level
        side = _odd(size * zoom)
        if grow and level < levels - 1:
            k = _body(k) if tuned.lean else k
            room = 1.5 if tuned.lean else 2
            side = min(side, 2 * math.ceil(1.2 * kernels.reach(k) * zoom / last + room) + 1)
        scale = scale_of(plane, side, zoom, device)
        start = _begun(side) if level == levels - 1 else kernels.resized(k, side, zoom / last)
        for k, x, misfit in _rounds(scale, start, tuned, cancel):
            curve.append((len(curve) + 1, misfit))
            yield Guess(len(curve), total, scale.label, lambda k=k, x=x: _shown(k, x))  # type: ignore[misc]
    k = _body(k) if tuned.lean else k
    return _cropped(k) if grow else k, np.array(curve)


def _rounds(
    scale: Scale, k: Array, tuned: Tuning, cancel: threading.Event | None
) -> Iterator[tuple[Array, Tensor, float]]:
    """The alternation on one scale."""
    x, price = None, tuned.edge_price
    for _ in range(tuned.rounds):
        blur = Blur(_tensor(k, scale.y), scale.y.shape[1:], cancel)
        # What nobody saw is what the last round says; the first has nothing better than mirrors.
        y = scale.y if x is None else torch.where(scale.valid > 0, scale.y, blur.forward(x))
        x = l0_edges(y, blur, scale.rough, price)
        edges = gradient(x) * scale.inner
        raw = fit_kernel(
            edges, scale.seen, _tensor(k, scale.y), ridge=tuned.ridge, price=tuned.price
        )
        blurred = Blur(raw / raw.sum().clamp(min=1e-6), scale.y.shape[1:], cancel).forward(edges)
        energy = float((scale.seen * scale.inner).square().sum())
        misfit = float(((blurred - scale.seen) * scale.inner).square().sum()) / max(energy, 1e-12)
        k = kernels.cleaned(raw.cpu().double().numpy(), tuned.floor, tuned.island)
        k = kernels.centred(k)
        price = max(price / tuned.edge_decay, tuned.least_edge_price)
        yield k, x[scale.window], misfit


def _body(k: Array) -> Array:
    return kernels.centred(kernels.cleaned(k, *_BODY))


def _odd(size: float) -> int:
    return max(3, 2 * round((size - 1) / 2) + 1)


def _begun(side: int) -> Array:
    """Two pixels: from a single one, which blurs nothing, nothing would move on."""
    k = np.zeros((side, side))
    k[side // 2, side // 2 : side // 2 + 2] = 0.5
    return k


def _cropped(k: Array) -> Array:
    """The odd square that holds it, with an empty rim."""
    half = len(k) // 2
    keep = min(half, kernels.reach(k) + 1)
    return k[half - keep : half + keep + 1, half - keep : half + keep + 1]


def _tensor(k: Array, like: Tensor) -> Tensor:
    return torch.as_tensor(k, dtype=torch.float32, device=like.device)


def _shown(k: Array, x: Tensor) -> Preview:
    return k.astype(np.float32), (x.sum(0) / len(x) ** 0.5).cpu().numpy()
