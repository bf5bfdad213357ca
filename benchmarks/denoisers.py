"""Denoisers of plug-and-play side by side: PSNR on crops with white noise that they are told.

Colour photos of ``bsds500/val`` as they are (denoisers of gray take the colours one by one), and
their gray versions for denoisers of gray. With ``--deblur``, what plug-and-play makes of the
colour crops with each denoiser, under camera shakes of our own with 1, 3 and 5 % noise, which it
estimates.

    python benchmarks/denoisers.py --photos 8 --weights plug-and-play FILE_OR_NAME [--deblur]
"""

from __future__ import annotations

import argparse

import imageio.v3 as iio
import numpy as np
import torch
from protocol import NOISE, photos
from torch import Tensor

from napari_deconv import deconvolve
from napari_deconv.degradation import Chain
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import methods
from napari_deconv.restoration.plug_and_play import PlugAndPlay
from napari_deconv.restoration.weights import load_network

SIGMAS = (0.01, 0.02, 0.05, 0.1, 0.2)
CROP_PX = 160


def crops(count: int, *, gray: bool) -> list[Tensor]:
    """The middles of photos, ``(1, 1 or 3, 160, 160)``."""
    every = photos("val")
    chosen = every[:: max(1, len(every) // count)][:count]
    planes = []
    for path in chosen:
        photo = torch.from_numpy(iio.imread(path)).permute(2, 0, 1)[None].float() / 255
        top, left = ((n - CROP_PX) // 2 for n in photo.shape[-2:])
        photo = photo[..., top : top + CROP_PX, left : left + CROP_PX]
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        planes.append((photo * weights).sum(1, keepdim=True) if gray else photo)
    return planes


def mean_psnr_db(weights: str, images: list[Tensor], sigma: float) -> float:
    """Over all images, each with noise of its own seed."""
    net = load_network(PlugAndPlay(weights=weights), torch.device("cpu"))
    scores = []
    for seed, truth in enumerate(images):
        noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(seed))
        noisy = truth + sigma * noise
        with torch.inference_mode():
            # Colours one by one are a batch.
            each = noisy if net.channels == noisy.shape[1] else noisy.movedim(1, 0)
            clean = net.denoised(each, sigma).reshape(truth.shape).clamp(0, 1)
        scores.append(float(-10 * (clean - truth).square().mean().log10()))
    return float(np.mean(scores))


def mean_deblurred_db(weights: str, images: list[Tensor], noise: float) -> float:
    """Over all images under the benchmark protocol."""
    scores = []
    for seed, truth in enumerate(images):
        psf = CameraShake(size_px=13 + 2 * (seed % 8), seed=seed)()
        chain = Chain(boundary="valid", noise=noise, seed=seed)
        blurred, sharp = chain(truth[0].movedim(0, -1).numpy(), psf, axes="YXS")
        clean = deconvolve(blurred, psf, "plug-and-play", axes="YXS", weights=weights)
        inside = (slice(psf.shape[0] // 2, -(psf.shape[0] // 2)),) * 2
        error = np.clip(clean[inside], 0, 1) - sharp[inside]
        scores.append(-10 * np.log10(np.mean(error**2)))
    return float(np.mean(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--weights", nargs="+", default=["plug-and-play"])
    parser.add_argument("--deblur", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    methods()
    if given.deblur:
        images = crops(given.photos, gray=False)
        print(f"plug-and-play, colour, {len(images)} photos; noise {NOISE}")
        for weights in given.weights:
            row = [mean_deblurred_db(weights, images, noise) for noise in NOISE]
            print(f"    {weights}: {', '.join(f'{x:.2f}' for x in row)}", flush=True)
        return
    for gray in (True, False):
        images = crops(given.photos, gray=gray)
        print(f"{'gray' if gray else 'colour'}, {len(images)} photos; noise {SIGMAS}")
        for weights in given.weights:
            net = load_network(PlugAndPlay(weights=weights), torch.device("cpu"))
            if gray and net.channels == 3:
                continue
            row = [mean_psnr_db(weights, images, sigma) for sigma in SIGMAS]
            print(f"    {weights}: {', '.join(f'{x:.2f}' for x in row)}", flush=True)


if __name__ == "__main__":
    main()
