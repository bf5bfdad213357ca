"""Measures without a truth: how near their best comes to the truth's best, over iterations.

    python benchmarks/blind_measure.py train --count 100        # chooses the default measure
    python benchmarks/blind_measure.py val                      # publishes its regret, once

Richardson-Lucy (plain) runs through a sweep of iterations on scenes of the protocol: the gray
image, valid blur, 1 % noise by default. On ``train`` (every fourth photo, generated camera-shake
PSFs) each measure picks an iteration; its regret is the PSNR of the truth's pick less that of its
own. ``val`` uses the measured kernels, image i with kernel i mod 8, and is for reporting only.
One thread; the results go to ``docs/benchmarks/blind_measure_PART.csv``.
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from protocol import DATA, Case, photos, scene

from napari_deconv.benchmark.summary import interval
from napari_deconv.comparison.material import Material
from napari_deconv.comparison.measures import BLIND
from napari_deconv.comparison.recipe import Comparison
from napari_deconv.comparison.run import Outcome, best, compare
from napari_deconv.comparison.sweep import Sweep, corner
from napari_deconv.core.engine import drain
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import Method, methods

OUT = Path(__file__).parents[1] / "docs" / "benchmarks"
ITERATIONS = (2, 4, 7, 12, 20, 35, 60, 100, 170)


def scenes(part: str, count: int, noise: float) -> list[Case]:
    if part == "val":
        with np.load(DATA / "levin09_kernels.npz") as file:
            kernels = [file[f"kernel{i}"] for i in range(1, 9)]
        found = photos("val")[:count]
        return [scene(p, kernels[i % 8], noise, seed=i) for i, p in enumerate(found)]
    found = photos("train", step=4)[:count]
    return [
        scene(p, CameraShake(size_px=(15, 19, 23, 27)[i % 4], seed=1000 + i)(), noise, seed=i)
        for i, p in enumerate(found)
    ]


def swept(one: Case) -> Outcome:
    method = Method.make("richardson-lucy", iterations=2)
    sweep = Sweep(method=method, field="iterations", values=tuple(map(float, ITERATIONS)))
    material = Material(image=one.blurred, axes="YX", psf=one.psf, truth=one.truth)
    return drain(compare(Comparison(sweep=sweep, noise=one.noise), material))


def picks(outcome: Outcome) -> dict[str, int | None]:
    """Index of the iteration that each measure takes for the best."""
    rows = outcome.rows
    found = {key: best(rows, key) for key in BLIND}
    chosen = {key: None if row is None else row.number for key, row in found.items()}
    chosen["l_curve"] = corner(*([r.figure(k) for r in rows] for k in ("residual", "roughness")))
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("train", "val"))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--noise", type=float, default=0.01)
    args = parser.parse_args()
    methods()
    lines, regret = [], {}
    for one in scenes(args.part, args.count, args.noise):
        outcome = swept(one)
        psnr = [row.figure("psnr_db") for row in outcome.rows]
        for key, index in picks(outcome).items():
            # A measure that picks nothing leaves a person with the last value.
            chosen = len(psnr) - 1 if index is None else index
            regret.setdefault(key, []).append(max(psnr) - psnr[chosen])
            lines.append([one.name, key, ITERATIONS[chosen], index is not None,
                          f"{psnr[chosen]:.4f}", f"{max(psnr):.4f}"])  # fmt: skip
    path = OUT / f"blind_measure_{args.part}.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["image", "measure", "iterations", "picked", "psnr_db", "best_psnr_db"])
        writer.writerows(lines)
    for key, values in sorted(regret.items(), key=lambda item: float(np.mean(item[1]))):
        found = interval(values)
        span = f"[{found.low:.2f}, {found.high:.2f}]"
        print(f"{key:12s} regret {found.mean:.2f} dB {span}, n = {len(values)}")


if __name__ == "__main__":
    main()
