"""Steer EPLL: what its patches count against the data, and the first beta.

Crops of ``bsds500/train`` that its mixture was not learned from, blurred with this package's own
camera shakes; the noise is told. Prints the mean PSNR of every pair per noise level.

    python benchmarks/epll_schedule.py [--photos 2] [--stride 3]
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import torch
from protocol import Case, photos

from napari_deconv.degradation import Chain
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.protocol.scenes import gray, make_case
from napari_deconv.psf import CameraShake
from napari_deconv.restoration import epll
from napari_deconv.restoration.base import Method, methods

LEVELS = (0.003, 0.01, 0.03, 0.05)
SHARES = (0.35, 0.5, 0.7, 1.0)
FIRSTS = (1.5, 2.0, 3.0)
SIZES_PX = (15, 21, 27, 19)


def cases(
    noise: float, count: int, crop_px: int = 160, *, step: int = 16, start: int = 8
) -> list[Case]:
    """Middles of every ``step``-th photo, each with another camera shake."""
    made = []
    for i, path in enumerate(photos("train", step, start)[:count]):
        image = gray(path)
        y, x = ((n - crop_px) // 2 for n in image.shape)
        psf = CameraShake(size_px=SIZES_PX[i % len(SIZES_PX)], seed=i + 1)()
        chain = Chain(boundary="valid", noise=noise, seed=i)
        made.append(make_case(image[y : y + crop_px, x : x + crop_px], psf, chain, path.stem))
    return made


def psnr_db(method: Method, scenes: list[Case], noise: float) -> float:
    """Mean over the scenes."""
    found = [drain(stream(method, one.blurred, one.psf, noise=noise)).data for one in scenes]
    return float(np.mean([s.score(f).psnr_db for s, f in zip(scenes, found, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=2)
    parser.add_argument("--stride", type=int, default=3)
    parser.add_argument("--prior", default="", help="another file than the shipped one")
    parser.add_argument("--noise", type=float, nargs="+", default=LEVELS)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--firsts", type=float, nargs="+", default=FIRSTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    methods()
    method = epll.EPLL(stride_px=given.stride, prior=given.prior)
    for noise in given.noise:
        scenes = cases(noise, given.photos)
        base = psnr_db(Method.make("hyper-laplacian"), scenes, noise)
        print(f"noise {noise:g}: hyper-Laplacian {base:.2f} dB", flush=True)
        for share, first in itertools.product(given.shares, given.firsts):
            epll._SHARE, epll._FIRST = share, first
            found = psnr_db(method, scenes, noise)
            print(f"    share {share:g}, first {first:g}: {found - base:+.2f} dB", flush=True)


if __name__ == "__main__":
    main()
