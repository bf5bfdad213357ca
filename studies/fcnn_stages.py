"""What each stage of FCNN adds (Figure 2 of Zhang et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_deconv.restoration.base import Method

from .base import ZHANG, Findings, study
from .drawing import Picture, middle, pictures
from .material import Given, follow, mean

_LEVELS = (0.01, 0.03, 0.05)
_NAMES = ("deconvolved", "iteration 1", "iteration 2", "iteration 3")


@study(
    "fcnn-stages",
    "FCNN: the output of every stage",
    ZHANG,
    says="Figure 2 shows the image after each iteration: the first deconvolution is noisy and "
    "rings; both fade from iteration to iteration. PSNR is given for whole networks only.",
    count=8,
)
def run(given: Given) -> Findings:
    """Every estimate of the shipped `fcnn-3` on its way, under camera shakes of 21 pixels.

    The first deconvolution has no guide; the three others follow a denoising of the gradients.
    """
    rows, shown = list[dict[str, Any]](), list[Picture]()
    for noise in _LEVELS:
        found, blurred = [], []
        for case in given.cases(noise=noise):
            estimates = [x.copy() for x in follow(case, Method.make("fcnn"))]
            found.append([case.score(x).psnr_db for x in estimates])
            blurred.append(case.score(case.blurred).psnr_db)
        stages = dict(zip(_NAMES, map(float, np.mean(found, axis=0)), strict=True))
        rows.append({"noise": f"{noise:.0%}", "blurred": mean(blurred), **stages})
        shown += [
            Picture(f"{name}, {noise:.0%}", middle(x))
            for name, x in zip(_NAMES, estimates, strict=True)
        ]
    first = [row["iteration 1"] - row["deconvolved"] for row in rows]
    last = [row["iteration 3"] - row["iteration 2"] for row in rows]
    summary = (
        "PSNR in dB. The first denoising gives "
        f"{', '.join(f'{x:+.1f}' for x in first)} dB at 1, 3 and 5 % of noise, the last one "
        f"{', '.join(f'{x:+.2f}' for x in last)} dB. The picture shows the last photo."
    )
    return Findings(tuple(rows), pictures(shown), summary)
