"""Inverse kernels taken apart into pairs of one-dimensional filters, and networks of such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ....core.errors import DeconvError
from .low_rank import pseudo_inverse, tap_spectrum

_LEAST_SINGULAR = 0.01
_CUT = 0.01
"""Part of a PSF that may lie beyond the filters' reach."""


def fitted(psf: Tensor, taps: int) -> Tensor:
    """A PSF on ``taps`` x ``taps`` pixels, unit sum, its centre at ``taps // 2``.

    Raises
    ------
    DeconvError
        If more than 1 % of it lies farther out.
    """
    square = psf.new_zeros(taps, taps)
    to, of = zip(*(_overlap(n, taps) for n in psf.shape), strict=True)
    square[to] = psf[of]
    if float(square.sum()) < (1 - _CUT) * float(psf.sum()):
        size = "x".join(map(str, psf.shape))
        raise DeconvError(
            f"The PSF of {size} pixels is too large for a network whose filters have {taps} taps.",
            "Crop the PSF, or bin the image; any other method takes it as it is.",
        )
    return square / square.sum()


def _overlap(n: int, taps: int) -> tuple[slice, slice]:
    """Place an axis of n pixels among ``taps``, centre upon centre."""
    first = taps // 2 - n // 2
    return slice(max(0, first), min(taps, first + n)), slice(max(0, -first), taps - first)


def separable_inverse(psf: Tensor, nsr: float, taps: int, most: int) -> tuple[Tensor, Tensor]:
    """Pairs of filters whose products sum up to a PSF's pseudo-inverse (Xu et al. 2014, Eq. 5).

    The singular value decomposition of Wiener's kernel ``conj(K) / (|K|^2 + nsr)``, without the
    values below 0.01. The kernel fades out towards the ends of the filters, where the paper cuts
    it off: that is worth several dB and a fifth of the rank where it reaches so far. The sum of
    what is left is scaled to 1, so that the flux is kept.

    Parameters
    ----------
    psf : Tensor
        ``(taps, taps)``, from `fitted`.
    nsr : float
        Noise-to-signal power ratio, the same at all frequencies; 1e-4 in the paper.
    taps : int
        Length of the filters, odd.
    most : int
        Most pairs.

    Returns
    -------
    tuple of Tensor
        Filters down and along, ``(pairs, taps)``, with the singular values shared between them.
    """
    canvas = torch.nn.functional.pad(psf.double(), [taps] * 4)  # the kernel dies out within it
    kernel = pseudo_inverse(canvas[None], nsr)[0, taps:-taps, taps:-taps]
    fade = torch.hann_window(taps + 2, periodic=False, dtype=torch.float64)[1:-1]
    left, values, right = torch.linalg.svd(kernel * fade[:, None] * fade)
    count = min(most, max(1, int((values >= _LEAST_SINGULAR).sum())))
    down, along = left.T[:count], right[:count]
    total = (values[:count] * down.sum(1) * along.sum(1)).sum()
    share = (values[:count] / total.abs()).sqrt()[:, None]
    return (down * share * total.sign()).float(), (along * share).float()


def filter_down(x: Tensor, taps: Tensor) -> Tensor:
    """Circular convolution down the columns, ``(B, 1, Y, X)`` by ``(M, d)`` to ``(B, M, Y, X)``.

    By Fourier transform, which for 121 taps is several times faster than a convolution layer.
    """
    rows = x.shape[-2]
    response = tap_spectrum(taps, rows, half=True)[..., None]
    return torch.fft.irfft(torch.fft.rfft(x, dim=-2) * response, n=rows, dim=-2)


def filter_along(x: Tensor, taps: Tensor) -> Tensor:
    """Circular convolution along the rows, each map by its own filter or all by all.

    Parameters
    ----------
    x : Tensor
        ``(B, M, Y, X)``.
    taps : Tensor
        ``(M, d)``: one filter a map; ``(N, M, d)``: a full layer with N maps out.
    """
    columns = x.shape[-1]
    spectrum = torch.fft.rfft(x)
    response = tap_spectrum(taps, columns, half=True)
    if taps.ndim == 2:
        return torch.fft.irfft(spectrum * response[:, None], n=columns)
    mixed = torch.einsum("bmyf,nmf->bnyf", spectrum, response)
    return torch.fft.irfft(mixed, n=columns)


def wrap(x: Tensor, before: int, after: int) -> Tensor:
    """Images ``(B, C, Y, X)`` continued periodically, around more than once if need be."""
    for axis in (-1, -2):
        n = x.shape[axis]
        x = x.index_select(axis, torch.arange(-before, n + after, device=x.device) % n)
    return x


def bent(x: Tensor, activation: str) -> Tensor:
    """A nonlinearity of slope 1 at 0, in place: ``tanh``, or ``sigmoid`` from -2 to 2."""
    return x.tanh_() if activation == "tanh" else 4 * x.sigmoid_() - 2


