"""The benchmark protocol: valid blur of gray images, seeded noise, the border out of the score.

Gray = .299 R + .587 G + .114 B in [0, 1]; valid true convolution; noise of a seeded generator;
float32. Plain scenes are not clipped. Saturated ones are: ``clip(gain * (x (*) k) + noise)``, the
truth being ``clip(gain * x)``; with JPEG they are rounded to 8 bits and coded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .. import io
from ..core.errors import DeconvError
from ..degradation import Chain
from ..metrics import Score, score
from .kernels import Kernel, KernelSet

Every = Literal["all", "odd", "even"]
_GRAY = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Noise:
    """White Gaussian noise, or photons.

    Parameters
    ----------
    sigma : float
        Standard deviation, where white is 1.
    photons : float
        Expected count at the sharp image's brightest pixel; 0 adds no photon noise.
    """

    sigma: float = 0.0
    photons: float = 0.0

    @property
    def label(self) -> str:
        """``0.01`` or ``200 photons``."""
        gauss = [f"{self.sigma:g}"] if self.sigma or not self.photons else []
        return " + ".join([*gauss, *([f"{self.photons:g} photons"] if self.photons else [])])

    @property
    def nominal(self) -> float:
        """Standard deviation at a quarter of the peak, about a mean intensity."""
        return math.hypot(self.sigma, math.sqrt(0.25 / self.photons) if self.photons else 0.0)


@dataclass(frozen=True)
class Camera:
    """What follows the blur besides noise; ranges are drawn from, once per image.

    Parameters
    ----------
    gain : tuple of float, optional
        Least and largest exposure; given, the image is clipped to [0, 1].
    jpeg : tuple of int, optional
        Least and largest quality of the JPEG file.
    """

    gain: tuple[float, float] | None = None
    jpeg: tuple[int, int] | None = None

    @property
    def label(self) -> str:
        """``plain``, or what is done, such as ``gain 1.2..1.5, clipped, JPEG 75..90``."""
        gain = [f"gain {_range(self.gain)}, clipped"] if self.gain else []
        return ", ".join([*gain, *([f"JPEG {_range(self.jpeg)}"] if self.jpeg else [])]) or "plain"

    def chain(self, noise: Noise, seed: int) -> Chain:
        """The settings for one image; photons are still those at the peak."""
        rng = np.random.default_rng((seed, 1))  # not the noise's own stream
        low, high = self.gain or (1.0, 1.0)
        gain = float(rng.uniform(low, high))
        quality = int(rng.integers(*self.jpeg, endpoint=True)) if self.jpeg else 0
        return Chain(
            boundary="valid",
            gain=gain,
            saturation=1.0 if self.gain or self.jpeg else 0.0,
            photons=noise.photons,
            noise=noise.sigma,
            jpeg_quality=quality,
            seed=seed,
        )


@dataclass(frozen=True, eq=False)
class Case:
    """One blurred image, and what was there.

    Parameters
    ----------
    name : str
        Of the image file.
    blurred, truth : ndarray
        float32 ``(Y, X)``, of one shape.
    psf : ndarray
        float32, unit sum.
    noise : float
        Standard deviation of the noise; of photons, its root mean square over the image.
    """

    name: str
    blurred: NDArray[np.float32]
    truth: NDArray[np.float32]
    psf: NDArray[np.float32]
    noise: float

    def score(self, estimate: NDArray[np.float32]) -> Score:
        """PSNR and SSIM on the area the blurred image covers, less half the PSF all round."""
        return score(estimate, self.truth, tuple(n // 2 for n in self.psf.shape))


@dataclass(frozen=True, eq=False)
class Scene:
    """How to make one case: cheap to pass around.

    Parameters
    ----------
    image : Path
        File of a sharp image.
    seed : int
        Of the noise and of whatever the camera draws.
    kernel : Kernel
        The blur.
    camera : Camera
        What follows it.
    noise : Noise
        And disturbs it.
    """

    image: Path
    seed: int
    kernel: Kernel
    camera: Camera
    noise: Noise

    def case(self) -> Case:
        """Make the blurred, exposed and noisy case of the scene.

        Raises
        ------
        DeconvError
            If the image cannot be read, is not a plane, or is smaller than the PSF.
        """
        chain = self.camera.chain(self.noise, self.seed)
        return make_case(gray(self.image), self.kernel.array, chain, self.image.stem)


def make_case(
    sharp: NDArray[np.float64], psf: NDArray[np.float32], chain: Chain, name: str = ""
) -> Case:
    """A sharp plane through blur and camera; ``chain.photons`` are those at its brightest pixel."""
    peak = float(chain.truth(sharp[None]).max())
    if chain.photons and peak > 0:
        chain = replace(chain, photons=chain.photons / peak)
    blurred, truth = chain(sharp, psf, axes="YX")
    light = float(truth.mean()) / chain.photons if chain.photons else 0.0
    noise = math.sqrt(chain.noise**2 + light)
    return Case(name, blurred.astype(np.float32), truth.astype(np.float32), psf, noise)


def gray(path: Path) -> NDArray[np.float64]:
    """A file as luma, ``(Y, X)``; integers are divided by their type's maximum.

    Raises
    ------
    DeconvError
        If it cannot be read or is not a plane.
    """
    picture = io.read(path)
    data = picture.data.astype(np.float64)
    if picture.data.dtype.kind in "iu":
        data /= np.iinfo(picture.data.dtype).max
    if picture.axes.endswith("S"):
        data = data[..., :3] @ _GRAY if data.shape[-1] >= 3 else data[..., 0]
    data = data.squeeze()
    if data.ndim != 2:
        raise DeconvError(f"{path} has the axes {picture.axes}.", "The protocol is for planes.")
    return data


def images_in(folder: Path, every: Every = "all", limit: int = 0) -> list[Path]:
    """Image files of a folder in sorted order.

    Parameters
    ----------
    folder : Path
        Not looked into deeper.
    every : str
        ``odd``: the 1st, 3rd, 5th and so on; ``even``: the 2nd, 4th, 6th.
    limit : int
        So many of them; 0 takes all.

    Raises
    ------
    DeconvError
        If there is none.
    """
    inside = io.images_in(folder)
    start, step = {"all": (0, 1), "odd": (0, 2), "even": (1, 2)}[every]
    chosen = inside[start::step][: limit or None]
    if not chosen:
        raise DeconvError(f"There is no image in {folder}.", f"Use {', '.join(io.SUFFIXES)}.")
    return chosen


def paired(
    images: Sequence[Path], kernels: KernelSet, camera: Camera, noise: Noise, cross: bool = False
) -> tuple[Scene, ...]:
    """Image i with kernel i mod n (or with every kernel) and seed i."""
    n = len(kernels.kernels)
    return tuple(
        Scene(image, i, kernels.kernels[k], camera, noise)
        for i, image in enumerate(images)
        for k in (range(n) if cross else (i % n,))
    )


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g}..{ends[1]:g}"
