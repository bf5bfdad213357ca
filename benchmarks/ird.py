"""Iterative residual deconvolution: PSNR against iterations, without noise and with 1 %.

    python benchmarks/ird.py --images 8

Figure 2 of Li et al. 2018: without noise more iterations are better; with noise it turns over.
The regularisation is switched off, as there, so that only the number of iterations stops it.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from protocol import photos, scene

from napari_deconv.core.engine import stream
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import methods
from napari_deconv.restoration.ird import IterativeResidual

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"
COUNTS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
LEVELS = (0.0, 0.01)
UNREGULARISED = 1e-9  # the field's 0 means automatic


def curve(path: Path, noise: float, seed: int) -> list[float]:
    """PSNR in dB at every one of `COUNTS`."""
    case = scene(path, CameraShake(size_px=21, seed=seed)(), noise, seed)
    method = IterativeResidual(sigma=UNREGULARISED, iterations=COUNTS[-1])
    found = []
    for step in stream(method, case.blurred, case.psf, noise=max(noise, 1e-6), device="cpu"):
        if step.done in COUNTS:
            estimate = step.preview()
            assert estimate is not None
            found.append(case.score(estimate[0]).psnr_db)
    return found


def draw(means: dict[float, np.ndarray], count: int) -> None:
    """The figure."""
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for noise, values in means.items():
        axes.plot(COUNTS, values, marker=".", label=f"noise {noise:.0%}")
    axes.set(xscale="log", xlabel="iterations", ylabel="PSNR (dB)")
    axes.set_title(f"IRD on {count} photos of bsds500/val, camera shakes of 21 px", fontsize=9)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(OUT / "ird.svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(1)
    methods()
    paths = photos("val", 100 // given.images)[: given.images]
    means = {}
    for noise in LEVELS:
        means[noise] = np.mean([curve(p, noise, seed=i) for i, p in enumerate(paths)], axis=0)
        print(noise, np.round(means[noise], 2), flush=True)
    with (OUT / "ird.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["iterations", *(f"noise {noise:g}" for noise in LEVELS)])
        rows = zip(*means.values(), strict=True)
        for count, row in zip(COUNTS, rows, strict=True):
            table.writerow([count, *(f"{value:.2f}" for value in row)])
    draw(means, len(paths))


if __name__ == "__main__":
    main()
