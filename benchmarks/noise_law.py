"""How well `noise_law` reads photon noise, and that it sees none where there is none.

Sharp images (every second fluorescence file from the first on, generated planes, every so many-th
photo of ``bsds500/train``) under Gaussian blur and camera shake by valid convolution, with photon
noise or with white noise; prints the 10 %, 50 % and 90 % quantiles of the estimated over the true
RMS, of the law and of `estimate_noise`, and how often a law was seen.

    python benchmarks/noise_law.py ../shared/data/bsds500/train \
        ../shared/data/microscopy/fluorescence2d
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from napari_deconv import degrade
from napari_deconv.degradation.structures import Structures
from napari_deconv.psf import CameraShake, Gaussian
from napari_deconv.signal.noise import estimate_noise
from napari_deconv.signal.noise_law import noise_law
from napari_deconv.train.images import read_gray

SIGMAS_PX = (0.9, 1.2, 1.6, 2.2)
PHOTONS = (30, 200, 1000)
LEVELS = (0.01, 0.03, 0.05)


def ratios(image: np.ndarray, number: int, photons: float, noise: float) -> tuple[float, ...]:
    """Law's and plain estimate over the truth, and whether there was a law."""
    shaken = number % 3 == 2
    psf = (
        CameraShake(size_px=17, seed=number) if shaken else Gaussian(sigma_px=SIGMAS_PX[number % 4])
    )
    options = {"noise": noise, "seed": number, "boundary": "valid"}
    if photons:
        options["photons"] = photons / float(image.max())
    seen, _ = degrade(image, psf(), **options)
    clean, _ = degrade(image, psf(), boundary="valid")
    true = math.sqrt((clean.mean() / options["photons"] if photons else 0) + noise**2)
    law, plain = noise_law(seen), estimate_noise(seen)
    found = plain if law is None else law.rms(float(seen.mean()))
    return found / true, plain / true, float(law is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("fluorescence", type=Path)
    parser.add_argument("--every", type=int, default=10, help="take every so many-th photo")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    groups = {
        "fluorescence": read_gray(given.fluorescence, 64, 2, 2)[0],
        "generated": [Structures().draw((320, 320), rng) for _ in range(30)],
        "photos": read_gray(given.photos, 64, 2)[0][:: given.every],
    }
    print("| images | noise | law seen | with the law: 10, 50, 90 % | without |")
    print("|---|---|---|---|---|")
    for name, images in groups.items():
        for photons, noise in [*((n, 0.002) for n in PHOTONS), *((0, s) for s in LEVELS)]:
            rows = np.array([ratios(x, i, photons, noise) for i, x in enumerate(images)])
            cells = [
                ", ".join(f"{q:.2f}" for q in np.quantile(column, (0.1, 0.5, 0.9)))
                for column in rows.T[:2]
            ]
            label = f"{photons} photons" if photons else f"{noise:.0%}"
            print(
                f"| {name} | {label} | {rows[:, 2].mean():.0%} | {cells[0]} | {cells[1]} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
