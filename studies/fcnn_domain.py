"""Figure 2 of Zhang et al. 2017: cleaning gradients against cleaning intensities."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import ZHANG, Findings, study
from .drawing import Picture, middle, pictures
from .material import Given, mean
from .trained import PAIRS, flat, restored, training_summary, verdict

_RUNS = {"gradients": "fcnn-gradients", "intensities": "fcnn-intensities"}
_LEVELS = (0.01, 0.03, 0.05)
_INSIDE = (slice(12, -12),) * 2


@study(
    "fcnn-domain",
    "FCNN: gradients against intensities",
    ZHANG,
    says="Figure 2: cleaning intensities in place of gradients leaves noise and artefacts.",
    count=8,
    needs=tuple(_RUNS.values()),
    train=PAIRS,
)
def run(given: Given) -> Findings:
    """Two trainings of three iterations that differ in what the networks clean, under shakes.

    The deconvolution is the same: it is guided by the clean gradients, or by the gradients of the
    clean intensities. The networks are as large in both, but that of intensities runs once a stage
    and not once for each gradient. *flat* is the RMS error of the result in the smoothest tenth of
    each photo, in hundredths of white.
    """
    rows, shown = list[dict[str, Any]](), list[Picture]()
    for noise in _LEVELS:
        found: dict[str, list[float]] = {}
        for case in given.cases(noise=noise):
            last = [Picture(f"{noise:.0%}, blurred", middle(case.blurred, 96))]
            smooth = flat(case.truth)[_INSIDE]
            for cleans, name in _RUNS.items():
                result = restored(given, case, name, "fcnn")
                scored = case.score(result)
                error = (result - case.truth)[_INSIDE][smooth]
                values = (scored.psnr_db, scored.ssim, 100 * float(np.sqrt(np.mean(error**2))))
                for key, value in zip(("dB", "SSIM", "flat"), values, strict=True):
                    found.setdefault(f"{cleans} {key}", []).append(value)
                last.append(Picture(f"{noise:.0%}, {cleans}", middle(result, 96)))
            last.append(Picture("truth", middle(case.truth, 96)))
        rows.append({"noise": f"{noise:.0%}", **{key: mean(v) for key, v in found.items()}})
        shown += last
    return Findings(tuple(rows), pictures(shown), _summary(given, rows))


def _summary(given: Given, rows: list[dict[str, Any]]) -> str:
    gains = [row["gradients dB"] - row["intensities dB"] for row in rows]
    left = [row["intensities flat"] / row["gradients flat"] - 1 for row in rows]
    return (
        f"Gradients are {', '.join(f'{x:+.2f}' for x in gains)} dB from intensities at 1, 3 and "
        f"5 % of noise; in the smoothest tenth, the error that intensities leave differs by "
        f"{', '.join(f'{x:+.0%}' for x in left)}. That gradients give the better result "
        f"is {verdict([x > 0 for x in gains])}; that intensities leave more noise is "
        f"{verdict([x > 0 for x in left])}. {training_summary(given, *_RUNS.values())}"
    )
