"""Figure 3 of Li et al. 2018: the terms of the series."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_deconv.restoration.ird import IterativeResidual

from .base import LI, Findings, study
from .drawing import Picture, middle, pictures
from .ird_iterations import UNREGULARISED
from .material import Given, follow

_TERMS = (1, 10, 100, 1000)


@study(
    "ird-components",
    "IRD: the terms of the series",
    LI,
    says="Figure 3 shows the terms of growing number for a photo without noise, brightened by 1.5, "
    "100, 1000 and 20000: their energy falls, and they hold ever finer detail.",
    count=1,
)
def run(given: Given) -> Findings:
    """What iteration n adds to the estimate, on one photo without noise under a camera shake.

    *fine* is the share of a term's energy beyond a quarter of the sampling rate.
    """
    (case,) = given.cases(noise=0.0)
    method = IterativeResidual(sigma=UNREGULARISED, iterations=_TERMS[-1])
    before, rows, shown = np.zeros_like(case.blurred), list[dict[str, Any]](), list[Picture]()
    for n, x in enumerate(follow(case, method, noise=1e-6), 1):
        if n in _TERMS:
            term = x - before
            rows.append({"term": n, "rms": float(term.std()), "fine": fine_share(term)})
            reach = float(np.abs(term - term.mean()).max())
            part = middle(term - term.mean())
            shown.append(Picture(f"term {n}, times {1 / reach:.3g}", part, (-reach, reach), True))
        before = x.copy()
    # Written with an exponent: the last ones vanish in three places.
    summary = (
        f"From term 1 to term {_TERMS[-1]} the root mean square falls by a factor of "
        f"{rows[0]['rms'] / rows[-1]['rms']:.3g}, and the share of fine structure rises from "
        f"{rows[0]['fine']:.1%} to {rows[-1]['fine']:.1%}."
    )
    table = tuple(row | {"rms": f"{row['rms']:.2e}"} for row in rows)
    return Findings(table, pictures(shown), summary)


def fine_share(term: Any) -> float:
    """Share of the energy of a plane beyond a quarter of the sampling rate."""
    window = np.outer(*(np.hanning(n) for n in term.shape))
    power = np.abs(np.fft.fft2((term - term.mean()) * window)) ** 2
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in term.shape), indexing="ij"))
    return float(power[radius > 0.25].sum() / power.sum())
