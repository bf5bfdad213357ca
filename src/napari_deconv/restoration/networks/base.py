"""What a network is: a `LearnedMethod` that a person chooses, and the `NetworkModule` it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...core.precision import Layered
from ..base import Method

Norm = Literal["l1", "l2", "psnr"]
"""What a training lowers; see `stage_loss`."""
Tap = tuple[str, Tensor, int]
"""An intermediate map: its name, a batch of one, and image pixels per pixel (0 for a matrix)."""
Call = tuple[nn.Module, tuple[Any, ...], Any]
"""A module that was called, its arguments and its output."""


@dataclass(frozen=True)
class TrainingDefaults:
    """Fields of a training recipe as they suit a network; see `train.recipe.Recipe`.

    By default they are for fine-tuning a network for any PSF: a tenth of the rate that it was
    made with.
    """

    patch_px: int = 96
    batch: int = 4
    rate: float = 2e-4
    optimiser: Literal["adamw", "muon"] = "adamw"
    loss: Norm = "l1"


class LearnedMethod(Method, needs_weights=True):
    """A method that runs a trained network.

    To add one, write a module here with a subclass that names its `network` and its `steps`, and
    one of `NetworkModule` with its layers.

    Parameters
    ----------
    weights : str
        Id or file of the weights.
    """

    weights: str = ""

    one_psf: ClassVar[bool] = False
    """Whether its weights are made for one PSF."""
    untrained: ClassVar[bool] = False
    """Whether it is of no use before a person has trained it: it ships without weights."""
    structure: ClassVar[tuple[str, ...]] = ()
    """Fields that decide which weights fit the network."""
    heeds_clipping: ClassVar[bool] = False
    """Whether a training tells it which pixels are clipped."""
    has_maps: ClassVar[bool] = True
    """Whether its module says what there is to see inside (`NetworkModule.taps`)."""
    training: ClassVar[TrainingDefaults] = TrainingDefaults()
    """How a person's own training of it begins."""

    @property
    def default_weights(self) -> str:
        """Id of the shipped weights that it takes where none are named; empty if there are none."""
        return ""

    def candidates(self) -> tuple[str, ...]:
        """Ids or files of the weights that a run may take: those named, or the default."""
        weights = self.weights or self.default_weights
        return (weights,) if weights else ()

    def network(self) -> NetworkModule:
        """The untrained network."""
        raise NotImplementedError


class TrainingBatch(Protocol):
    """What a loss reads of the patches that were trained on."""

    @property
    def y(self) -> Tensor: ...
    @property
    def truth(self) -> Tensor: ...
    @property
    def noise(self) -> Tensor: ...


class NetworkModule(Layered):
    """The layers of a network, and what a training and the display of its maps ask of them.

    Only `unrolled` must be given; the other hooks have a default.
    """

    rates: Mapping[str, float] = {"gamma": 10.0}
    """Part of a parameter's name -> its share of the learning rate. log gamma spans decades."""
    colour_parts: tuple[str, ...] = ()
    """Parts that gray images do not reach."""
    relatives: tuple[str, ...] = ()
    """Other methods whose weights `grow` can begin from."""

    def prepare(self, psfs: Iterable[NDArray[Any]]) -> None:
        """Look at PSFs like those of the training before it begins; by default at none."""

    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from weights, by default of the very same network.

        Raises
        ------
        RuntimeError
            If they do not fit.
        """
        self.load_state_dict(dict(tensors))

    def unrolled(self, *args: Any, **kwargs: Any) -> list[Tensor]:
        """Every step's estimate under circular blur: what a training looks at.

        A network takes ``y, otf, sigma``, and ``local`` where noise grows with brightness: images
        ``(B, C, Y, X)``, half spectra of PSFs, the noise ``(B, 1, 1, 1)``, and the noise around
        each pixel over ``sigma``, like ``y``. One that `LearnedMethod.heeds_clipping` also takes
        ``clipped``, true where there may have been more light.
        """
        raise NotImplementedError

    def loss(self, estimates: Sequence[Tensor], batch: TrainingBatch, norm: Norm) -> Tensor:
        """Compute what a training lowers: by default `stage_loss`."""
        return stage_loss(estimates, batch, norm)

    def taps(self, args: tuple[Any, ...], output: Any, calls: Sequence[Call]) -> Iterator[Tap]:
        """Intermediate maps of one call of the network, in the order they were computed.

        Parameters
        ----------
        args, output
            Of the call.
        calls : sequence of Call
            Modules within that were called meanwhile.
        """
        yield from ()


class StagedNetwork(NetworkModule):
    """A network whose ``forward(y, otf, sigma, stage, x, local)`` makes an estimate from the last.

    Stage 0 has none to begin from.
    """

    @property
    def stages(self) -> int:
        """How many estimates there are."""
        raise NotImplementedError

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        estimates: list[Tensor] = []
        for stage in range(self.stages):
            before = estimates[-1] if estimates else None
            estimates.append(self(y, otf, sigma, stage, before, local))
        return estimates


def quadratic_rule(rule: Tensor, sigma: Tensor) -> Tensor:
    """Compute a positive number whose logarithm is quadratic in that of the noise.

    Enough for a smooth rule, and it cannot turn negative.

    Parameters
    ----------
    rule : Tensor
        Constant, slope and bend, ``(3, ...)``; the constant holds at a noise of 0.01.
    sigma : Tensor
        Noise on the unit scale, broadcast with the rest of ``rule``.
    """
    power = torch.log(sigma / 0.01)
    constant, slope, bend = rule
    return torch.exp(constant + slope * power + bend * power**2)


def stage_loss(estimates: Sequence[Tensor], batch: TrainingBatch, norm: Norm = "l1") -> Tensor:
    """Measure how far every stage is from the truth, each counting twice the one before.

    ``l1`` and ``l2`` are means over all pixels, ``psnr`` of the logarithm of each patch's mean
    square.
    """
    # Divided by the noise, or the noisiest patches would be all that is learned.
    weight = 0.03 / (batch.noise + 0.01)
    total = batch.y.new_zeros(())
    for x in estimates:
        total = total / 2 + _NORMS[norm](weight * (x - batch.truth))
    return total


_NORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "l1": lambda missed: missed.abs().mean(),
    "l2": lambda missed: missed.square().mean(),
    # A patch that is met exactly has none to lower.
    "psnr": lambda missed: missed.square().mean((1, 2, 3)).clamp(min=1e-12).log10().mean(),
}
