"""What deconvolution does to intensities: beads of known brightness, two channels of known ratio.

Sixty-four beads of four brightnesses on a background, blurred, with photon noise, at three light
levels, restored by methods as they come. For each method: the flux of the whole image, the exponent
of measured over true flux of the beads (1 is linear), the error of each bead's flux, the error of
the ratio of two channels taken bead by bead, and the correlation of two channels that have nothing
to do with each other (0 is right). Fluxes are sums over a disk of 6 px less the median around it.

    python benchmarks/intensities.py
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

import napari_deconv as nd

SIDE, PITCH, RADIUS, RING = 256, 32, 6, 12
BRIGHTNESS = (1.0, 2.0, 4.0, 8.0)
METHODS = ("as it came", "wiener", "tv", "hyper-laplacian", "richardson-lucy", "unrolled")


def scene(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Beads as an image with its brightest pixel at 1; their places; their fluxes."""
    rng = np.random.default_rng(seed)
    rows, columns = np.meshgrid(*2 * [np.arange(PITCH // 2, SIDE, PITCH)], indexing="ij")
    places = np.stack([rows.ravel(), columns.ravel()], 1) + rng.uniform(-5, 5, (rows.size, 2))
    flux = rng.permutation(np.resize(BRIGHTNESS, rows.size))
    y, x = np.mgrid[:SIDE, :SIDE]
    image = np.zeros((SIDE, SIDE))
    for (row, column), one in zip(places, flux, strict=True):
        bead = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 1.2**2))
        image += one * bead / bead.sum()
    top = image.max()
    return image / top, places, flux / top


def fluxes(image: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of each bead: its disk less the background around it."""
    y, x = np.mgrid[:SIDE, :SIDE]
    values = []
    for row, column in places:
        distance = np.hypot(y - row, x - column)
        disk, ring = distance <= RADIUS, (distance > RADIUS) & (distance <= RING)
        values.append(image[disk].sum() - disk.sum() * np.median(image[ring]))
    return np.array(values)


def restored(
    image: NDArray[np.float32], psf: NDArray[np.float32], name: str
) -> NDArray[np.float64]:
    """An image by a method as it comes."""
    if name == "as it came":
        return image.astype(float)
    return np.asarray(nd.deconvolve(image, psf, name), float)


def row(name: str, photons: float, psf: NDArray[np.float32]) -> list[str]:
    """The figures of one method at one light level, over three scenes."""
    total, exponent, error, ratio, correlation = [], [], [], [], []
    for seed in range(3):
        first, places, flux = scene(seed)
        second = np.roll(scene(seed + 100)[0], (PITCH // 2, PITCH // 2), (0, 1))
        channels = [
            nd.degrade((x + 0.1).astype(np.float32), psf, photons=photons, seed=seed + i)[0]
            for i, x in enumerate((first, first / 2, second))
        ]
        a, b, c = (restored(x, psf, name) for x in channels)
        inside = slice(RING, -RING)
        total.append(a[inside, inside].sum() / channels[0][inside, inside].sum())
        measured, half = fluxes(a, places), fluxes(b, places)
        good = measured > 0
        exponent.append(np.polyfit(np.log(flux[good]), np.log(measured[good]), 1)[0])
        error.append(measured / flux - 1)
        ratio.append(half / measured / 0.5 - 1)
        correlation.append(np.corrcoef(a.ravel(), c.ravel())[0, 1])
    rms = [100 * np.sqrt(np.mean(np.square(x))) for x in (error, ratio)]
    bias = 100 * np.median(error)
    return [
        name, f"{photons:g}", f"{100 * np.mean(total) - 100:+.1f} %", f"{np.mean(exponent):.2f}",
        f"{bias:+.0f} %", f"{rms[0]:.0f} %", f"{rms[1]:.0f} %", f"{np.mean(correlation):+.2f}",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photons", type=float, nargs="+", default=[50, 500, 5000])
    args = parser.parse_args()
    psf = nd.psf.Gaussian(sigma_px=2.5)()
    head = [
        "method", "photons", "whole image", "exponent", "bead, median", "bead, RMS",
        "ratio, RMS", "correlation",
    ]  # fmt: skip
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for photons in args.photons:
        for name in METHODS:
            print("| " + " | ".join(row(name, photons, psf)) + " |", flush=True)


if __name__ == "__main__":
    main()
