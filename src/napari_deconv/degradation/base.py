"""`Degradation`: what happens to a sharp scene on its way into a file."""

from __future__ import annotations

import typing
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.spec import Spec
from ..engine.axes import Layout, Region, parse_axes
from ..engine.incoming import unit_psf
from ..psf.base import PSF
from .arrays import Array, checked_image, from_unit, full_scale

Boundary = Literal["valid", "reflect", "replicate", "periodic", "zero"]
Order = Literal["clip-last", "clip-first"]


class Degradation(Spec):
    """A step of the degradation; calling a configured instance runs it on an image.

    Every step is the identity at its defaults. The hooks see one float64 block ``(C, [Z,] Y, X)``
    at a time, on the unit scale, where C is 3 for a colour image and 1 otherwise.
    """

    def __call__(
        self,
        image: Any,
        psf: Any = None,
        *,
        axes: str | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Degrade an image, a stack or a series.

        Parameters
        ----------
        image : array_like
            Any real dtype. Integers are divided by their type's maximum; floats are on the unit
            scale as they are.
        psf : ndarray or PSF, optional
            2-D blurs planes, 3-D volumes; None does not blur.
        axes : str, optional
            One letter per axis of ``image``, such as ``"TZYX"`` or ``"YXS"``; see `parse_axes`.
        rng : numpy.random.Generator, optional
            Source of the noise; by default a fresh one from the step's own seed (0 if it has none).

        Returns
        -------
        degraded, truth : ndarray
            Of the input's dtype and equal shape, which is the input's unless the boundary is
            ``"valid"``. Alpha is carried over untouched.

        Raises
        ------
        DeconvError
            On bad input, naming the thing, its value and the remedy.
        """
        pixels = checked_image(image)
        kernel = None if psf is None else unit_psf(psf() if isinstance(psf, PSF) else psf)
        layout = parse_axes(pixels.shape, axes, 2 if kernel is None else kernel.ndim)
        full = full_scale(pixels.dtype)
        if self.unit_range and pixels.max() > full:
            raise DeconvError(
                f"{self.title}: the image reaches {pixels.max():g}, but bits and JPEG code [0, 1].",
                "Divide it by its full scale, or set saturation to 1 to clip it there.",
            )
        return _run(self.on_scale(full), pixels, kernel, layout, rng or self.generator())

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        """The degraded block; the input is left alone. ``psf`` is float64 of unit sum."""
        raise NotImplementedError

    def truth(self, image: Array) -> Array:
        """The perfect restoration of the degraded block: by default the block."""
        return image

    def window(self, shape: tuple[int, ...], psf: Array | None) -> Region:
        """Region of the spatial ``shape`` that remains after the step, by default all of it."""
        return tuple(slice(0, n) for n in shape)

    def on_scale(self, full: float) -> typing.Self:
        """The step for an image divided by ``full``: fields in the image's own units follow."""
        return self

    @property
    def unit_range(self) -> bool:
        """Whether it codes [0, 1] and would silently ruin an image on another scale."""
        return False

    def generator(self) -> np.random.Generator:
        """A fresh generator: equal settings give equal noise, bit for bit."""
        return np.random.default_rng(0)


def _run(
    step: Degradation,
    pixels: NDArray[Any],
    kernel: Array | None,
    layout: Layout,
    rng: np.random.Generator,
) -> tuple[NDArray[Any], NDArray[Any]]:
    whole = tuple(slice(0, n) for n in layout.block_shape)
    window = step.window(layout.block_shape, kernel)
    kept = tuple(part.stop - part.start for part in window)
    sizes = dict(zip(layout.axes, layout.shape, strict=True)) | dict(
        zip(layout.spatial, kept, strict=True)
    )
    target = replace(layout, shape=tuple(sizes[a] for a in layout.axes))
    region = tuple(slice(0, n) for n in kept)
    degraded, truth = (np.empty(target.shape, pixels.dtype) for _ in range(2))
    full = full_scale(pixels.dtype)
    colours, alpha = slice(0, layout.colours), slice(layout.colours, layout.samples)
    for item in layout.items():
        block = np.divide(layout.read(pixels, item, whole, colours), full, dtype=np.float64)
        ideal = step.truth(block[(slice(None), *window)])
        actual = step.apply(block, rng, kernel)
        target.write(truth, item, region, colours, from_unit(ideal, pixels.dtype))
        target.write(degraded, item, region, colours, from_unit(actual, pixels.dtype))
        if layout.colours < layout.samples:
            for out in (truth, degraded):
                target.write(out, item, region, alpha, layout.read(pixels, item, window, alpha))
    return degraded, truth


def degrade(
    image: Any,
    psf: Any,
    *,
    gain: float = 1.0,
    saturation: float | None = None,
    photons: float | None = None,
    noise: float = 0.0,
    bits: int | None = None,
    jpeg_quality: int | None = None,
    boundary: Boundary = "reflect",
    order: Order = "clip-last",
    seed: int = 0,
    axes: str | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Blur an image and put it through a camera.

    ``y = JPEG(quantise(clip(gain * (x (*) k) + noise)))``, every step optional, in this order.

    Parameters
    ----------
    image : array_like
        Real image, stack or series. Floats are on the unit scale as they are, in [0, 1] or not;
        integers are divided by their type's maximum and returned in the same type, rounded.
    psf : ndarray or PSF or None
        Point spread function, 2-D (planes) or 3-D (volumes), normalised to unit sum, its centre at
        ``size // 2``. None does not blur.
    gain : float
        Exposure: factor on the intensities.
    saturation : float, optional
        Clip to ``[0, saturation]``, on the unit scale; None does not clip.
    photons : float, optional
        Expected photon count at intensity 1 on the unit scale, for Poisson noise.
    noise : float
        Standard deviation of the Gaussian read noise, on the image's own scale.
    bits : int, optional
        Quantise [0, 1] to ``2**bits`` levels, clipping to it.
    jpeg_quality : int, optional
        1 to 100: round to 8 bits and code, clipping to [0, 1]. Stacks are coded plane by plane,
        RGB in colour.
    boundary : {"valid", "reflect", "replicate", "periodic", "zero"}
        What lies beyond the image; ``"valid"`` leaves out what would need it.
    order : {"clip-last", "clip-first"}
        Whether saturation comes after the noise or, as in ``y = c(k * x) + n``, before it.
    seed : int
        Equal seeds give equal noise, bit for bit.
    axes : str, optional
        One letter per axis, such as ``"TZYX"`` or ``"YXS"``. By default a last axis of 3 or 4
        after a plane is colour and leading axes are looped over.

    Returns
    -------
    degraded, truth : ndarray
        Of the input's dtype and equal shape. ``truth`` is what a perfect restoration would be:
        ``clip(gain * x)``, cropped alike when the boundary is ``"valid"``.

    Raises
    ------
    DeconvError
        On bad input or a value out of bounds, naming the thing, its value and the remedy.
    """
    optional = {
        "saturation": saturation, "photons": photons, "bits": bits, "jpeg_quality": jpeg_quality
    }  # fmt: skip
    for name, value in optional.items():
        if isinstance(value, (int, float)) and not value:
            raise DeconvError(f"{name} = {value!r} is out of bounds.", "None leaves it out.")
    chain = Degradation.make(
        "chain", gain=gain, noise=noise, boundary=boundary, order=order, seed=seed,
        **{name: 0 if value is None else value for name, value in optional.items()},
    )  # fmt: skip
    return chain(image, psf, axes=axes)
