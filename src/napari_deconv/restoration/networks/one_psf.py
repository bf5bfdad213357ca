"""Networks made for one PSF: which one that is, and how far another is from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor

from ...core.errors import DeconvError
from ...core.fields import Zero
from ...core.precision import at_precision
from ...engine.problem import Problem
from ..weights import load_network, locate, read_header, read_weights
from .base import LearnedMethod, NetworkModule
from .layers.separable import Separable, fitted
from .layers.views import Views

_RATIOS = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
ALIKE = 0.02
"""Distance below which two PSFs count as one: the rounding of a file, a hair of defocus."""


def distance(kernel: NDArray[Any], other: NDArray[Any]) -> float:
    """Distance of two PSFs: the norm of their difference over that of ``other``.

    Both at unit sum, centre (``size // 2``) upon centre; 0 is equal, 1 and above has nothing in
    common.
    """
    shape = [2 * max(a, b) + 1 for a, b in zip(kernel.shape, other.shape, strict=True)]
    first, second = (_placed(psf, shape) for psf in (kernel, other))
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))


def _placed(psf: NDArray[Any], shape: list[int]) -> NDArray[np.float64]:
    square = np.zeros(shape)
    starts = [n // 2 - k // 2 for n, k in zip(shape, psf.shape, strict=True)]
    square[tuple(slice(a, a + k) for a, k in zip(starts, psf.shape, strict=True))] = psf
    return square / square.sum()


def mismatch(psf: NDArray[Any], own: NDArray[Any], weights: str) -> str:
    """Remark on a PSF other than the one that weights were trained for; empty where alike."""
    away = distance(psf, own)
    if away <= ALIKE:
        return ""
    return (
        f"The weights {weights!r} were made for another PSF: it differs by {away:.0%}. "
        "Train for this one, or choose a method that takes any PSF."
    )


def trained_psf(header: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """The one PSF that weights were trained for, from their header; None if there were many."""
    families = header.get("recipe", {}).get("sampler", {}).get("psfs", ())
    if len(families) != 1 or "rows" not in families[0]:
        return None
    return np.array(families[0]["rows"], np.float32)


class OnePSFNetwork(LearnedMethod, one_psf=True):
    """A network for one PSF, which runs twice.

    The second time the unseen ring is filled with the re-blurred estimate. Colours and channels
    are restored one by one.

    Parameters
    ----------
    weights : str
        Name or file of weights for this PSF; empty works untrained.
    """

    @property
    def total(self) -> int:
        return 2

    def network(self) -> OnePSFModule:
        """The untrained network; `OnePSFModule.prepare` gives it its PSF."""
        raise NotImplementedError

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        if not self.weights:
            return ()
        tensors, _ = read_weights(locate(self.weights), self.name)
        own = tensors["psf"].float().numpy()
        remark = mismatch(problem.psf.cpu().numpy(), own, self.weights)
        return (remark,) if remark else ()

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        module = self.prepared(problem)
        y = problem.y
        for number in range(self.total):
            problem.blur.check()
            with torch.inference_mode():
                x = self.estimate(module, y[:, None], problem, number)[:, 0]
            yield x
            y = problem.with_ring(x)

    def estimate(self, module: Any, y: Tensor, problem: Problem, number: int) -> Tensor:
        """The estimate of pass ``number`` from images ``(C, 1, *problem.grid)``, of that shape."""
        estimate: Tensor = module(y)
        return estimate

    def prepared(self, problem: Problem) -> Any:
        """The network with its weights, or untrained for the problem's PSF."""
        if self.weights:
            # The weights know what they are of; a form that was left at its defaults need not.
            trained = read_header(locate(self.weights)).get("fields", {})
            own = {key: trained[key] for key in self.structure if key in trained}
            return load_network(self.but(**own), problem.seen.device, problem.precision)
        module = self.untrained_module(problem)
        at_precision(module, problem.precision)
        return module.to(problem.seen.device).eval().requires_grad_(False)

    def untrained_module(self, problem: Problem) -> OnePSFModule:
        """The network without weights, as it begins for the problem's PSF."""
        raise DeconvError(
            f"{self.title} has no weights for this PSF.",
            "Train it: Plugins > Deconvolution > Train, or napari-deconv train.",
        )


class InverseNetwork(OnePSFNetwork):
    """A network for one PSF that begins as its separable inverse, and so works untrained.

    Parameters
    ----------
    start : str
        What the first layers begin as: the inverse, or, for training only, random filters.
    """

    start: Literal["inverse", "random"] = "inverse"
    nsr: Annotated[float, Interval(ge=0, le=1), Zero("auto")] = 0.0
    weights: Annotated[str, Zero("untrained")] = ""

    def untrained_module(self, problem: Problem) -> OnePSFModule:
        """The network as it begins; of the inverses left open, that of the least expected error."""
        trials = []
        for nsr in [self.nsr] if self.nsr else _RATIOS:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                module: Any = replace(self, nsr=nsr, start="inverse").network()
                module.prepare(iter([problem.psf.cpu().numpy()]))
            trials.append((expected_error(module.inverse, problem), nsr, module))
        best: OnePSFModule = min(trials, key=lambda trial: trial[:2])[2]
        return best


class OnePSFModule(NetworkModule):
    """The layers of a network for one PSF, which is kept beside them.

    A subclass registers the buffer ``psf``, a square of odd side that is zero until `prepare`.
    """

    psf: Tensor
    own_parts: tuple[str, ...] = ()
    """Parts that `grow` leaves as they are where the weights are for another PSF."""

    @torch.no_grad()
    def prepare(self, psfs: Iterable[NDArray[Any]]) -> None:
        """Take the first PSF, and begin as what is known of it without a training."""
        self.psf.copy_(fitted(torch.as_tensor(next(iter(psfs))), len(self.psf)))
        self.begin()

    def begin(self) -> None:
        """Set the layers by the PSF; by default they stay as they are."""

    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin from weights of the same structure, which may be for another PSF."""
        kept = dict(tensors)
        if self.psf.any():
            own, theirs = (psf.float().cpu().numpy() for psf in (self.psf, tensors["psf"]))
            parts = ("psf", *self.own_parts) if distance(own, theirs) > ALIKE else ("psf",)
            state = self.state_dict()
            kept |= {name: state[name] for name in state if name.split(".")[0] in parts}
        self.load_state_dict(kept)

    def unrolled(
        self, y: Tensor, otf: Tensor, sigma: Tensor, local: Tensor | None = None
    ) -> list[Tensor]:
        """The one estimate."""
        return [self(y)]


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
