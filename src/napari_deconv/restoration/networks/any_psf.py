"""`NetworkMethod`: a network for any PSF, which weights it takes, and what they are not for."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.errors import DeconvError
from ...core.fields import Zero
from ...core.paths import exists
from ...degradation.structures import Structures
from ...engine.problem import Problem, Settled
from ...psf import PSF
from ..base import methods
from ..weights import as_trained, load_network, locate, named, read_header, shipped
from .base import LearnedMethod
from .domain import Domain, domain_of
from .noise_level import NOISE, TOLERANCE, Noise, growth_remark, noise_range, noise_remark
from .one_psf import mismatch, trained_psf


class NetworkMethod(LearnedMethod):
    """A network for any PSF, whose weights are chosen by the image unless they are named.

    Parameters
    ----------
    domain : str
        What the weights were trained for: photos or fluorescence. ``automatic`` decides by the
        image: colour is a photo, gray of more than 8 bits, or dark and sparse, is fluorescence.
    weights : str
        Id or file of the weights; empty chooses among the built-in ones by domain, PSF and noise.
    """

    domain: Literal["automatic", "photo", "fluorescence"] = "automatic"
    weights: Annotated[str, Zero("automatic")] = ""

    def candidates(self) -> tuple[str, ...]:
        """Ids of the built-in weights that it chooses from, or the weights that are named."""
        fitting = tuple(str(row["id"]) for row in shipped() if self._fits(row))
        return (self.weights,) if self.weights else fitting

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        yield from ()  # done at once
        if self.weights:
            own_method = as_trained(self)
            own = {key: getattr(own_method, key) for key in self.for_training}
            return None if own_method == self else Settled(own_method, own)
        domain = self._domain(problem)
        chosen = self._choose(problem, domain)
        method = as_trained(self.but(weights=chosen, domain=domain))
        return Settled(method, {**named(chosen), "domain": domain})

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        header = read_header(locate(self.weights or self.default_weights))
        remarks = [
            growth_remark(problem),
            noise_remark(problem.noise, header),
            _psf_remark(_numpy(problem.psf), header),
        ]
        if self._domain(problem) == "fluorescence":
            remarks.append(_caution(header, problem, reblur))
        return tuple(text for text in remarks if text)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        """Run the network's stages, each on the estimate of the last one.

        Between two, the unseen ring is filled with the re-blurred estimate.
        """
        net, noise = self.loaded(problem)
        otf = problem.blur.otf[None, None]
        y, x, local = problem.y[:, None], None, None
        for stage in range(self.total):
            problem.blur.check()
            with torch.inference_mode():
                x = net(y, otf, noise.sigma, stage, x, local)
            yield x[:, 0]
            if stage < self.total - 1:
                blurred = problem.blur.forward(x[:, 0])
                local = noise.near(blurred[:, None])
                y = problem.with_ring(x[:, 0], blurred=blurred)[:, None]

    def loaded(self, problem: Problem) -> tuple[Any, Noise]:
        """The network on the problem's device, and what to tell it of the noise."""
        path = locate(self.weights or self.default_weights)
        levels = noise_range(read_header(path)) if exists(path) else NOISE
        return load_network(self, problem.seen.device, problem.precision), Noise.of(problem, levels)

    def _domain(self, problem: Problem) -> Domain:
        if self.domain != "automatic":
            return self.domain
        return domain_of(_numpy(problem.seen), problem.bits, problem.white * problem.scale)

    def _choose(self, problem: Problem, domain: Domain) -> str:
        """The shipped weights that suit best: first the domain, then colour, PSF, and noise."""
        psf = _numpy(problem.psf)
        fitting = [row for row in shipped() if self._fits(row)]

        def rank(row: Mapping[str, Any]) -> tuple[bool, ...]:
            return (
                trained_for(row) == domain,
                bool(row["fields"].get("colour")) == (len(problem.seen) == 3),
                not _psf_remark(psf, row),
                not noise_remark(problem.noise, row),
                row["id"] == self.default_weights,
            )

        return str(max(fitting, key=rank)["id"]) if fitting else self.default_weights

    def _fits(self, row: Mapping[str, Any]) -> bool:
        fields = row.get("fields", {})
        same = (fields.get(key) == getattr(self, key) for key in self.structure)
        return bool(row["method"] == self.name and all(same))


