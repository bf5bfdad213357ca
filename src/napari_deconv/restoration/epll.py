"""EPLL: every patch of the image shall look like a patch of a photo."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Annotated, ClassVar

import torch
from annotated_types import Interval
from torch import Tensor

from ..core.fields import Zero
from ..engine.problem import Problem, Settled
from .base import Method
from .hyper_laplacian import HyperLaplacian
from .patch_prior import Prior, denoised
from .weights import load_network, named

_GROWTH = (1, 2, 4, 8, 16, 32, 64, 128)
_FIRST = 2.0
"""The first beta sigma, steered by benchmarks/epll_schedule.py as is the next."""
_MOST = 3.3
"""The largest sigma^2 beta: what follows would undo the noisier the image, the more."""
_SHARE = 0.5
"""What the patches count against the data."""


class EPLL(
    Method,
    title="EPLL",
    name="epll",
    citation="D. Zoran and Y. Weiss, From Learning Models of Natural Image Patches to Whole Image "
    "Restoration, ICCV 2011",
    buffers=36,
    suits="Photos with 0.3 % to 5 % of noise, where a network is not wanted: sharper than "
    "the hyper-Laplacian.",
    avoid="Large images and quick looks: it takes many times as long as the hyper- "
    "Laplacian. Microscopy: its mixture has seen photos only. Stacks (it is 2-D "
    "only).",
):
    """The image whose 8x8 patches are the likeliest under a Gaussian mixture learned from photos.

    Half-quadratic splitting of the data's misfit and the expected patch log likelihood (Eqs. 3 and
    4 there), with ``z`` the image put together again from its denoised patches ::

        z <- mean of the patches of x, each filtered for its likeliest component at noise beta^-1/2
        X <- (conj(K) Y + c Z) / (|K|^2 + c),   c = 1/2 sigma^2 beta

    for beta = 2 / sigma and its doubles, eight of them at 1 % noise, six at 5 %. The mixture has
    200 components over patches less their mean. After each step the unseen ring of ``y`` is
    replaced by ``k * x``.

    Where this differs from the paper: it starts from the hyper-Laplacian estimate and not from the
    blurred image; beta grows with 1 / sigma and not with 1 / sigma^2; the patches count half
    against the data, because in the paper's sum they smooth texture away; and not every patch is
    filtered but every second one along each axis.

    Parameters
    ----------
    stride_px : int
        Pixels from one patch to the next. 1 filters all of them, as the paper does, in four times
        the time.
    prior : str
        Id or file of the mixture; empty is the built-in one, learned from photos.

    Notes
    -----
    ``benchmarks/learn_epll_prior.py`` learns the mixture.
    """

    stride_px: Annotated[int, Interval(ge=1, le=8)] = 2
    prior: Annotated[str, Zero("built in")] = ""

    default_weights: ClassVar[str] = "epll"

    @property
    def weights(self) -> str:
        """Id or file of the prior, as `core.weights` asks for it."""
        return self.prior

    @property
    def total(self) -> int:
        return 1 + len(_GROWTH)

    def network(self) -> Prior:
        """An empty mixture that weights are loaded into."""
        return Prior()

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        yield from ()  # nothing is left open; the recipe shall name the mixture
        return Settled(self, named(self.prior or self.default_weights))

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        prior: Prior = load_network(self, problem.seen.device)
        blur, power = problem.blur, problem.blur.otf.abs().square()
        *_, x = HyperLaplacian().steps(problem)
        yield x
        for growth in _GROWTH:
            ratio = _FIRST * problem.sigma * growth  # sigma^2 beta
            if ratio > _MOST:
                return
            denoiser = prior.at(problem.sigma / ratio**0.5)
            z = torch.stack([denoised(c, denoiser, self.stride_px, blur.check) for c in x])
            y, weight = problem.with_ring(x), _SHARE * ratio
            spectrum = blur.fft(y).mul_(blur.otf.conj()).add_(blur.fft(z), alpha=weight)
            x = blur.ifft(spectrum / (power + weight))
            yield x
