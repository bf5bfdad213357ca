"""Photos blurred in linear light, restored in the values as stored and in linear light.

Two of scikit-image's photos are taken to linear light, blurred there as a lens would, coded to
8-bit sRGB with a little noise, and restored both ways with every method's defaults. The noise is
estimated. Run ``python benchmarks/linear_light.py``; it writes ``docs/benchmarks/linear_light.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage import data

from napari_deconv import degrade, methods
from napari_deconv.engine.colour import linear_to_srgb, srgb_to_linear, stream_in_linear_light
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.metrics import psnr
from napari_deconv.psf import PSF, Disk, Motion
from napari_deconv.restoration.base import Method

OUT = Path(__file__).parents[1] / "docs" / "benchmarks" / "linear_light.md"
PHOTOS = ("coffee", "astronaut")
PSFS: tuple[PSF, ...] = (Disk(radius_px=3), Disk(radius_px=9), Motion(length_px=25, angle_deg=30))
NAMES = ("wiener", "hyper-laplacian", "richardson-lucy")
NOISE = 1.5
HEAD = """\
# Values as stored, or linear light

Photos blurred in linear light, then coded to 8-bit sRGB with Gaussian noise of {noise} levels;
PSNR in dB of the coded values against the sharp photo, {side} x {side} pixels, before and after.
Method defaults, true PSF, estimated noise. Made by `python benchmarks/linear_light.py`.

| photo | PSF | method | blurred | as stored | linear light |
|---|---|---|---:|---:|---:|
"""
SIDE = 300


def main() -> None:
    methods()
    page = HEAD.format(noise=NOISE, side=SIDE) + "".join(rows())
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(page)
    print(page)


def rows() -> Iterator[str]:
    for photo in PHOTOS:
        sharp = srgb_to_linear(getattr(data, photo)()[:SIDE, :SIDE] / 255)
        for psf in PSFS:
            blurred, truth = degrade(sharp, psf, axes="YXS", boundary="valid")
            noise = np.random.default_rng(0).normal(0, NOISE, blurred.shape)
            y, x = coded(blurred, noise), coded(truth)
            for name in NAMES:
                found = [restored(name, y, psf, how) for how in (stream, stream_in_linear_light)]
                scores = [f"{psnr(z, x, data_range=255):.2f}" for z in (y, *found)]
                yield f"| {photo} | {psf} | {name} | {' | '.join(scores)} |\n"


def coded(
    light: NDArray[np.float32], noise: NDArray[np.float64] | float = 0.0
) -> NDArray[np.uint8]:
    """As an 8-bit sRGB photo."""
    return np.rint(255 * linear_to_srgb(light) + noise).clip(0, 255).astype(np.uint8)


def restored(name: str, y: NDArray[np.uint8], psf: PSF, how: object) -> NDArray[np.uint8]:
    return drain(how(Method.make(name), y, psf(), axes="YXS")).data  # type: ignore[operator]


if __name__ == "__main__":
    main()
