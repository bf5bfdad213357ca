"""The faint pattern of two pixels that networks on four phases leave in flat places.

For every ``NAME.png`` in a folder with ``NAME_kernel.png`` beside it, a flat part of 256x256 is
restored. Printed are RMS amplitudes, in 1e-4 of the range, at the three corners of the spectrum
where brightness alternates from row to row, from column to column and both, over the 24 flattest
blocks of 32x32, and the power there over that of the frequencies around. ``glra, unmoved`` has
the same phases in every pass.

    python benchmarks/phase_pattern.py ../shared/data/real_blurred
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from skimage.io import imread

from napari_deconv import deconvolve
from napari_deconv.restoration.networks.glra import Network

SIDE, BLOCK, COUNT = 256, 32, 24
CORNERS = ((16, 0), (0, 16), (16, 16))
METHODS = ("hyper-laplacian", "fcnn", "rgdn", "glra, unmoved", "glra", "unrolled")
Plane = NDArray[Any]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    print("| photo | method | rows | columns | both | over the frequencies around |")
    print("|---|---|---|---|---|---|")
    for path in sorted(parser.parse_args().folder.glob("*_kernel.png")):
        name = path.stem.removesuffix("_kernel")
        image, psf = (gray(p) for p in (path.with_name(f"{name}.png"), path))
        if min(image.shape) < SIDE:
            continue
        image, places = flat_part(image), None
        for method in METHODS:
            found = restored(image, psf, method)
            places = places or flattest(found)
            power = spectrum(found, places)
            here = [power[at] for at in CORNERS]
            ratio = np.mean(here) / np.mean([around(power, *at) for at in CORNERS])
            cells = [f"{1e4 * np.sqrt(p):.1f}" for p in here] + [f"{ratio:.1f}"]
            print(f"| {' | '.join([name, method, *cells])} |", flush=True)


def gray(path: Path) -> Plane:
    """A picture in [0, 1]."""
    pixels = imread(path).astype(np.float32) / 255
    return pixels if pixels.ndim == 2 else pixels[..., :3] @ np.float32([0.299, 0.587, 0.114])


def flat_part(image: Plane) -> Plane:
    """The square with the largest flat area."""
    deviation = uniform_filter(image**2, BLOCK) - uniform_filter(image, BLOCK) ** 2
    half = SIDE // 2
    share = uniform_filter((deviation < 4e-4).astype(float), 200)[half:-half, half:-half]
    row, column = np.unravel_index(share.argmax(), share.shape)
    return np.ascontiguousarray(image[row : row + SIDE, column : column + SIDE])


def restored(image: Plane, psf: Plane, method: str) -> Plane:
    """By the method; ``NAME, unmoved`` with one correction a pass, of the image where it is."""
    forward = Network.forward
    if method.endswith(", unmoved"):
        Network.forward = lambda *args: forward(*args[:8])
    try:
        return deconvolve(image, psf / psf.sum(), method.removesuffix(", unmoved"), device="cpu")
    finally:
        Network.forward = forward


def flattest(image: Plane) -> list[tuple[int, int]]:
    """Corners of the blocks with the least contrast."""
    steps = range(16, SIDE - BLOCK - 16, 16)
    corners = [(r, c) for r in steps for c in steps]
    return sorted(corners, key=lambda at: image[block(at)].std())[:COUNT]


def spectrum(image: Plane, places: list[tuple[int, int]]) -> Plane:
    """Mean power of the blocks under a Hann window, so that a wave's is its amplitude squared."""
    window = np.hanning(BLOCK + 1)[:-1]
    window = np.outer(window, window) / window.sum() ** 2
    parts = np.stack([image[block(at)] for at in places])
    parts = parts - parts.mean((1, 2), keepdims=True)
    return np.mean(np.abs(np.fft.fft2(parts * window)) ** 2, 0)


def block(at: tuple[int, int]) -> tuple[slice, slice]:
    """Index of a block."""
    return slice(at[0], at[0] + BLOCK), slice(at[1], at[1] + BLOCK)


def around(power: Plane, row: int, column: int) -> float:
    """Mean power three and four bins away."""
    near = [
        power[(row + i) % BLOCK, (column + j) % BLOCK]
        for i in range(-4, 5)
        for j in range(-4, 5)
        if max(abs(i), abs(j)) >= 3
    ]
    return float(np.mean(near))


if __name__ == "__main__":
    main()
