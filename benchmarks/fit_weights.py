"""Fit the automatic regularisation: ``weight = a noise^b`` for the best mean PSNR.

Photos of ``bsds500/train`` (never ``val``), blurred with this package's own PSFs (never measured
kernels). Each method is run over a range of weights at each noise level; a and b maximise the mean
over levels and photos, read off those curves. Prints the rule, and what it loses against the best
weight of each level. The noise level is told.

    python benchmarks/fit_weights.py [--methods hyper-laplacian tv] [--step 16]
"""

from __future__ import annotations

import argparse
import itertools
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from protocol import Case, photos, scene

from napari_deconv.engine import problem
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import CameraShake, Disk, Gaussian, Motion
from napari_deconv.restoration.base import Method, methods

LEVELS = (0.003, 0.01, 0.03, 0.05, 0.1)
PSFS = (
    CameraShake(size_px=15, seed=1),
    Disk(radius_px=3.5),
    CameraShake(size_px=21, seed=2),
    Motion(length_px=13, angle_deg=30),
    CameraShake(size_px=27, seed=3),
    Gaussian(sigma_px=1.6),
    CameraShake(size_px=19, seed=4),
    CameraShake(size_px=23, seed=5),
)
# Method, its weight's field, further fields, and the middle of the range: a, b.
RULES = {
    "tikhonov": ("tikhonov", "weight", {}, 44.0, 1.8),
    "tv": ("tv", "weight", {}, 1.0, 1.5),
    "hyper-laplacian": ("hyper-laplacian", "weight", {}, 0.7, 1.6),
    "hyper-laplacian 1/2": ("hyper-laplacian", "weight", {"alpha": "1/2"}, 0.6, 1.6),
    "sparse": ("sparse", "weight", {}, 0.18, 1.4),
    "ird": ("ird", "sigma", {}, 5.7, 1.3),
}
FACTORS = 2.0 ** np.arange(-1.5, 1.6, 0.5)


@cache
def scenes(level: float, step: int) -> tuple[Case, ...]:
    """Every ``step``-th photo, each with the next PSF."""
    paths = enumerate(photos("train", step, step // 2))
    return tuple(scene(path, PSFS[i % len(PSFS)](), level, seed=i) for i, path in paths)


def psnr_db(method: Method, level: float, step: int) -> float:
    """Mean over the scenes."""
    found = [
        each.score(drain(stream(method, each.blurred, each.psf, noise=level)).data).psnr_db
        for each in scenes(level, step)
    ]
    return float(np.mean(found))


def fit(logs: NDArray[np.float64], curves: NDArray[np.float64]) -> tuple[float, float]:
    """The a and b whose weights lie best on the curves (PSNR over log weight, one per level)."""

    def reached(rule: tuple[float, float]) -> float:
        wanted = np.log(rule[0]) + rule[1] * np.log(LEVELS)
        return float(
            np.mean([np.interp(w, x, y) for w, x, y in zip(wanted, logs, curves, strict=True)])
        )

    middle = np.exp(np.median(logs, axis=1))
    slope, offset = np.polyfit(np.log(LEVELS), np.log(middle), 1)
    slopes = slope + np.arange(-0.5, 0.51, 0.05)
    scales = np.exp(offset) * 2.0 ** np.arange(-4, 4.1, 0.1)
    return max(itertools.product(scales, slopes), key=reached)


def fit_method(label: str, step: int) -> None:
    name, key, fields, a, b = RULES[label]
    logs, curves = [], []
    for level in LEVELS:
        weights = np.minimum(a * level**b * FACTORS, 1.0)
        curve = [
            psnr_db(Method.make(name, **{key: float(w)}, **fields), level, step) for w in weights
        ]
        best = int(np.argmax(curve))
        print(f"{label} {level:g}: best {weights[best]:.3g}, {curve[best]:.2f} dB, "
              f"range {weights[0]:.2g} .. {weights[-1]:.2g}", flush=True)  # fmt: skip
        logs.append(np.log(weights))
        curves.append(curve)
    a, b = fit(np.array(logs), np.array(curves))
    print(f"{label}: {key} = {a:.3g} * noise ** {b:.2f}")
    for level, x, curve in zip(LEVELS, logs, curves, strict=True):
        lost = max(curve) - np.interp(np.log(a * level**b), x, curve)
        print(f"    {level:g}: {lost:.2f} dB below the best weight", flush=True)


def fit_wiener(step: int) -> None:
    """The share of the variance that the power law holds, the one constant of `Problem.nsr`."""
    kept = problem._SHARE
    for share in (0.28, 0.4, 0.55, 0.8):
        problem._SHARE = share
        found = [psnr_db(Method.make("wiener"), level, step) for level in LEVELS]
        print(
            f"wiener, share {share:g}: mean {np.mean(found):.3f} dB,", *(f"{f:.2f}" for f in found)
        )
    problem._SHARE = kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="*", default=["wiener", *RULES])
    parser.add_argument("--step", type=int, default=16, help="take every so-manieth photo")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    methods()
    for label in given.methods:
        fit_wiener(given.step) if label == "wiener" else fit_method(label, given.step)


if __name__ == "__main__":
    main()
