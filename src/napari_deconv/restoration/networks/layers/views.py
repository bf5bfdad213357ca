"""Several deconvolutions of an image by the same filters down its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .low_rank import pseudo_inverse, tap_spectrum
from .separable import LINEAR, bent, filter_along, filter_down

BANDS = 6
LEAST_VIEWS = BANDS + 2
_STEPS = 10.0 ** torch.arange(-1.0, 2.0, 0.5)
"""Ratios of the inverses, in units of that of the first view."""
_AT = 0.1
"""Frequency in cycles per pixel at which a ratio is quoted; images fade with its square."""
_NOISE, USUAL = 0.01, 0.25
"""A usual image: standard deviations of its noise and of itself."""
_WHITE, _NEAR = 0.98, 0.02
"""Brightness around which a view tells clipped pixels from others, and how near."""


class Views(nn.Module):
    """Filters down, a nonlinearity, all to all along, a nonlinearity: what a denoiser looks at.

    With all maps at hand, every map of the second layer can be a whole deconvolution. The first
    view is Wiener's, with a ratio that grows with the square of the frequency, as images fade; five
    are what lies between two such ratios; then the image as it came, and where it is white. All
    are in units of what they usually are. What is left of ``views`` begins as random filters.

    Parameters
    ----------
    activation : str
        ``tanh`` or ``sigmoid``; each map is divided by its scale before and multiplied after.
    views, maps, taps : int
        Maps of the second and of the first layer, and length of the filters.
    frozen : bool
        Whether its weights are no parameters, to be trained around.
    """

    # Thousands of taps make up an inverse that a hundredth of the others' rate would undo.
    rates: Mapping[str, float] = {"down": 0.004, "along": 0.004, "edge": 0.1, "scale": 0.1}
    down: Tensor
    along: Tensor
    edge: Tensor
    scale: Tensor
    unit: Tensor

    def __init__(
        self, activation: str, views: int, maps: int, taps: int, frozen: bool = False
    ) -> None:
        super().__init__()
        self.activation = activation
        start = {
            "down": torch.randn(maps, taps) / taps**0.5,
            "along": torch.randn(views, maps, taps) / (taps * maps) ** 0.5,
            "edge": torch.zeros(maps + views),
            "scale": torch.zeros(maps + views),
        }
        for key, value in start.items():
            if frozen:
                self.register_buffer(key, value)
            else:
                self.register_parameter(key, nn.Parameter(value))
        self.register_buffer("unit", torch.ones(()))

    @torch.no_grad()
    def become(self, psf: Tensor, nsr: float) -> None:
        """Take the inverses of a PSF ``(taps, taps)`` from `fitted`; ``nsr`` is the first's."""
        kernels = inverses(psf.double(), nsr * _STEPS.double())
        bands = torch.cat([kernels[2:3], kernels[:-1] - kernels[1:]])
        maps, taps = self.down.shape
        left, _, _ = torch.linalg.svd(bands.permute(1, 0, 2).flatten(1), full_matrices=False)
        left = left[:, : maps - 2]
        usual = _usual(bands, psf.double())
        self.down.zero_()[:-2] = left.T
        self.down[-2:, taps // 2] = 1
        self.along[:LEAST_VIEWS].zero_()
        self.along[:BANDS, :-2] = (left.T @ bands).float() / usual.float()[:, None, None]
        middle = taps // 2
        self.along[BANDS, -2, middle] = 1 / USUAL
        self.along[BANDS + 1, -1, middle] = 1 / _NEAR
        self.unit.fill_(float(usual[0]))
        self._scale(maps)

    def _scale(self, maps: int) -> None:
        """Scales that keep the maps of an image in [0, 1] within a quarter, but for the last."""
        most = 0.5 * self.down.abs().sum(1)
        first = LINEAR * most
        first[-1] = most[-1] = _NEAR  # bent to its ends: that is what tells white from the rest
        self.edge.zero_()[maps - 1] = (_WHITE - 0.5) / _NEAR
        second = LINEAR * (self.along.abs().sum(2) @ most)
        self.scale.copy_(torch.cat([first, second]).log())

    def response(self, grid: Sequence[int]) -> Tensor:
        """Half spectrum ``(Y, X // 2 + 1)`` of the first view, taken as linear."""
        down = tap_spectrum(self.down, grid[0])
        return down.T @ tap_spectrum(self.along[0], grid[1], half=True) * self.unit

    def image(self, views: Tensor) -> Tensor:
        """The first of some views as an image, ``(B, 1, Y, X)``."""
        return views[:, :1] * self.unit + 0.5

    def forward(self, y: Tensor) -> Tensor:
        """Views ``(B, views, Y, X)`` of images ``(B, 1, Y, X)``, circularly."""
        sizes = (len(self.down), len(self.along))
        first, second = self.scale.exp().split(sizes)
        edges = self.edge[:, None, None].split(sizes)
        # Scales are multiplied to filters, which are small, and not to maps.
        along = self.along * (first / second[:, None])[..., None]
        x = filter_down(y - 0.5, self.down / first[:, None]).sub_(edges[0])
        x = filter_along(bent(x, self.activation), along).sub_(edges[1])
        return second[:, None, None] * bent(x, self.activation)


def inverses(psf: Tensor, ratios: Tensor) -> Tensor:
    """Wiener's kernels at several ratios that grow with the square of the frequency.

    Parameters
    ----------
    psf : Tensor
        ``(taps, taps)``, from `fitted`.
    ratios : Tensor
        Noise-to-signal power ratios ``(R,)`` at a tenth of a cycle per pixel.

    Returns
    -------
    Tensor
        ``(R, taps, taps)`` of unit sum, fading out towards the ends.
    """
    taps = len(psf)
    canvas = nn.functional.pad(psf, [taps] * 4)  # the kernels die out within it
    nsr = ratios[:, None, None] * _frequencies(len(canvas)) / _AT**2
    kernels = pseudo_inverse(canvas, nsr)[:, taps:-taps, taps:-taps]
    fade = torch.hann_window(taps + 2, periodic=False, dtype=psf.dtype)[1:-1]
    kernels = kernels * fade[:, None] * fade
    return kernels / kernels.sum((-2, -1), keepdim=True)


def _frequencies(n: int) -> Tensor:
    """Squared frequencies on a half spectrum, in cycles per pixel."""
    down, along = torch.fft.fftfreq(n), torch.fft.rfftfreq(n)
    return down[:, None].square() + along.square()


def _usual(kernels: Tensor, psf: Tensor) -> Tensor:
    """Standard deviations of what kernels make of a usual image that is blurred and noisy."""
    size = (2 * len(psf), 2 * len(psf))
    power = 1 / (_frequencies(size[0]) + 1 / size[0] ** 2)
    power = power * USUAL**2 / power.mean()
    seen = torch.fft.rfft2(psf, s=size).abs().square() * power + _NOISE**2
    return (torch.fft.rfft2(kernels, s=size).abs().square() * seen).mean((-2, -1)).sqrt()
