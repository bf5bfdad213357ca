"""Generated stacks with truth: beads, filaments and nuclei under a wide-field PSF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from napari_deconv.samples import _filament, _splat

VOXEL_UM = (0.25, 0.1, 0.1)
SHAPE, PSF_SHAPE = (20, 56, 56), (21, 25, 25)
KINDS = ("beads", "filaments", "nuclei")
PHOTONS = (50, 200, 1000)
BACKGROUND = 0.02


@dataclass(frozen=True, eq=False)
class Stack:
    """A stack in photons, and what was there.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    photons : int
        At the brightest voxel of the sharp object; the background has 2 % of them.
    image, truth, psf : ndarray
        float32 ``(Z, Y, X)``.
    """

    kind: str
    photons: int
    image: NDArray[np.float32]
    truth: NDArray[np.float32]
    psf: NDArray[np.float32]


def stacks(seed: int) -> Iterator[Stack]:
    """Every kind at every number of photons; light from beyond the borders is in the image."""
    psf = widefield()
    full = tuple(n + k - 1 for n, k in zip(SHAPE, PSF_SHAPE, strict=True))
    window = tuple(slice(k // 2, k // 2 + n) for n, k in zip(SHAPE, PSF_SHAPE, strict=True))
    for kind in KINDS:
        rng = np.random.default_rng(seed)
        sharp = structure(kind, full, rng)
        for photons in PHOTONS:
            truth = (sharp + BACKGROUND) * photons
            expected = fftconvolve(truth, psf.astype(np.float64), mode="valid").clip(0)
            image = rng.poisson(expected).astype(np.float32)
            yield Stack(kind, photons, image, truth[window].astype(np.float32), psf)


def widefield(aperture: float = 0.8, wavelength_um: float = 0.52, index: float = 1.33) -> NDArray:
    """Scalar wide-field PSF, float32 of unit sum, as in `samples.confocal_psf` without the square.

    Kept by itself, so that this table does not move with the package's own microscope PSFs.
    """
    fine = tuple(4 * n for n in PSF_SHAPE[1:])
    fy, fx = (np.fft.fftfreq(n, d) for n, d in zip(fine, VOXEL_UM[1:], strict=True))
    radial = fy[:, None] ** 2 + fx**2
    pupil = radial <= (aperture / wavelength_um) ** 2
    axial = np.sqrt(np.where(pupil, (index / wavelength_um) ** 2 - radial, 0))
    z = (np.arange(PSF_SHAPE[0]) - PSF_SHAPE[0] // 2)[:, None, None] * VOXEL_UM[0]
    field = np.fft.fftshift(np.fft.ifft2(pupil * np.exp(2j * np.pi * z * axial)), axes=(1, 2))
    cut = (
        slice(m // 2 - n // 2, m // 2 + n // 2 + 1)
        for m, n in zip(fine, PSF_SHAPE[1:], strict=True)
    )
    power = np.abs(field[(slice(None), *cut)]) ** 2
    return (power / power.sum()).astype(np.float32)


def structure(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """The sharp object; its maximum is 1."""
    size = np.array(shape) * VOXEL_UM
    if kind == "nuclei":
        sharp = _nuclei(shape, size, rng)
    else:
        points = (
            rng.uniform(0, 1, (int(np.prod(shape) / 4000), 3)) * size
            if kind == "beads"
            else np.concatenate([_filament(size, rng) for _ in range(12)])
        )
        width_um = 0.08 if kind == "beads" else 0.06
        sharp = gaussian_filter(
            _splat(points, np.ones(len(points)), shape), [width_um / v for v in VOXEL_UM]
        )
    return sharp / sharp.max()


def _nuclei(shape: tuple[int, ...], size: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
    """Eight ellipsoids with soft borders and a texture."""
    axes = [(np.arange(n) + 0.5) * d for n, d in zip(shape, VOXEL_UM, strict=True)]
    place = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    found = np.zeros(shape)
    for _ in range(8):
        centre, radius = rng.uniform(0, 1, 3) * size, rng.uniform(0.9, 1.6, 3)
        distance = np.sqrt((((place - centre) / radius) ** 2).sum(-1))
        found = np.maximum(found, 1 / (1 + np.exp(12 * (distance - 1))))
    texture = gaussian_filter(rng.normal(size=shape), [0.2 / v for v in VOXEL_UM])
    return found * np.clip(1 + 0.4 * texture / texture.std(), 0.1, None)