class Separable(nn.Module):
    """Filters down, a nonlinearity, filters along, a nonlinearity: the hidden layers of DCNN.

    Parameters
    ----------
    activation : str
        ``tanh`` or ``sigmoid``. Each map is divided by its scale before and multiplied after, so
        that with a large scale, where the training begins, the layer is linear.
    full : bool
        Whether the second layer takes all maps to all; otherwise each to its own.
    maps, taps : int
        38 and 121 in the paper.
    """

    # Every one of thousands of taps moves by the rate: at the whole rate, the inverse that they
    # were made as would be gone within ten steps. So it would by gains of maps that cancel.
    rates: Mapping[str, float] = {"down": 0.1, "along": 0.1, "out": 0.1, "gamma": 1.0}
    down: Tensor
    along: Tensor
    shift: Tensor
    gamma: Tensor
    out: Tensor
    level: Tensor

    def __init__(self, activation: str, full: bool, maps: int = 38, taps: int = 121) -> None:
        super().__init__()
        self.activation, self.full = activation, full
        second = (maps, maps, taps) if full else (maps, taps)
        start: dict[str, Any] = {
            "down": torch.randn(maps, taps) / taps**0.5,
            "along": torch.randn(second) / (taps * (maps if full else 1)) ** 0.5,
            "shift": torch.zeros(2, maps),
            # Log scales of both layers and log gains: the trainer gives this name more rate, so
            # that pairs which carry noise fade soon.
            "gamma": torch.zeros(3, maps),
            "out": torch.randn(maps) / maps**0.5,
            "level": torch.zeros(1),
        }
        for key, value in start.items():
            self.register_parameter(key, nn.Parameter(value))

    @torch.no_grad()
    def become(self, psf: Tensor, nsr: float) -> None:
        """The separable inverse of a PSF ``(taps, taps)``, almost exactly."""
        maps, taps = self.down.shape
        down, along = separable_inverse(psf, nsr, taps, maps)
        used = len(down)
        self.down[:used] = down
        own = self.along.new_zeros(maps, taps)
        own[:used], own[used:] = along, torch.randn(maps - used, taps) / taps**0.5
        self.along.copy_(torch.diag_embed(own.T).permute(1, 2, 0) if self.full else own)
        self.out.zero_()
        self.out[:used] = 1
        # No map of an image within [0, 1] gets beyond a quarter of its scale.
        first = 0.5 * self.down.abs().sum(1)
        self.gamma[:2] = (LINEAR * torch.stack([first, first * own.abs().sum(1)])).log()
        self.gamma[2] = 0

    @property
    def inverse(self) -> Separable:
        """Itself: where a larger network has it as a part."""
        return self

    @property
    def gains(self) -> Tensor:
        """Weights of the 1x1 layer, one per map."""
        return self.out * self.gamma[2].exp()

    def response(self, grid: Sequence[int]) -> Tensor:
        """Half spectrum ``(Y, X // 2 + 1)`` of a depthwise or fresh network, taken as linear."""
        along = self.along.diagonal().T if self.full else self.along
        down = tap_spectrum(self.down, grid[0])
        return (down.T * self.gains) @ tap_spectrum(along, grid[1], half=True)

    def maps(self, y: Tensor) -> Tensor:
        """The second hidden layer, ``(B, maps, Y, X)``, from ``(B, 1, Y, X)``."""
        return self.gamma[1].exp()[:, None, None] * self._units(y)

    def forward(self, y: Tensor) -> Tensor:
        """Restored images ``(B, 1, Y, X)``, circularly."""
        return self._summed(self._units(y), self.gains * self.gamma[1].exp())

    def merged(self, maps: Tensor) -> Tensor:
        """The 1x1 layer on the hidden maps."""
        return self._summed(maps, self.gains)

    def _summed(self, maps: Tensor, gains: Tensor) -> Tensor:
        total = (gains @ maps.flatten(2)).unflatten(-1, maps.shape[2:])
        return total[:, None] + (0.5 + self.level)

    def _units(self, y: Tensor) -> Tensor:
        """The second hidden layer, each map in units of its scale.

        Scales are multiplied to filters, which are small, and not to maps.
        """
        first, second = self.gamma[:2].exp()
        shift = (self.shift / self.gamma[:2].exp())[..., None, None]
        ratio = first / second[:, None] if self.full else first / second
        x = filter_down(y - 0.5, self.down / first[:, None]).add_(shift[0])
        x = filter_along(bent(x, self.activation), self.along * ratio[..., None]).add_(shift[1])
        return bent(x, self.activation)


LINEAR = 4.0
"""Scale of a map in units of the most it can become: what is bent at the start is below 1/48."""
