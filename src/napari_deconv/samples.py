"""Images to try things on: real ones that come with scikit-image, and a generated stack.

Nothing is downloaded: scikit-image's wheel itself holds the pictures used here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .degradation.base import degrade
from .psf import CameraShake, Motion, repair

_SEED = 7
_PHOTO_NOISE = 0.01
_VOXEL_UM = (0.25, 0.1, 0.1)
_STACK_SHAPE = (32, 128, 128)
_PSF_SHAPE = (25, 37, 37)
_BACKGROUND_PHOTONS = 12.0
_BRIGHTEST_PHOTONS = 2000.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """A blurred image and what is known about it.

    Parameters
    ----------
    name : str
        What to call it.
    image : ndarray
        The blurred image.
    truth : ndarray or None
        The sharp one, of the image's shape and scale, where it is known.
    psf : ndarray or None
        float32 of unit sum, where it is known or can be guessed (`note` says which).
    pixel_size_um : tuple of float or None
        Size of a pixel along every spatial axis in micrometres, where it is known.
    axes : str
        One letter per axis of the image, such as ``"ZYX"`` or ``"YXS"``.
    note : str
        Where it comes from and how it was made.
    """

    name: str
    image: NDArray[Any]
    truth: NDArray[Any] | None = None
    psf: NDArray[np.float32] | None = None
    pixel_size_um: tuple[float, ...] | None = None
    axes: str
    note: str


def photo() -> Sample:
    """A colour photo with truth, shaken and noisy: uint8 ``(492, 492, 3)``, noise 1 %."""
    psf = CameraShake(size_px=21, seed=_SEED)()
    sharp = _bundled("astronaut")
    image, truth = degrade(
        sharp, psf, noise=_PHOTO_NOISE * 255, boundary="valid", seed=_SEED, axes="YXS"
    )
    return Sample(
        name="photo",
        image=image,
        truth=truth,
        psf=psf,
        axes="YXS",
        note="NASA's portrait of Eileen Collins (public domain), blurred by a generated camera"
        " shake, with Gaussian noise of 1 % of the range.",
    )


def clock() -> Sample:
    """A photo taken with a moving camera: uint8 ``(300, 400)``; its PSF is a guess."""
    return Sample(
        name="clock",
        image=_bundled("clock"),
        psf=Motion(length_px=36, angle_deg=1.5)(),
        axes="YX",
        note="Photo of a wall clock by Stefan van der Walt (public domain), really blurred by"
        " motion. The PSF is a guess: a straight line whose length and angle were read off the"
        " cepstrum.",
    )


def cell() -> Sample:
    """A plane of a cell in saline: uint8 ``(660, 550)``, pixels of 0.107 µm, no PSF."""
    return Sample(
        name="cell",
        image=_bundled("cell"),
        pixel_size_um=(0.107, 0.107),
        axes="YX",
        note="Quantitative phase image of a cell by Müller et al. (CC0), Optics Express 26:10729,"
        " 2018. Its PSF is not known: try a Gaussian of 1 to 2 pixels.",
    )


def stack() -> Sample:
    """A generated confocal stack: uint16 ``(32, 128, 128)``, voxels of 0.25 x 0.1 x 0.1 µm.

    Beads and filaments on a background, in photons, with Poisson noise; the same at every call.
    """
    # Its tails decay slowly along z; fading them out leaves the model of the sample exact.
    psf = repair(confocal_psf(_PSF_SHAPE, _VOXEL_UM))
    shape = tuple(n + k - 1 for n, k in zip(_STACK_SHAPE, _PSF_SHAPE, strict=True))
    scene = _scene(shape, np.random.default_rng(_SEED))
    image, truth = degrade(
        scene, psf, photons=_BRIGHTEST_PHOTONS, boundary="valid", seed=_SEED, axes="ZYX"
    )
    return Sample(
        name="stack",
        image=np.round(image * _BRIGHTEST_PHOTONS).astype(np.uint16),
        truth=(truth * _BRIGHTEST_PHOTONS).astype(np.float32),
        psf=psf,
        pixel_size_um=_VOXEL_UM,
        axes="ZYX",
        note="Generated: beads of 0.2 µm and filaments, in photons, through a confocal PSF (NA 0.7,"
        " water, 520 nm) with Poisson noise.",
    )


SAMPLES: dict[str, Callable[[], Sample]] = {
    "photo": photo,
    "clock": clock,
    "cell": cell,
    "stack": stack,
}
"""Name of a sample -> the function that makes it."""


def _bundled(name: str) -> NDArray[np.uint8]:
    from skimage import data

    pixels: NDArray[np.uint8] = getattr(data, name)()
    return pixels


def confocal_psf(
    shape: tuple[int, int, int],
    voxel_um: tuple[float, float, float],
    *,
    aperture: float = 0.7,
    wavelength_um: float = 0.52,
    index: float = 1.33,
) -> NDArray[np.float32]:
    """Scalar confocal PSF with a small pinhole: the square of the wide-field intensity.

    The wide-field amplitude at defocus z is the Fourier transform of the pupil times
    ``exp(2 pi i z sqrt((n / lambda)^2 - |f|^2))`` (Goodman, Introduction to Fourier Optics, 3rd
    ed., eq. 3-74); excitation and emission are taken to have one wavelength.

    Parameters
    ----------
    shape : tuple of int
        Odd sizes ``(Z, Y, X)``.
    voxel_um : tuple of float
        Voxel size ``(z, y, x)`` in micrometres, with y and x at most ``lambda / (4 NA)`` so that
        the square is sampled well.
    aperture, wavelength_um, index : float
        Numerical aperture, wavelength in vacuum, refractive index of the immersion.

    Returns
    -------
    ndarray
        float32 of unit sum, centred.
    """
    fine = tuple(4 * n for n in shape[1:])
    fy, fx = (np.fft.fftfreq(n, d) for n, d in zip(fine, voxel_um[1:], strict=True))
    radial = fy[:, None] ** 2 + fx**2
    pupil = radial <= (aperture / wavelength_um) ** 2
    axial = np.sqrt(np.where(pupil, (index / wavelength_um) ** 2 - radial, 0))
    z = (np.arange(shape[0]) - shape[0] // 2)[:, None, None] * voxel_um[0]
    amplitude = np.fft.fftshift(np.fft.ifft2(pupil * np.exp(2j * np.pi * z * axial)), axes=(1, 2))
    window = tuple(
        slice(m // 2 - n // 2, m // 2 + n // 2 + 1) for m, n in zip(fine, shape[1:], strict=True)
    )
    intensity = np.abs(amplitude[(slice(None), *window)]) ** 4
    psf: NDArray[np.float32] = (intensity / intensity.sum()).astype(np.float32)
    return psf


def _scene(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Beads, filaments and background on the unit scale, whose 1 is the brightest voxel."""
    from scipy.ndimage import gaussian_filter

    size_um = np.array(shape) * _VOXEL_UM
    lines = np.concatenate([_filament(size_um, rng) for _ in range(14)])
    sharp = 0.25 * _splat(lines, np.ones(len(lines)), shape)
    beads = rng.uniform(0, 1, (60, 3)) * size_um
    sharp += _splat(beads, rng.uniform(2, 6, len(beads)), shape)
    # Half the width of a bead, and the reason that no voxel is infinitely bright.
    sharp = gaussian_filter(sharp, [0.1 / v for v in _VOXEL_UM])
    haze = gaussian_filter(rng.normal(size=shape), [1.5 / v for v in _VOXEL_UM], mode="wrap")
    haze = 1 + 0.4 * haze / haze.std()
    background = np.clip(haze, 0.2, None) * _BACKGROUND_PHOTONS / _BRIGHTEST_PHOTONS
    scene: NDArray[np.float64] = sharp / sharp.max() * (1 - background.max()) + background
    return scene


def _filament(size_um: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Points every 0.02 µm along a smooth random curve, ``(N, 3)`` in micrometres."""
    from scipy.ndimage import gaussian_filter1d

    turns = gaussian_filter1d(rng.normal(size=(800, 3)) * (0.35, 1, 1), 90, axis=0) * 12
    heading = rng.normal(size=3) * (0.3, 1, 1)
    step = turns + heading / np.linalg.norm(heading)
    step *= 0.02 / np.linalg.norm(step, axis=1, keepdims=True)
    path: NDArray[np.float64] = np.cumsum(step, axis=0)
    path += rng.uniform(0.1, 0.9, 3) * size_um - path.mean(axis=0)
    return path


def _splat(
    points_um: NDArray[np.float64], weights: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Points shared out linearly between the eight voxels around each."""
    position = points_um / _VOXEL_UM - 0.5
    base = np.floor(position).astype(int)
    part = position - base
    volume = np.zeros(shape)
    for corner in np.ndindex(2, 2, 2):
        index = base + corner
        share = np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=1) * weights
        inside = np.all((index >= 0) & (index < shape), axis=1)
        np.add.at(volume, tuple(index[inside].T), share[inside])
    return volume
