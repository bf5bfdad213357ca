"""GLRA: the inverse of any PSF out of two learned bases, and a network that cleans its output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor, nn

from ...engine.problem import Problem
from .any_psf import NetworkMethod
from .base import Call, NetworkModule, Tap, TrainingDefaults
from .layers.low_rank import centred, learn_from, pseudo_inverse, tap_spectrum
from .layers.planes import Hourglass, convolution, from_phases, level_map, to_phases
from .noise_level import faithful

_RATIOS = (1e-2, 1e-3)
"""Noise-to-signal ratios of the pseudo-inverses at 1 % noise; the paper has the first."""
_GROWTH = 1.4
"""How they grow: with this power of the noise, as the damping that RGDN learned."""
_LEARNED_AT = (1e-1, 1e-2, 1e-3)
"""Ratios of the pseudo-inverses that the bases are learned from."""
_WHITE = 1e-3
"""How far below the clipping level a pixel still counts as clipped."""
_LAST = ((1, 0), (0, 0))
"""Moves of the last pass: rows and columns."""


class GLRA(
    NetworkMethod,
    title="GLRA",
    name="glra",
    citation="W. Ren et al., Deep Non-Blind Deconvolution via Generalized Low-Rank Approximation, "
    "NeurIPS 2018",
    for_training=("start",),
    training=TrainingDefaults(patch_px=192, batch=2),
    buffers=110,
    features=95,
    suits="Photos with clipped highlights that are out of focus. It takes any PSF.",
    avoid="Measuring intensities, microscopy in particular: a network can invent structure, "
    "and this one has seen photos only. Other photos; the unrolled "
    "U-Net is ahead of it with clipped highlights, too. PSFs much larger than it was trained on.",
):
    """Low-rank separable inverse for any PSF, and a network behind it (Ren et al. 2018).

    The pseudo-inverse kernels of many PSFs share two bases L and R; that of the PSF at hand is
    ``k+ = L M R^T`` with ``M = L^T k+ R`` (Eq. 7). Three linear layers apply it: the columns of L
    down the image, M between them, and filters that begin as the columns of R along the rows.
    What they leave of noise, ringing and clipped highlights a network takes away. Made for
    saturated photos under Gaussian, disk and motion PSFs.

    Where this differs from the paper: the linear layers are one product in Fourier space, which
    costs next to nothing; there are two inverses, the paper's and a sharper one, both softer where
    there is more noise; they are applied several times, to what the clipped and re-blurred
    estimate leaves of the image, with the same weights (the paper does it once); the network is a
    small U-Net on the four phases at half resolution that is told the noise and which pixels are
    clipped; and after every pass the unseen ring is filled with the re-blurred estimate. The last
    pass takes the mean of two corrections, one with the image moved by a row, and every other pass
    moves it by a column: the phases are never treated quite alike, which left a pattern of two
    pixels.

    Parameters
    ----------
    passes : int
        How often the inverse and the network are applied.
    start : str
        What the filters down and along begin as, for training only: the bases, or random taps a
        third as large.
    """

    passes: Annotated[int, Interval(ge=1, le=20)] = 3
    start: Literal["bases", "random"] = "bases"

    @property
    def total(self) -> int:
        return self.passes

    @property
    def default_weights(self) -> str:
        return "glra"

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        # A multiple of four: tiles then agree on the grids of both scales.
        return tuple(4 * (max(n, _TAPS) // 4 + 12) for n in super().halo(psf_shape))

    def network(self) -> Network:
        return Network(self.start == "random")

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        net: Network
        net, noise = self.loaded(problem)
        otf = problem.blur.otf[None, None]
        clipped = torch.zeros_like(problem.y)
        clipped[problem.window] = (problem.seen >= problem.white - _WHITE).float()
        x = y = problem.y
        blurred = problem.blur.forward(y)
        for left in reversed(range(self.passes)):
            problem.blur.check()
            with torch.inference_mode():
                local = noise.near(blurred[:, None])
                x = net(
                    x[:, None],
                    y[:, None],
                    otf,
                    noise.sigma,
                    clipped[:, None],
                    problem.white,
                    local,
                    ((0, left % 2),) if left else _LAST,
                )[:, 0]
                blurred = problem.blur.forward(x)
                y = problem.with_ring(x, blurred=blurred)
                answer = faithful(problem, x, noise.sigma)
            yield answer


_TAPS = 151


def _moved(x: Tensor, by: tuple[int, int]) -> Tensor:
    """An image moved round; uncopied where it stays."""
    return x.roll(by, (-2, -1)) if any(by) else x


class Network(NetworkModule):
    """One pass: two inverses out of low-rank bases, and their correction.

    Parameters
    ----------
    random : bool
        Whether the filters begin at random and not as the bases.
    taps : int
        Size d of the pseudo-inverse kernels.
    rank : int
        Columns m of the bases.
    maps : int
        Outputs of the third layer per inverse.
    width : int
        Feature maps of the correction at half resolution.
    """

    bases: Tensor
    trained_passes = 3
    relatives = ("rgdn",)

    def __init__(
        self,
        random: bool = False,
        taps: int = _TAPS,
        rank: int = 50,
        maps: int = 8,
        width: int = 64,
    ) -> None:
        super().__init__()
        self.random, self.rank = random, rank
        self.left = nn.Parameter(torch.zeros(rank, taps))  # L, layer 1
        # R, layer 3, which begins as the bases shared out among its outputs.
        self.right = nn.Parameter(torch.zeros(len(_RATIOS), maps, rank, taps))
        self.register_buffer("bases", torch.zeros(2, taps, rank))
        self.head = convolution(4 * (len(_RATIOS) * maps + 2) + 1, width)
        self.correction = Hourglass(width, 4)
        if random:
            # As large as the bases, what three passes of them make would drown the image.
            nn.init.normal_(self.left, std=taps**-0.5 / 3)
            nn.init.normal_(self.right, std=(taps * maps) ** -0.5 / 3)

    @torch.no_grad()
    def prepare(self, psfs: Iterable[NDArray[Any]]) -> None:
        """Learn the bases from PSFs (Eq. 5), and begin with the separable inverse."""
        taps = self.bases.shape[1]
        learned = learn_from(map(torch.from_numpy, psfs), taps, _LEARNED_AT, self.rank)
        self.bases.copy_(learned)
        if self.random:
            return
        self.left.copy_(self.bases[0].T)
        maps = self.right.shape[1]
        for j in range(self.rank):
            self.right[:, j % maps, j] = self.bases[1, :, j]

    @torch.no_grad()
    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from weights of the same network, or of RGDN, whose step this one generalises."""
        if "head.weight" in tensors:
            self.load_state_dict(dict(tensors))
            return
        prefix = "direction."
        self.correction.load_state_dict(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
        maps, each = self.right.shape[1], 4
        gradient, image = (tensors[f"from_{k}.weight"].float() for k in ("gradient", "image"))
        self.head.weight.zero_()
        # The first inverse's maps add up to minus RGDN's gradient; that one comes tenfold.
        self.head.weight[:, : each * maps] = -10 / 4 * gradient[:, :each].repeat(1, maps, 1, 1)
        self.head.weight[:, -2 * each - 1 : -each - 1] = -image
        self.head.weight[:, -1:] = gradient[:, each:]
        bias = tensors["from_gradient.bias"] - tensors["from_image.bias"]
        self.head.bias = nn.Parameter(bias.float())

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        x, estimates, clipped = y, [], (y >= 1 - _WHITE).float()
        for _ in range(self.trained_passes):
            x = self(x, y, otf, sigma, clipped, local=local)
            estimates.append(x)
        return estimates

    def taps(self, args: tuple[Any, ...], output: Tensor, calls: Sequence[Call]) -> Iterator[Tap]:
        shape, called = output.shape[-2:], {id(part): (a, out) for part, a, out in calls}
        otf, sigma, moved = args[2], args[3], args[7]
        back = tuple(-n for n in moved[-1])
        yield "M", self.middle(otf[:, 0], shape[1], sigma)[0], 0
        inverses = 4 * self.right.shape[0] * self.right.shape[1]
        shown = called[id(self.head)][0][0][:, :inverses]
        correction = called[id(self.correction)][1]
        for name, phases, factor in (("inverses", shown, 4), ("correction", correction, 10)):
            yield name, from_phases(phases, shape).roll(back, (-2, -1)) / factor, 1
        yield "estimate", output, 1

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        otf: Tensor,
        sigma: Tensor,
        clipped: Tensor,
        white: float = 1.0,
        local: Tensor | None = None,
        moved: tuple[tuple[int, int], ...] = ((0, 0),),
    ) -> Tensor:
        """The next estimate.

        Parameters
        ----------
        x, y : Tensor
            Last estimate and periodic blurred images, float32 ``(B, 1, Y, X)``.
        otf : Tensor
            Half spectrum of the PSF, ``(B or 1, 1, Y, X // 2 + 1)``.
        sigma : Tensor
            Noise on the unit scale, ``(B or 1, 1, 1, 1)``.
        clipped : Tensor
            1 where ``y`` is clipped, like ``y``.
        white : float
            Level at which it is.
        local : Tensor, optional
            Noise around each pixel over ``sigma``, like ``y``; by default 1.
        moved : tuple of (int, int)
            Rows and columns by which the image is moved: the mean of so many corrections is taken.
        """
        blurred = torch.fft.irfft2(torch.fft.rfft2(x) * otf, s=y.shape[-2:])
        # What the camera would have clipped too is not a misfit.
        maps = self.inverses(y - blurred.clamp(max=white), otf, sigma)
        sharp = x + maps[:, : self.right.shape[1]].sum(1, keepdim=True)
        # Fourfold brings the maps near 1, where the layers' starting scale fits.
        images = (maps.mul_(4), 4 * (x - 0.5), clipped)
        inputs = torch.cat([self.precision.narrowed(each) for each in images], 1)
        for by in moved:
            sharp.add_(self._corrected(inputs, sigma, local, by), alpha=0.1 / len(moved))
        return sharp

    def _corrected(
        self, images: Tensor, sigma: Tensor, local: Tensor | None, by: tuple[int, int]
    ) -> Tensor:
        """Compute the network's correction, tenfold, with the image moved down and right."""
        phases = to_phases(_moved(images, by))
        level = level_map(sigma, phases, None if local is None else _moved(local, by))
        inputs = torch.cat([phases, self.precision.narrowed(level)], 1)
        with self.precision.layers(images.device):
            correction = self.correction(self.head(inputs))
        return _moved(from_phases(correction, images.shape[-2:]), (-by[0], -by[1]))

    def middle(self, otf: Tensor, columns: int, sigma: Tensor) -> Tensor:
        """M of each pseudo-inverse (Eq. 7), ``(B, 2, m, m)``, from half spectra ``(B, Y, X')``."""
        psf = centred(otf, columns, self.bases.shape[1])[:, None]
        ratios = torch.tensor(_RATIOS, device=psf.device).view(-1, 1, 1)
        inverse = pseudo_inverse(psf, ratios * (sigma / 0.01) ** _GROWTH)
        return self.bases[0].T @ inverse @ self.bases[1]

    def inverses(self, y: Tensor, otf: Tensor, sigma: Tensor) -> Tensor:
        """The third layer's outputs, ``(B, maps of all inverses, Y, X)``."""
        rows, columns = y.shape[-2:]
        down = tap_spectrum(self.left, rows).T  # (Y, m)
        along = tap_spectrum(self.right, columns, half=True)  # (2, maps, m, X // 2 + 1)
        mixed = down @ self.middle(otf[:, 0], columns, sigma).to(down.dtype)  # (B, 2, Y, m)
        response = (mixed[:, :, None] @ along).flatten(1, 2)
        return torch.fft.irfft2(torch.fft.rfft2(y) * response, s=(rows, columns))
