"""How well `estimate_noise` reads known noise in blurred photos, beside the usual estimators.

Images of ``bsds500/train`` (never ``val``) blurred by valid convolution, plus white noise; prints,
per PSF and level, the median and the 90 % quantile of the absolute relative error in percent.

    python benchmarks/noise_estimate.py ../shared/data/bsds500/train --every 16
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import convolve1d
from scipy.signal import fftconvolve

from napari_deconv.psf import CameraShake, Disk, Gaussian, Motion
from napari_deconv.signal.noise import estimate_noise

LEVELS = (0.001, 0.005, 0.01, 0.03, 0.05)
PSFS = [
    *(Gaussian(sigma_px=s) for s in (1.0, 2.0)),
    *(Disk(radius_px=r) for r in (2.0, 5.0, 9.3)),
    *(Motion(length_px=n, angle_deg=a) for n, a in ((5, 90), (9, 0), (15, 30))),
    *(CameraShake(size_px=n, seed=s) for n, s in ((13, 0), (21, 1), (27, 2))),
]
# The high-pass of Daubechies' wavelet with four vanishing moments.
DB4 = np.array([-0.2303778, 0.7148466, -0.6308808, -0.0279838, 0.1870348, 0.0308414, -0.0328830])
DB4 = np.append(DB4, -0.0105974)


def immerkaer(image: NDArray[np.float32]) -> float:
    """Second differences along both axes (Immerkaer 1996), by their median deviation."""
    return float(np.median(np.abs(np.diff(np.diff(image, 2, 0), 2, 1))) / 0.6745 / 6)


def donoho(image: NDArray[np.float32]) -> float:
    """Median deviation of the finest diagonal wavelet coefficients (Donoho & Johnstone 1994)."""
    detail = convolve1d(convolve1d(image, DB4, axis=0), DB4, axis=1)[5:-5, 5:-5]
    return float(np.median(np.abs(detail)) / 0.6745)


ESTIMATORS: dict[str, Callable[[NDArray[np.float32]], float]] = {
    "estimate_noise": estimate_noise,
    "Immerkaer, MAD": immerkaer,
    "Donoho, db4": donoho,
}


def blurred(folder: Path, every: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for file in sorted(folder.glob("*.jpg"))[::every]:
        rgb = np.asarray(Image.open(file).convert("RGB"), np.float32) / 255
        gray = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
        for psf in PSFS:
            yield str(psf), fftconvolve(gray, psf(), "valid").astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=16, help="take every so many-th image")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    errors: dict[tuple[str, str, float], list[float]] = {}
    for psf, image in blurred(options.folder, options.every):
        white = rng.normal(size=image.shape).astype(np.float32)
        for level in LEVELS:
            for name, estimate in ESTIMATORS.items():
                relative = estimate(image + np.float32(level) * white) / level - 1
                errors.setdefault((name, psf, level), []).append(100 * relative)
    for name in ESTIMATORS:
        print(f"\n{name}: |error| in %, median (90 %), at noise " + ", ".join(map(str, LEVELS)))
        for row in [*map(str, PSFS), "all"]:
            cells = []
            for level in LEVELS:
                found = [e for k, es in errors.items() if k[0] == name and k[2] == level
                         and row in (k[1], "all") for e in es]  # fmt: skip
                median, high = np.quantile(np.abs(found), (0.5, 0.9))
                cells.append(f"{median:6.1f} ({high:6.1f})")
            print("  ".join(cells), row)
    large = rng.normal(size=(1024, 1024)).astype(np.float32)
    start = time.perf_counter()
    for _ in range(10):
        estimate_noise(large)
    print(f"\nestimate_noise, 1024 x 1024 float32: {100 * (time.perf_counter() - start):.0f} ms")


if __name__ == "__main__":
    main()
