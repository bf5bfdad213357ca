"""Measures without a truth: how near their best comes to the truth's best, over iterations.

    python benchmarks/blind_measure.py train        # chooses the default measure
    python benchmarks/blind_measure.py val          # publishes its regret, once
    python benchmarks/blind_measure.py page         # writes the page from both CSV files

Richardson-Lucy (plain) runs through a sweep of iterations as the Compare panel runs it, the noise
estimated, on scenes of the protocol: the middle of the gray image, valid blur, 1 % noise. On
``train`` (every fourth photo, generated camera-shake PSFs) each measure picks an iteration; its
regret is the PSNR of the truth's pick less that of its own. ``val`` uses the measured kernels,
image i with kernel i mod 8, and is for reporting only. One thread; a row per image and measure
goes to ``docs/benchmarks/blind_measure_PART.csv``, and a part that was begun goes on.
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numpy.typing import NDArray
from protocol import DATA, Case, photos

from napari_deconv.comparison.material import Material
from napari_deconv.comparison.measures import BLIND, DEFAULT_BLIND, MEASURES
from napari_deconv.comparison.recipe import Comparison
from napari_deconv.comparison.run import Outcome, best, compare
from napari_deconv.comparison.sweep import Sweep, corner
from napari_deconv.degradation import Chain
from napari_deconv.engine.streaming import drain
from napari_deconv.protocol.scenes import gray, make_case
from napari_deconv.protocol.summary import interval
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import Method, methods

OUT = Path(__file__).parents[1] / "docs" / "benchmarks"
ITERATIONS = (2, 4, 7, 12, 20, 35, 60, 100, 170)
HEAD = ("image", "measure", "iterations", "picked", "psnr_db", "best_psnr_db")
CROP_PX = 224
NOISE = 0.01
L_CURVE = "l_curve"


def plans(part: str, count: int) -> list[tuple[Path, NDArray[np.float32], int]]:
    """Photo, PSF and seed of every scene."""
    if part == "val":
        with np.load(DATA / "levin09_kernels.npz") as file:
            kernels = [file[f"kernel{i}"] for i in range(1, 9)]
        return [(path, kernels[i % 8], i) for i, path in enumerate(photos("val")[:count])]
    shakes = (CameraShake(size_px=(15, 19, 23, 27)[i % 4], seed=1000 + i) for i in range(count))
    return [
        (path, shake(), i)
        for i, (path, shake) in enumerate(zip(photos("train", step=4), shakes, strict=False))
    ]


def scene(path: Path, psf: NDArray[np.float32], seed: int) -> Case:
    """The middle of a photo."""
    image = gray(path)
    y, x = ((n - CROP_PX) // 2 for n in image.shape)
    chain = Chain(boundary="valid", noise=NOISE, seed=seed)
    return make_case(image[y : y + CROP_PX, x : x + CROP_PX], psf, chain, path.stem)


def swept(one: Case) -> Outcome:
    """As the panel runs it."""
    method = Method.make("richardson-lucy", iterations=2)
    sweep = Sweep(method=method, field="iterations", values=tuple(map(float, ITERATIONS)))
    material = Material(image=one.blurred, axes="YX", psf=one.psf, truth=one.truth)
    return drain(compare(Comparison(sweep=sweep), material))


def picks(outcome: Outcome) -> dict[str, int | None]:
    """Index of the iteration that each measure takes for the best, and of every fixed one."""
    rows = outcome.rows
    found = {key: best(rows, key) for key in BLIND}
    chosen = {key: None if row is None else row.number for key, row in found.items()}
    chosen[L_CURVE] = corner(*([r.figure(k) for r in rows] for k in ("residual", "roughness")))
    return chosen | {f"always {n}": i for i, n in enumerate(ITERATIONS)}


def lines(one: Case) -> list[list[object]]:
    """What the table gets of a scene."""
    outcome, made = swept(one), []
    psnr = [row.figure("psnr_db") for row in outcome.rows]
    for key, index in picks(outcome).items():
        # A measure that picks nothing leaves a person with the last value.
        chosen = len(psnr) - 1 if index is None else index
        figures = (f"{psnr[chosen]:.4f}", f"{max(psnr):.4f}")
        made.append([one.name, key, ITERATIONS[chosen], index is not None, *figures])
    return made


def table(part: str) -> Path:
    """Its file."""
    return OUT / f"blind_measure_{part}.csv"


def read(part: str) -> list[dict[str, str]]:
    """All rows of a part, none if it was not begun."""
    if not table(part).exists():
        return []
    with table(part).open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def measure(part: str, count: int) -> None:
    """Fill the table."""
    done = {row["image"] for row in read(part)}
    with table(part).open("a", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        if not done:
            writer.writerow(HEAD)
        for path, psf, seed in plans(part, count):
            if path.stem not in done:
                writer.writerows(lines(scene(path, psf, seed)))
                handle.flush()


def summary(part: str) -> list[tuple[str, str]]:
    """Measure and its row of the page, the least mean regret first; of fixed counts the best."""
    regret: dict[str, list[float]] = {}
    counts: dict[str, list[int]] = {}
    for row in read(part):
        lost = float(row["best_psnr_db"]) - float(row["psnr_db"])
        regret.setdefault(row["measure"], []).append(lost)
        counts.setdefault(row["measure"], []).append(int(row["iterations"]))
    order = sorted(regret, key=lambda key: float(np.mean(regret[key])))
    fixed = next(key for key in order if key.startswith("always"))
    made = []
    for key in (k for k in order if k == fixed or not k.startswith("always")):
        found, lost_db = interval(regret[key]), np.array(regret[key])
        span = f"{found.mean:.2f} ({found.low:.2f} to {found.high:.2f})"
        middle = f"{np.median(counts[key]):.0f}"
        cells = (
            span,
            f"{np.median(lost_db):.2f}",
            f"{lost_db.max():.2f}",
            middle,
            str(len(lost_db)),
        )
        made.append((key, f"| {title(key)} | " + " | ".join(cells) + " |"))
    return made


def title(key: str) -> str:
    """As the panel calls it."""
    named = MEASURES[key].title if key in MEASURES else key.replace("l_curve", "L-curve")
    return f"**{named}** (default)" if key == DEFAULT_BLIND else named


def page() -> str:
    """The page from both tables."""
    sections = {
        "train": "Training images, generated camera-shake PSFs: what the default was chosen on",
        "val": "Test images (`bsds500/val`), the eight measured kernels: what it costs there",
    }
    parts = []
    for part, heading in sections.items():
        rows = "\n".join(row for _, row in summary(part))
        parts.append(f"## {heading}\n\n{_COLUMNS}\n{rows}\n")
    return "\n".join([_INTRODUCTION, *parts])


_COLUMNS = """\
| measure | regret, dB: mean (95 %) | median | at most | iterations, median | n |
|---|---:|---:|---:|---:|---:|"""

_SWEPT = ", ".join(map(str, ITERATIONS[:-1])) + f" and {ITERATIONS[-1]}"
_INTRODUCTION = f"""\
# The best without a truth

Written by `python benchmarks/blind_measure.py page` from what `train` and `val` measured. Plain
Richardson-Lucy runs through {_SWEPT} iterations on the
middle {CROP_PX} x {CROP_PX} pixels of a gray photo, blurred by valid convolution, with
{NOISE:.0%} noise, which is estimated. Each measure of the Compare panel picks one of them. Its
regret is the PSNR of the best one, found with the truth, less that of its pick. "always N" is no
measure but the one number of iterations that would have been best for all images of that part.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("train", "val", "page"))
    parser.add_argument("--count", type=int, default=100)
    args = parser.parse_args()
    torch.set_num_threads(1)
    methods()
    if args.part == "page":
        (OUT / "blind_measure.md").write_text(page(), encoding="utf-8")
        return
    measure(args.part, args.count)
    print("\n".join(row for _, row in summary(args.part)))


if __name__ == "__main__":
    main()
