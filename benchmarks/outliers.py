"""Outlier EM beside the hyper-Laplacian and saturated Richardson-Lucy where the model is violated.

Crops of ``bsds500/train`` under this package's own camera shakes with 1 % noise (told): as they
are; overexposed by 1.3 and clipped; with a dozen small lights eight times as bright as white,
clipped; and with 2 % of the pixels dead or hot. Prints the mean PSNR.

    python benchmarks/outliers.py [--photos 4]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from epll_schedule import SIZES_PX, psnr_db
from numpy.typing import NDArray
from protocol import Case, photos

from napari_deconv.degradation import Chain
from napari_deconv.protocol.scenes import gray, make_case
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import Method, methods

NOISE = 0.01
CROP_PX = 200
METHODS = ("hyper-laplacian", "sparse", "richardson-lucy-saturated", "em-outliers")


def scenes(
    count: int,
    change: Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]],
    **camera: float,
) -> list[Case]:
    """Middles of photos, changed, each with another camera shake."""
    made = []
    for i, path in enumerate(photos("train", 16, 8)[:count]):
        image = gray(path)
        y, x = ((n - CROP_PX) // 2 for n in image.shape)
        sharp = change(image[y : y + CROP_PX, x : x + CROP_PX], np.random.default_rng(i))
        psf = CameraShake(size_px=SIZES_PX[i % len(SIZES_PX)], seed=i + 1)()
        chain = Chain(boundary="valid", noise=NOISE, seed=i, **camera)
        made.append(make_case(sharp, psf, chain, path.stem))
    return made


def lit(image: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """With a dozen square lights."""
    image = image.copy()
    for _ in range(12):
        y, x = rng.integers(0, CROP_PX - 5, 2)
        size = rng.integers(1, 5)
        image[y : y + size, x : x + size] = 8
    return image


def spoilt(case: Case, seed: int) -> Case:
    """With 2 % dead or hot pixels."""
    rng = np.random.default_rng(seed)
    bad = rng.random(case.blurred.shape) < 0.02
    values = rng.integers(0, 2, bad.shape).astype(np.float32)
    return replace(case, blurred=np.where(bad, values, case.blurred))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=4)
    count = parser.parse_args().photos
    torch.set_num_threads(1)
    methods()
    plain = scenes(count, lambda image, _: image)
    kinds = {
        "plain": plain,
        "gain 1.3, clipped": scenes(count, lambda image, _: image, gain=1.3, saturation=1.0),
        "small lights, clipped": scenes(count, lit, saturation=1.0),
        "2 % bad pixels": [spoilt(case, i) for i, case in enumerate(plain)],
    }
    for label, cases in kinds.items():
        found = (f"{name} {psnr_db(Method.make(name), cases, NOISE):.2f} dB" for name in METHODS)
        print(f"{label}:", ", ".join(found), flush=True)


if __name__ == "__main__":
    main()
