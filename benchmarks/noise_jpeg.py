"""How well noise is read in photos as people have them: demosaicked, in JPEG, in colour.

Colour images, gamma as stored, blurred by valid convolution; noise on a Bayer mosaic, which is
demosaicked bilinearly; 8 bits; JPEG with 4:2:0. True is the root mean square of what came out less
the blurred image. Everything was chosen on ``bsds500/train``; ``bsds500/val`` checks.

    python benchmarks/noise_jpeg.py ../shared/data/bsds500/val --every 4
"""

from __future__ import annotations

import argparse
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import convolve
from scipy.signal import fftconvolve

from napari_deconv.psf import CameraShake, Disk, Gaussian, Motion
from napari_deconv.signal.noise_reading import read_noise

PSFS = [
    Gaussian(sigma_px=1.5),
    Gaussian(sigma_px=3.0),
    Disk(radius_px=3.0),
    Disk(radius_px=6.0),
    Motion(length_px=15, angle_deg=25),
    CameraShake(size_px=21, seed=1),
]
LEVELS = (1.0, 2.0, 4.0, 7.0)
QUALITIES = (70, 75, 80, 85, 90, 95)
RGGB = {0: [(0, 0)], 1: [(0, 1), (1, 0)], 2: [(1, 1)]}
CROSS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
SQUARE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4


@dataclass(frozen=True, eq=False)
class Shot:
    """A photo, what it would be without noise and coding, and how it was taken."""

    seen: NDArray[np.uint8]
    clean: NDArray[np.float64]
    psf: str
    level: float
    quality: int

    @property
    def rms(self) -> float:
        """The error to be told."""
        return float(np.sqrt(np.mean((self.seen - self.clean) ** 2)))


def demosaicked(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sampled by a Bayer pattern and interpolated bilinearly."""
    out = np.empty_like(rgb)
    for colour, places in RGGB.items():
        plane = np.zeros(rgb.shape[:2])
        for y, x in places:
            plane[y::2, x::2] = rgb[y::2, x::2, colour]
        out[..., colour] = convolve(plane, CROSS if colour == 1 else SQUARE, mode="mirror")
    return out


def coded(rgb: NDArray[np.float64], quality: int) -> NDArray[np.uint8]:
    """Eight bits, and through JPEG with 4:2:0 unless the quality is 0."""
    pixels = np.clip(rgb, 0, 255).round().astype(np.uint8)
    if not quality:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(file))


def shots(folder: Path, every: int, *, mosaic: bool = True) -> Iterator[Shot]:
    """Every image once, with PSF, noise and quality in turn."""
    for number, file in enumerate(sorted(folder.glob("*.jpg"))[::every]):
        rgb = np.asarray(Image.open(file).convert("RGB"), np.float64)
        rng = np.random.default_rng(number)
        for step, psf in enumerate(PSFS):
            level = LEVELS[(number + step) % len(LEVELS)]
            quality = QUALITIES[(number // 2 + step) % len(QUALITIES)]
            kernel = psf()[..., None]
            clean = fftconvolve(rgb, kernel, "valid", axes=(0, 1))
            noisy = clean + rng.normal(0, level, clean.shape)
            seen = coded(demosaicked(noisy) if mosaic else noisy, quality)
            yield Shot(seen, clean, str(psf), level, quality)


def main() -> None:
    """Print the share of photos within 20 %, by quality and in all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--white", action="store_true", help="no mosaic")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = [
        (shot.quality, shot.level, read_noise(np.moveaxis(shot.seen, -1, 0)).level / shot.rms)
        for shot in shots(args.folder, args.every, mosaic=not args.white)
    ]
    ratios = np.array([row[2] for row in rows])
    print(f"{'':>12} {'photos':>7} {'10 %':>6} {'median':>7} {'90 %':>6} {'within 20 %':>12}")
    for index, name, values in (
        (0, "quality", QUALITIES),
        (1, "noise", LEVELS),
        (None, "all", (0,)),
    ):
        for value in values:
            part = ratios if index is None else ratios[[row[index] == value for row in rows]]
            low, middle, high = np.quantile(part, [0.1, 0.5, 0.9])
            share = np.mean(np.abs(part - 1) <= 0.2)
            label = name if index is None else f"{name} {value:g}"
            print(f"{label:>12} {len(part):>7} {low:6.2f} {middle:7.2f} {high:6.2f} {share:12.0%}")


if __name__ == "__main__":
    main()
