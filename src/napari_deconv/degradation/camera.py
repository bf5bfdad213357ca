"""The camera: exposure, photons, read-out, saturation, bits and the JPEG file."""

from __future__ import annotations

import io
import typing
from dataclasses import replace
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray
from PIL import Image

from ..core.errors import DeconvError
from ..core.fields import Zero
from .arrays import Array
from .base import Degradation

_MOST_COUNTS = 1e18
_JPEG_SIDE = 65500


class Exposure(Degradation, title="Exposure"):
    """Longer or shorter exposure: the intensities times a gain.

    Parameters
    ----------
    gain : float
        Factor on the intensities; above 1 bright parts can saturate.
    """

    gain: Annotated[float, Interval(gt=0, le=1000)] = 1.0

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        return image * self.gain

    def truth(self, image: Array) -> Array:
        return image * self.gain


class Saturation(Degradation, title="Saturation"):
    """Clipping to what the sensor can hold.

    Parameters
    ----------
    level : float
        Upper limit on the unit scale, the lower one being 0; 0 does not clip.
    """

    level: Annotated[float, Interval(ge=0, le=1e6), Zero("off")] = 0.0

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        return self.truth(image)

    def truth(self, image: Array) -> Array:
        return np.clip(image, 0, self.level) if self.level else image


class Poisson(Degradation, title="Photon noise"):
    """Photon noise: Poisson counts, divided by the count at intensity 1.

    Parameters
    ----------
    photons : float
        Expected count at intensity 1.0 on the unit scale; negative intensities count as none.
        0 adds no photon noise.
    """

    photons: Annotated[float, Interval(ge=0, le=1e9), Zero("off")] = 0.0

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        if not self.photons:
            return image
        expected = np.maximum(image, 0) * self.photons
        if expected.max() > _MOST_COUNTS:
            raise DeconvError(
                f"{self.title}: {expected.max():g} photons in a pixel are more than can be drawn.",
                "Lower photons, or divide the image by its full scale.",
            )
        return np.asarray(rng.poisson(expected) / self.photons)


class ReadNoise(Degradation, title="Read noise"):
    """Additive white Gaussian noise.

    Parameters
    ----------
    sd : float
        Standard deviation on the image's own scale; 0 adds none.
    """

    sd: Annotated[float, Interval(ge=0, le=1e6), Zero("off")] = 0.0

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        return image + self.sd * rng.standard_normal(image.shape) if self.sd else image

    def on_scale(self, full: float) -> typing.Self:
        return replace(self, sd=self.sd / full)


class Quantise(Degradation, title="Quantisation"):
    """Rounding to the levels of an analogue-to-digital converter over [0, 1].

    Parameters
    ----------
    bits : int
        Bit depth: ``2**bits`` levels from 0 to 1, values outside being clipped. 0 does not
        quantise.
    """

    bits: Annotated[int, Interval(ge=0, le=16), Zero("off")] = 0

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        top = 2**self.bits - 1
        return np.rint(np.clip(image, 0, 1) * top) / top if self.bits else image

    def truth(self, image: Array) -> Array:
        return np.clip(image, 0, 1) if self.bits else image

    @property
    def unit_range(self) -> bool:
        return self.bits > 0


class Jpeg(Degradation, title="JPEG"):
    """A real JPEG file of 8 bits: Pillow's codec with its default chroma subsampling (4:2:0).

    Three channels are coded as RGB, anything else plane by plane as gray.

    Parameters
    ----------
    quality : int
        1 (worst) to 100; values outside [0, 1] are clipped. 0 does not code.
    """

    quality: Annotated[int, Interval(ge=0, le=100), Zero("off")] = 0

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        if not self.quality:
            return image
        if max(image.shape[-2:]) > _JPEG_SIDE:
            raise DeconvError(
                f"JPEG: a plane of {image.shape[-2:]} is too large for the format.",
                f"Crop it to {_JPEG_SIDE} pixels, or leave JPEG out.",
            )
        whole = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        if len(whole) == 3:
            whole = np.moveaxis(whole, 0, -1)
        planes = whole.reshape(-1, *whole.shape[-3 if len(image) == 3 else -2 :])
        coded = np.stack([self._coded(p) for p in planes]).reshape(whole.shape) / 255
        return np.moveaxis(coded, -1, 0) if len(image) == 3 else coded

    def truth(self, image: Array) -> Array:
        return np.clip(image, 0, 1) if self.quality else image

    @property
    def unit_range(self) -> bool:
        return self.quality > 0

    def _coded(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(plane)).save(file, "JPEG", quality=self.quality)
        return np.asarray(Image.open(file))
