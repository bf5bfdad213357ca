"""A Gaussian mixture over small patches: what photos look like, eight by eight pixels at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SIDE_PX = 8
_AREA = SIDE_PX**2
_FAINT = 0.05
"""Directions of a component that stand out of the noise by less than this are taken together."""
_RANKS = 8
"""Ranks are rounded up to multiples of it, so that components share a product."""


class Prior(nn.Module):
    """Zero-mean Gaussian mixture over patches less their mean (Zoran and Weiss 2011, Sec. 4).

    Parameters
    ----------
    components : int
        Their number; 200 in the paper.
    """

    log_weights: Tensor
    directions: Tensor
    deviations: Tensor

    def __init__(self, components: int = 200) -> None:
        super().__init__()
        self.register_buffer("log_weights", torch.zeros(components))
        self.register_buffer("directions", torch.zeros(components, _AREA, _AREA))
        self.register_buffer("deviations", torch.zeros(components, _AREA))

    @classmethod
    def of(cls, weights: NDArray[Any], covariances: NDArray[Any]) -> Prior:
        """Make the prior from mixing weights ``(K,)`` and covariances ``(K, 64, 64)``."""
        prior = cls(len(weights))
        variances, directions = torch.linalg.eigh(torch.from_numpy(covariances).double())
        prior.log_weights.copy_(torch.from_numpy(weights).log())
        prior.directions.copy_(directions.flip(-1))
        # Deviations, because float16 knows no small variances.
        prior.deviations.copy_(variances.flip(-1).clamp(min=0).sqrt())
        return prior

    def at(self, noise: float) -> Denoiser:
        """What it makes of patches with white noise of a standard deviation."""
        return Denoiser(self, noise**2)


class _Group(NamedTuple):
    """Components of one rank."""

    members: Tensor
    columns: Tensor  # (64, members * rank), scaled so that squares add up to the log likelihood
    rank: int


class Denoiser:
    """The most likely component of every patch, and its Wiener filter.

    Parameters
    ----------
    prior : Prior
        The mixture.
    noise : float
        Variance of the noise on the patches.

    Notes
    -----
    Within a component, directions whose variance is less than 5 % of the noise are given their
    mean variance: hardly a choice changes, for a fraction of the products (after Parameswaran et
    al., Accelerating GMM-based patch priors for image restoration, 2018). The Wiener filter uses
    all of them.
    """

    def __init__(self, prior: Prior, noise: float) -> None:
        variances = prior.deviations.square()
        total = variances + noise
        shrink = prior.directions * (variances / total)[:, None, :]
        self._filters = shrink @ prior.directions.mT
        kept = (variances / total > _FAINT).sum(1)
        ranks = ((kept + _RANKS - 1) // _RANKS * _RANKS).clamp(max=_AREA)
        self._groups: list[_Group] = []
        self._bias = prior.log_weights.clone()
        self._tail = torch.zeros_like(self._bias)
        for rank in ranks.unique().tolist():
            self._add(prior, total, noise, (ranks == rank).nonzero()[:, 0], int(rank))

    def _add(self, prior: Prior, total: Tensor, noise: float, members: Tensor, rank: int) -> None:
        head, tail = total[members, :rank], total[members, rank:]
        level = tail.mean(1) if tail.shape[1] else torch.full_like(head[:, 0], noise)
        gain = (1 / level[:, None] - 1 / head).clamp(min=0).mul(0.5).sqrt()
        columns = prior.directions[members, :, :rank] * gain[:, None, :]
        self._groups.append(_Group(members, columns.permute(1, 0, 2).reshape(_AREA, -1), rank))
        self._tail[members] = 0.5 / level
        self._bias[members] -= 0.5 * (head.log().sum(1) + (_AREA - rank) * level.log())

    def choose(self, patches: Tensor) -> Tensor:
        """Index of the likeliest component of each patch less its mean, ``(N, 64)``."""
        score = self._bias - patches.square().sum(1, keepdim=True) * self._tail
        for members, columns, rank in self._groups:
            if rank:
                along = (patches @ columns).square_().view(len(patches), -1, rank)
                score[:, members] += along.sum(2)
        return score.argmax(1)

    def __call__(self, patches: Tensor) -> Tensor:
        """Patches ``(N, 64)`` without their noise; their means stay."""
        mean = patches.mean(1, keepdim=True)
        flat = patches - mean
        chosen = self.choose(flat)
        order = chosen.argsort()
        counts = torch.bincount(chosen, minlength=len(self._bias)).tolist()
        clean = torch.empty_like(flat)
        for k, part in enumerate(order.split(counts)):
            if len(part):
                clean[part] = flat[part] @ self._filters[k]
        return clean.add_(mean)


def denoised(
    x: Tensor, denoiser: Denoiser, stride: int, check: Callable[[], None], most: int = 1024
) -> Tensor:
    """Mean of all denoised patches over each pixel of a periodic image, ``(Y, X)``.

    Parameters
    ----------
    x : Tensor
        ``(Y, X)``.
    denoiser : Denoiser
        What is done to the patches.
    stride : int
        Pixels from one patch to the next, at most 8.
    check : callable
        Called for every slab of rows; may raise.
    most : int
        Patches at a time.
    """
    height, width = x.shape
    wrapped = _wrapped(x)
    total, count = torch.zeros_like(wrapped), torch.zeros_like(wrapped)
    columns = -(-width // stride)
    rows = max(1, most // columns) * stride
    span = (columns - 1) * stride + 1
    for top in range(0, height, rows):
        check()
        part = wrapped[top : min(top + rows, height) - 1 + SIDE_PX]
        windows = part.unfold(0, SIDE_PX, stride).unfold(1, SIDE_PX, stride)
        clean = denoiser(windows.reshape(-1, _AREA)).view(windows.shape)
        high = (len(clean) - 1) * stride + 1
        for i in range(SIDE_PX):
            for j in range(SIDE_PX):
                place = (slice(top + i, top + i + high, stride), slice(j, j + span, stride))
                total[place] += clean[:, :, i, j]
                count[place] += 1
    return _folded(total, x.shape).div_(_folded(count, x.shape))


def _wrapped(x: Tensor) -> Tensor:
    """Repeat the first rows and columns at the end, so that every pixel begins a patch."""
    rows = torch.arange(len(x) + SIDE_PX - 1, device=x.device) % len(x)
    columns = torch.arange(x.shape[1] + SIDE_PX - 1, device=x.device) % x.shape[1]
    return x[rows][:, columns]


def _folded(x: Tensor, shape: torch.Size) -> Tensor:
    """The adjoint of `_wrapped`."""
    rows = torch.arange(len(x), device=x.device) % shape[0]
    columns = torch.arange(x.shape[1], device=x.device) % shape[1]
    out = x.new_zeros(shape[0], x.shape[1]).index_add_(0, rows, x)
    return x.new_zeros(tuple(shape)).index_add_(1, columns, out)
