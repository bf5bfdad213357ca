"""Table 1 of Li et al. 2018: ten kernels, a network for each."""

from __future__ import annotations

from typing import Any

from .base import LI, Findings, study
from .drawing import bars
from .material import Given, best, mean, restore
from .trained import HOW, NOISE, SHAKES, restored


@study(
    "crcnet-kernels",
    "CRCNet: ten kernels",
    LI,
    says="Table 1, SSIM of luma, mean of ten images and ten kernels: sparse prior (Levin) 0.845, "
    "hyper-Laplacian (Krishnan) 0.781, IRCNN 0.849, CRCNet 0.880. The text gives no noise for "
    "CRCNet.",
    count=10,
    needs=("shake21-0-crcnet",),
    train=HOW,
)
def run(given: Given) -> Findings:
    """SSIM under camera shakes of 21 pixels with 1 % of noise, for every kernel that is trained.

    Both priors once have their automatic weight, which is the same for all kernels, and once the
    one that gives the best PSNR for the scene, which takes the truth to know. The networks are
    CRCNet as it is here: it is given sums of the series beside the image.
    """
    rows: list[dict[str, Any]] = []
    for label, psf in SHAKES.items():
        run = f"{label}-crcnet"
        if not given.weights(run).exists():
            continue
        every = list(given.cases(psf(), NOISE))
        row: dict[str, Any] = {"kernel": label}
        row["blurred"] = mean([c.score(c.blurred).ssim for c in every])
        for title, name in (("sparse", "sparse"), ("hyper-Laplacian", "hyper-laplacian")):
            row[title] = mean([c.score(restore(c, name)).ssim for c in every])
            row[f"{title}, best"] = mean([best(c, name).ssim for c in every])
        row["CRCNet"] = mean([c.score(restored(given, c, run, "crcnet")).ssim for c in every])
        rows.append(row)
    keys = list(rows[0])[1:]
    means = {key: mean([row[key] for row in rows]) for key in keys}
    summary = f"Mean SSIM over {len(rows)} of ten kernels: " + ", ".join(
        f"{key} {value:.3f}" for key, value in means.items()
    )
    series = {key: [row[key] for row in rows] for key in keys}
    return Findings(
        tuple(rows), bars([row["kernel"] for row in rows], series, "SSIM"), f"{summary}."
    )
