"""Steer plug-and-play: what its denoiser counts against the data, and how many iterations.

Crops of every 20th photo of ``bsds500/train``, which its denoiser was not trained on, blurred with
this package's own camera shakes; the noise is told. Prints the mean PSNR of every pair per noise
level over the hyper-Laplacian's.

    python benchmarks/plug_and_play_schedule.py [--photos 8] [--weights FILE]
"""

from __future__ import annotations

import argparse
import itertools

import torch
from epll_schedule import cases, psnr_db

from napari_deconv.restoration import plug_and_play
from napari_deconv.restoration.base import Method, methods

LEVELS = (0.003, 0.01, 0.03, 0.05)
SHARES = (0.1, 0.2, 0.3, 0.5)
ITERATIONS = (6, 8, 12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--weights", default="", help="another file than the shipped one")
    parser.add_argument("--noise", type=float, nargs="+", default=LEVELS)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--iterations", type=int, nargs="+", default=ITERATIONS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    methods()
    for noise in given.noise:
        scenes = cases(noise, given.photos, step=20, start=0)
        base = psnr_db(Method.make("hyper-laplacian"), scenes, noise)
        print(f"noise {noise:g}: hyper-Laplacian {base:.2f} dB", flush=True)
        for share, count in itertools.product(given.shares, given.iterations):
            plug_and_play._SHARE = share
            method = plug_and_play.PlugAndPlay(iterations=count, weights=given.weights)
            found = psnr_db(method, scenes, noise)
            print(f"    share {share:g}, {count} iterations: {found - base:+.2f} dB", flush=True)


if __name__ == "__main__":
    main()
