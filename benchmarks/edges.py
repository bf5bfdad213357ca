"""What the unseen border costs: each method against itself with the true surroundings.

Photos of ``bsds500/train`` are blurred, their outer 45 pixels cut away, and the rest restored; the
oracle restores before the cut. Prints, and writes to ``docs/benchmarks/edges.md``, the PSNR of both
over all pixels that are left ("whole") and over these less half the PSF ("inner", what the protocol
scores). The noise level is told.

    python benchmarks/edges.py [--images 16] [--methods wiener hyper-laplacian]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from protocol import NOISE, Case, photos, scene

from napari_deconv.engine.streaming import drain, stream
from napari_deconv.metrics import score
from napari_deconv.psf import CameraShake, Disk, Gaussian, Motion
from napari_deconv.restoration.base import Method, methods

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "edges.md"
CUT_PX = 45
PSFS = (
    CameraShake(size_px=15, seed=1),
    Disk(radius_px=4.0),
    CameraShake(size_px=21, seed=2),
    Motion(length_px=13, angle_deg=30),
    CameraShake(size_px=27, seed=3),
    Gaussian(sigma_px=1.8),
)
DEFAULT = ("wiener", "tikhonov", "richardson-lucy", "ird", "tv", "sparse", "hyper-laplacian")


def restore(method: Method, image: NDArray[np.float32], case: Case) -> NDArray[np.float32]:
    return drain(stream(method, image, case.psf, noise=case.noise, device="cpu")).data


def measure(method: Method, case: Case) -> list[float]:
    """PSNR of oracle and cut image over the whole, then over the inner part."""
    cut = (slice(CUT_PX, -CUT_PX),) * 2
    oracle = restore(method, case.blurred, case)[cut]
    blind = restore(method, np.ascontiguousarray(case.blurred[cut]), case)
    borders = ((0, 0), tuple(n // 2 for n in case.psf.shape))
    return [
        score(x, case.truth[cut], border).psnr_db for border in borders for x in (oracle, blind)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--methods", nargs="*", default=DEFAULT)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    methods()
    paths = photos("train", 400 // given.images, 7)[: given.images]
    lines = [
        "# What the unseen border costs",
        "",
        f"{given.images} photos of `bsds500/train`, blurred by this package's PSFs (9 to 27 "
        "pixels), cut to about 370x210 pixels; PSNR in dB of the method with the true "
        "surroundings, and the difference without them. Made by `python benchmarks/edges.py`.",
        "",
        "| noise | method | whole: oracle | default - oracle | inner: oracle | default - oracle |",
        "|---|---|---|---|---|---|",
    ]
    for level in NOISE:
        cases = [scene(p, PSFS[i % len(PSFS)](), level, i) for i, p in enumerate(paths)]
        for name in given.methods:
            found = [measure(Method.make(name), case) for case in cases]
            whole, cut, inner, inner_cut = np.mean(found, axis=0)
            lines.append(
                f"| {level:.0%} | {name} | {whole:.2f} | {cut - whole:+.2f} | {inner:.2f} "
                f"| {inner_cut - inner:+.2f} |"
            )
            print(lines[-1], flush=True)
    OUT.write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
