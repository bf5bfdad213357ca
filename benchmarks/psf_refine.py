"""Refining a PSF that is nearly right: what the restoration gains, and what an exact one loses.

The protocol of ``protocol.py`` at 1 % noise, the noise level told to nobody. Per image, a blur of
each family is taken for one that is somewhat off (`CASES`), and one for what it is; restored with
the PSF as given and with ``refine_psf=3``. Scored after alignment up to 10 pixels, as in
``psf_estimation.py``.

    python benchmarks/psf_refine.py [--part val] [--images 10] [--methods hyper-laplacian]

Every row goes to ``docs/benchmarks/psf_refine.csv``; rows that are there are skipped.
"""

from __future__ import annotations

import argparse
import csv
import warnings

import numpy as np
import torch
from protocol import photos, scene
from psf_estimation import DOCS, NOISE, aligned_error

from napari_deconv import deconvolve
from napari_deconv.psf import Disk, Gaussian, Motion

OUT = DOCS / "benchmarks" / "psf_refine.csv"
FIELDS = ("part", "image", "case", "method", "given", "refined")
CASES = {
    "disk 5 for 5.7": (Disk(radius_px=5), Disk(radius_px=5.7)),
    "motion 15 at 30 for 17 at 34": (
        Motion(length_px=15, angle_deg=30),
        Motion(length_px=17, angle_deg=34),
    ),
    "gaussian 2 for 1.6": (Gaussian(sigma_px=2), Gaussian(sigma_px=1.6)),
    "disk 5, exact": (Disk(radius_px=5), Disk(radius_px=5)),
}


def rows() -> list[dict[str, str]]:
    if not OUT.exists():
        return []
    with OUT.open(newline="") as file:
        return list(csv.DictReader(file))


def told() -> None:
    """Mean PSNR per case and method."""
    found = rows()
    for part, case, method in sorted({(r["part"], r["case"], r["method"]) for r in found}):
        own = [r for r in found if (r["part"], r["case"], r["method"]) == (part, case, method)]
        given, refined = (np.mean([float(r[key]) for r in own]) for key in ("given", "refined"))
        print(f"{part} {method}, {case}: {given:.2f} -> {refined:.2f} dB ({len(own)} images)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("train", "val"), default="val")
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--methods", nargs="*", default=["hyper-laplacian"])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    done = {tuple(r[k] for k in FIELDS[:4]) for r in rows()}
    new = not OUT.exists()
    with OUT.open("a", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        if new:
            out.writerow(FIELDS)
        for i, path in enumerate(photos(asked.part)[: asked.images]):
            for case, (true, taken) in CASES.items():
                blurred = scene(path, true(), NOISE, seed=i)
                border = tuple(n // 2 for n in true().shape)
                for method in asked.methods:
                    if (asked.part, path.stem, case, method) in done:
                        continue
                    scores = []
                    for rounds in (0, 3):
                        x = deconvolve(blurred.blurred, taken, method, refine_psf=rounds)
                        scores.append(-10 * np.log10(aligned_error(x, blurred.truth, border)))
                    out.writerow(
                        [asked.part, path.stem, case, method, *(f"{s:.3f}" for s in scores)]
                    )
                    file.flush()
    told()


if __name__ == "__main__":
    main()
