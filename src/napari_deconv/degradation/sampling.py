"""Random scenes: which PSF and which camera, as a pure function of a numpy Generator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.spec import Spec
from ..psf.base import PSF
from ..psf.given import GivenPSF
from .chain import Chain

_S = TypeVar("_S", bound=Spec)


class Scene(Spec, title="Scene"):
    """A PSF and a camera: everything that makes a degraded image from a sharp one.

    Parameters
    ----------
    psf : PSF
        The blur.
    chain : Chain
        The camera, seed included.
    """

    psf: PSF | GivenPSF
    chain: Chain

    def __call__(self, image: Any, *, axes: str | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """``(degraded, truth)`` of an image, bit for bit the same every time."""
        return self.chain(image, self.psf, axes=axes)


class PSFRange(Spec, title="PSF range"):
    """A family of PSFs between two of its members.

    Parameters
    ----------
    low, high : PSF
        Two of one kind; every field is drawn uniformly between theirs, a seed from all seeds.
    """

    low: PSF
    high: PSF

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_order(self.low, self.high)

    def draw(self, rng: np.random.Generator) -> PSF:
        """Draw one PSF at random."""
        return between(self.low, self.high, rng)


class Sampler(Spec, title="Sampler"):
    """Random scenes: one of several PSF families, and a camera between two.

    Parameters
    ----------
    psfs : tuple of PSFRange or GivenPSF
        Families, each drawn equally often; see `standard_psfs`.
    mildest, harshest : Chain
        Every setting is drawn uniformly between theirs, so equal ones are fixed; the seed is drawn
        from all seeds. 0 leaves a step out: a JPEG quality from 0 to 90 leaves it out once in 91.
    """

    psfs: tuple[PSFRange | GivenPSF, ...]
    mildest: Chain = Chain()
    harshest: Chain = Chain()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.psfs:
            raise DeconvError("Sampler: psfs is empty.", "Give at least one PSF range.")
        _check_order(self.mildest, self.harshest)

    def draw(self, rng: np.random.Generator) -> Scene:
        """One scene; the same generator state gives the same one."""
        psf = self.psfs[int(rng.integers(len(self.psfs)))].draw(rng)
        return Scene(psf=psf, chain=between(self.mildest, self.harshest, rng))


def standard_psfs() -> tuple[PSFRange, ...]:
    """Disks, Gaussians, linear motions and camera shakes of the sizes usual in photos."""
    ranges: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "disk": ({"radius_px": 1.0}, {"radius_px": 10.0}),
        "gaussian": ({"sigma_px": 0.5}, {"sigma_px": 4.0}),
        "motion": ({"length_px": 5.0, "angle_deg": 0.0}, {"length_px": 25.0, "angle_deg": 180.0}),
        "camera-shake": ({"size_px": 13}, {"size_px": 31}),
    }
    return tuple(
        PSFRange(low=PSF.make(name, **low), high=PSF.make(name, **high))
        for name, (low, high) in ranges.items()
    )


def between(low: _S, high: _S, rng: np.random.Generator) -> _S:
    """A Spec whose fields are drawn uniformly between those of two of its kind.

    Whole numbers include both ends, sequences are drawn item by item, choices are either end's,
    and a field called ``seed`` is always drawn from all seeds: data that share one seed share
    their noise.
    """
    drawn = {
        key: int(rng.integers(2**31 - 1)) if key == "seed" else _drawn(a, b, rng)
        for key, a, b in _fields(low, high)
    }
    return replace(low, **drawn)


def _drawn(low: Any, high: Any, rng: np.random.Generator) -> Any:
    if low == high:
        return low
    if isinstance(low, tuple):
        return tuple(_drawn(a, b, rng) for a, b in zip(low, high, strict=True))
    if isinstance(low, int) and not isinstance(low, bool):
        return int(rng.integers(low, high, endpoint=True))
    if isinstance(low, float):
        return float(rng.uniform(low, high))
    return (low, high)[int(rng.integers(2))]


def _fields(low: Spec, high: Spec) -> list[tuple[str, Any, Any]]:
    return [(key, getattr(low, key), getattr(high, key)) for key in low.fields()]


def _check_order(low: Spec, high: Spec) -> None:
    if type(low) is not type(high):
        raise DeconvError(f"{low} and {high} are of two kinds.", "Give two of the same kind.")
    for key, a, b in _fields(low, high):
        if key == "seed" or a == b:
            continue
        if isinstance(a, tuple) != isinstance(b, tuple) or (
            isinstance(a, tuple) and len(a) != len(b)
        ):
            raise DeconvError(f"{low.title}: {key} is {a} and {b}.", "Give both the same length.")
        pairs = zip(a, b, strict=True) if isinstance(a, tuple) else ((a, b),)
        if any(isinstance(p, (int, float)) and p > q for p, q in pairs):
            raise DeconvError(f"{low.title}: {key} goes from {a} to {b}.", "Swap the two.")
