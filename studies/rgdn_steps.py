"""PSNR of RGDN against the number of steps (Gong et al. 2020)."""

from __future__ import annotations

import numpy as np

from napari_deconv.restoration.base import Method

from .base import GONG, Findings, study
from .drawing import curves
from .material import Given, follow, mean

_LEVELS = (0.0059, 0.01, 0.02)
_STEPS = 50


@study(
    "rgdn-steps",
    "RGDN: PSNR against steps",
    GONG,
    says="The paper's network is trained over five steps and run for up to 50, with a stop on the "
    "relative change of the data misfit; PSNR rises on beyond the trained steps and levels off. "
    "Its final PSNR at 0.59, 1 and 2 % of noise is 35.04, 33.68 and 30.1 dB.",
)
def run(given: Given) -> Findings:
    """The shipped RGDN, trained over three preconditioned steps, made to go on for 50.

    Camera shakes of 21 pixels. *stop* is where the default tolerance would have ended it.
    """
    endless = Method.make("rgdn", iterations=_STEPS, tolerance=0.0)
    stopped = Method.make("rgdn", iterations=_STEPS)
    lines, stops, blurred = dict[str, list[float]](), list[float](), list[float]()
    for noise in _LEVELS:
        each, ends, before = [], [], []
        for case in given.cases(noise=noise):
            each.append([case.score(x).psnr_db for x in follow(case, endless)])
            ends.append(sum(1 for _ in follow(case, stopped)))
            before.append(case.score(case.blurred).psnr_db)
        lines[f"noise {100 * noise:g} %"] = [float(x) for x in np.mean(each, axis=0)]
        stops.append(mean(ends))
        blurred.append(mean(before))
    counts = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50]
    rows = tuple(
        {"steps": n, **{name: values[n - 1] for name, values in lines.items()}} for n in counts
    )
    ends_db = [f"{v[2]:.2f} dB after 3, {v[-1]:.2f} after 50" for v in lines.values()]
    summary = (
        f"Blurred: {', '.join(f'{x:.2f}' for x in blurred)} dB. At 0.59, 1 and 2 % of noise: "
        f"{'; '.join(ends_db)}. The default tolerance stops after "
        f"{', '.join(f'{x:.1f}' for x in stops)} steps on average."
    )
    figure = curves(range(1, _STEPS + 1), lines, ("steps", "PSNR (dB)"), log=True)
    return Findings(rows, figure, summary)
