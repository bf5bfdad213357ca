"""The whole degradation in one set of settings: what a panel shows and a recipe records."""

from __future__ import annotations

import typing
from dataclasses import replace
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core.fields import Shown, Zero
from ..engine.axes import Region
from .arrays import Array
from .base import Boundary, Degradation, Order
from .camera import Exposure, Jpeg, Poisson, Quantise, ReadNoise, Saturation
from .optics import Blur


class Chain(Degradation, title="Degradation", name="chain"):
    """Blur and camera in physical order: ``JPEG(quantise(clip(gain * (x (*) k) + noise)))``.

    A setting of 0 leaves its step out. The truth is ``clip(gain * x)``.

    Parameters
    ----------
    boundary : str
        What lies beyond the image when it is blurred; ``valid`` crops to what is known.
    gain : float
        Exposure: factor on the intensities.
    saturation : float
        Clip to [0, this], on the unit scale, where 1 is an integer type's maximum; 0 does not clip.
    order : str
        ``clip-last``: saturation after the noise, as a sensor does. ``clip-first``: before it, as
        in y = c(k * x) + n.
    photons : float
        Expected photon count at intensity 1.0 on the unit scale; 0 adds no photon noise.
    noise : float
        Standard deviation of the Gaussian read noise on the image's own scale.
    bits : int
        Bit depth over [0, 1], which clips to it; 0 does not quantise.
    jpeg_quality : int
        JPEG quality, 1 to 100; codes 8 bits over [0, 1], which clips to it. 0 does not code.
    seed : int
        Equal seeds give equal noise, bit for bit.
    """

    boundary: Boundary = "reflect"
    gain: Annotated[float, Interval(gt=0, le=1000)] = 1.0
    saturation: Annotated[float, Interval(ge=0, le=1e6), Zero("off")] = 0.0
    order: Annotated[Order, Shown("Saturates", words=("after the noise", "before the noise"))] = (
        "clip-last"
    )
    photons: Annotated[float, Interval(ge=0, le=1e9), Zero("off")] = 0.0
    noise: Annotated[float, Interval(ge=0, le=1e6), Zero("off")] = 0.0
    bits: Annotated[int, Interval(ge=0, le=16), Zero("off")] = 0
    jpeg_quality: Annotated[int, Interval(ge=0, le=100), Zero("off")] = 0
    seed: Annotated[int, Interval(ge=0, le=2**31 - 1)] = 0

    @property
    def steps(self) -> tuple[Degradation, ...]:
        """Every step in the order in which it is applied."""
        noise = (Poisson(photons=self.photons), ReadNoise(sd=self.noise))
        clip = (Saturation(level=self.saturation),)
        camera = noise + clip if self.order == "clip-last" else clip + noise
        optics = (Blur(boundary=self.boundary), Exposure(gain=self.gain))
        return (*optics, *camera, Quantise(bits=self.bits), Jpeg(quality=self.jpeg_quality))

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        for step in self.steps:
            image = step.apply(image, rng, psf)
        return image

    def truth(self, image: Array) -> Array:
        for step in self.steps:
            image = step.truth(image)
        return image

    def window(self, shape: tuple[int, ...], psf: Array | None) -> Region:
        return Blur(boundary=self.boundary).window(shape, psf)

    def on_scale(self, full: float) -> typing.Self:
        return replace(self, noise=self.noise / full)

    @property
    def unit_range(self) -> bool:
        clipped = 0 < self.saturation <= 1
        return not clipped and any(step.unit_range for step in self.steps)

    def generator(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)