def trained_for(header: Mapping[str, Any]) -> Domain:
    """The domain of weights: fluorescence if their recipe generates it."""
    recipe = header.get("recipe", {})
    kind = recipe.get("structures", {}).get("name", Structures.name)
    return "fluorescence" if recipe.get("generated") and kind == Structures.name else "photo"


def _psf_remark(psf: NDArray[Any], header: Mapping[str, Any]) -> str:
    own = trained_psf(header)
    if own is not None:
        return mismatch(psf, own, header["id"])
    families = header.get("recipe", {}).get("sampler", {}).get("psfs", ())
    if not families:
        return ""
    recipe = header["recipe"]
    pixels = (recipe.get("pixel_um_low", 0.06), recipe.get("pixel_um_high", 0.16))
    try:
        ranges = _widths(json.dumps(families), pixels)
    except DeconvError:  # families that only another version knows
        return ""
    for measure, (low, high) in zip(width_px(psf), ranges, strict=True):
        if not low / TOLERANCE <= measure <= high * TOLERANCE:
            return (
                f"The PSF, {' x '.join(map(str, psf.shape))} pixels and as wide as {measure:.1f}, "
                f"lies outside what the weights {header['id']!r} were trained on, which is "
                f"{low:.1f} to {high:.1f}; look closely at the result."
            )
    return ""


def _caution(header: Mapping[str, Any], problem: Problem, reblur: float) -> str:
    unlike = "" if trained_for(header) == "fluorescence" else f" {_for_photos()}"
    shown = ""
    if math.isfinite(reblur):
        shown = (
            f" Blurred again, this result differs from the image by {reblur * problem.scale:.3g} "
            f"(RMS), where the noise is {problem.noise * problem.scale:.3g}."
        )
    return f"A network can invent structure: do not measure in its result unchecked.{unlike}{shown}"


def _for_photos() -> str:
    """Say that weights are for photos, and which ones are for fluorescence."""
    names = [
        f"{methods()[row['method']].title} ({row['id']})"
        for row in shipped()
        if row["method"] in methods() and trained_for(row) == "fluorescence"
    ]
    better = f"; for fluorescence take {' or '.join(names)}" if names else ""
    return f"These weights were made for photos{better}."


def width_px(psf: NDArray[Any]) -> tuple[float, float]:
    """Two widths of a PSF in pixels: along its longest axis, and of the area it covers.

    Four standard deviations along the longest axis, and the diameter of a disk of as many pixels
    as would hold the light if all were equally bright.
    """
    psf = np.asarray(psf, np.float64) / np.sum(psf)
    y, x = (c - n // 2 for c, n in zip(np.indices(psf.shape), psf.shape, strict=True))
    my, mx = float((psf * y).sum()), float((psf * x).sum())
    yy, xx = float((psf * (y - my) ** 2).sum()), float((psf * (x - mx) ** 2).sum())
    yx = float((psf * (y - my) * (x - mx)).sum())
    largest = (yy + xx) / 2 + math.hypot((yy - xx) / 2, yx)
    return 4 * math.sqrt(max(0.0, largest)), 2 * math.sqrt(1 / np.sum(psf**2) / math.pi)


@cache
def _widths(families: str, pixels_um: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """Least and largest of `width_px` over families of PSFs, from the ends of each."""
    ends = [PSF.from_dict(family.get(end, {})) for family in json.loads(families) for end in _ENDS]
    drawn = [
        width_px(psf((49, 49), (pixel, pixel)) if psf.calibrated else psf())
        for psf in ends
        for pixel in (pixels_um if psf.calibrated else pixels_um[:1])
    ]
    return tuple((min(column), max(column)) for column in zip(*drawn, strict=True))


_ENDS = ("low", "high")


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array
