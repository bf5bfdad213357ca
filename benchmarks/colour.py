"""Colours restored together against one by one, with weights of the unrolled U-Net.

    python benchmarks/colour.py --weights run/best.safetensors unrolled --count 12
    python benchmarks/colour.py --photos ../shared/data/bsds500/val --kernels levin --weights ...

By default every sixth of the free photos, which trainings hold out, cut to 320 pixels about their
middle, and camera shakes of our own; photo i (sorted, from 0) with kernel i mod 8. Each colour is
blurred as the protocol has it and gets noise of its own; the method estimates the noise. PSNR in dB
over all three colours, and of the gray photo blurred likewise; mean over the photos.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from protocol import DATA, NOISE

from napari_deconv import deconvolve, io
from napari_deconv.degradation import Chain
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.weights import locate, read_header

_GRAY = np.array((0.299, 0.587, 0.114), np.float32)
_CUT_PX = 320


def kernels(which: str) -> list[NDArray[np.float32]]:
    """Those of Levin et al., or as many of our own of the same sizes."""
    if which == "levin":
        file = np.load(DATA / "levin09_kernels.npz")
        return [file[f"kernel{i}"] for i in range(1, 9)]
    return [CameraShake(size_px=13 + 2 * i, seed=100 + i)() for i in range(8)]


def psnr(estimate: NDArray[np.float32], truth: NDArray[np.float32], border: int) -> float:
    """With the estimate clipped to [0, 1], less a border."""
    inside = (slice(border, -border),) * 2
    error = np.clip(estimate[inside], 0, 1) - truth[inside]
    return float(-10 * np.log10(np.mean(error**2)))


def restored(
    image: NDArray[np.float32], psf: NDArray[np.float32], weights: str
) -> NDArray[np.float32]:
    """By the unrolled U-Net: together if the weights know colour and there are three."""
    axes = "YXS"[: image.ndim]
    return deconvolve(image, psf, "unrolled", axes=axes, weights=weights, domain="photo")


def scores(
    photo: NDArray[np.float32], psf: NDArray[np.float32], noise: float, seed: int, weights: str
) -> dict[str, float]:
    """PSNR of one photo at one noise."""
    chain, border = Chain(boundary="valid", noise=noise, seed=seed), max(psf.shape) // 2
    blurred, truth = chain(photo, psf, axes="YXS")
    apart = np.stack([restored(blurred[..., i].copy(), psf, weights) for i in range(3)], -1)
    dull, sharp = chain(photo @ _GRAY, psf)
    found = {
        "gray": psnr(restored(dull, psf, weights), sharp, border),
        "one by one": psnr(apart, truth, border),
    }
    if read_header(locate(weights))["fields"].get("colour"):
        found["together"] = psnr(restored(blurred, psf, weights), truth, border)
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=DATA / "free_photos")
    parser.add_argument("--every", type=int, default=6)
    parser.add_argument("--kernels", choices=("own", "levin"), default="own")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--weights", nargs="+", required=True)
    given = parser.parse_args()
    files = sorted(p for p in given.photos.iterdir() if p.suffix.lower() in io.SUFFIXES)
    chosen, psfs = files[:: given.every][: given.count], kernels(given.kernels)
    print(f"{len(chosen)} photos of {given.photos.name}, kernels: {given.kernels}", flush=True)
    for weights in given.weights:
        for noise in NOISE:
            rows = []
            for i, path in enumerate(chosen):
                photo = io.read(path).data.astype(np.float32)[..., :3] / 255
                top, left = (max(0, n - _CUT_PX) // 2 for n in photo.shape[:2])
                if given.kernels == "own":
                    photo = photo[top : top + _CUT_PX, left : left + _CUT_PX]
                rows.append(scores(photo, psfs[i % 8], noise, i, weights))
            means = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
            text = "  ".join(f"{key} {value:.2f}" for key, value in means.items())
            print(f"{weights}  {noise:.0%}  {text}", flush=True)


if __name__ == "__main__":
    main()
