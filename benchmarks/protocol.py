"""The benchmark protocol: valid blur of gray photos, unclipped noise, border left out of the score.

Gray = .299 R + .587 G + .114 B in [0, 1]; valid true convolution; Gaussian noise of a seeded
generator; float32; scored on what the blurred image covers less half the PSF on every side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.signal import fftconvolve

from napari_deconv.metrics import Score, score

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NOISE = (0.01, 0.03, 0.05)


@dataclass(frozen=True)
class Scene:
    """One blurred image, and what was there.

    Parameters
    ----------
    name : str
        Of the image file.
    blurred, truth : ndarray
        float32, of one shape.
    psf : ndarray
        float32, unit sum.
    noise : float
        Standard deviation of the noise.
    """

    name: str
    blurred: NDArray[np.float32]
    truth: NDArray[np.float32]
    psf: NDArray[np.float32]
    noise: float

    def score(self, estimate: NDArray[np.float32]) -> Score:
        """PSNR and SSIM under the protocol."""
        return score(estimate, self.truth, tuple(n // 2 for n in self.psf.shape))


def gray(path: Path) -> NDArray[np.float64]:
    """A photo as luma in [0, 1]."""
    pixels = np.asarray(Image.open(path).convert("RGB"), dtype=np.float64) / 255
    return pixels @ np.array([0.299, 0.587, 0.114])


def photos(part: str, step: int = 1, start: int = 0) -> list[Path]:
    """Files of a part of BSDS500 in sorted order, every ``step``-th from ``start``."""
    return sorted((DATA / "bsds500" / part).glob("*.jpg"))[start::step]


def levin_kernels() -> list[NDArray[np.float32]]:
    """The eight measured camera-shake PSFs of Levin et al. 2009."""
    with np.load(DATA / "levin09_kernels.npz") as file:
        return [file[f"kernel{i}"] for i in range(1, 9)]


def scene(path: Path, psf: NDArray[np.float32], noise: float, seed: int) -> Scene:
    """Blur and noise as the protocol has them."""
    sharp = gray(path)
    blurred = fftconvolve(sharp, psf.astype(np.float64), mode="valid")
    blurred = blurred + np.random.default_rng(seed).normal(0, noise, blurred.shape)
    # The PSF's centre is size // 2, so this many rows lie before the first full overlap.
    first = [n - 1 - n // 2 for n in psf.shape]
    window = tuple(slice(f, f + n) for f, n in zip(first, blurred.shape, strict=True))
    truth = sharp[window].astype(np.float32)
    return Scene(path.stem, blurred.astype(np.float32), truth, psf, noise)


def interval(values: Sequence[float], draws: int = 2000) -> tuple[float, float, float]:
    """Mean, and the bootstrap 95 % interval of the mean."""
    data = np.asarray(values)
    picks = np.random.default_rng(0).integers(0, len(data), (draws, len(data)))
    low, high = np.percentile(data[picks].mean(axis=1), [2.5, 97.5])
    return float(data.mean()), float(low), float(high)
