"""RGDN at noise levels that it was not trained for."""

from __future__ import annotations

from typing import Any

from napari_deconv.restoration.weights import locate, read_header

from .base import GONG, Findings, study
from .drawing import curves
from .material import Given, mean, restore

_LEVELS = (0.001, 0.003, 0.01, 0.03, 0.05, 0.1, 0.15)


@study(
    "rgdn-noise",
    "RGDN: noise levels it has not seen",
    GONG,
    says="Trained on 0.3 to 1.5 % of noise, the paper's network is tried at other levels and keeps "
    "its lead; at 0.59, 1 and 2 %: 35.04, 33.68, 30.1 dB, EPLL 34.35, 32.45, 30.03.",
    count=2,
)
def run(given: Given) -> Findings:
    """The shipped RGDN, told each level, beside the hyper-Laplacian at its own weight.

    Camera shakes of 21 pixels.
    """
    rows: list[dict[str, Any]] = []
    for noise in _LEVELS:
        row: dict[str, Any] = {"noise": f"{noise:.1%}"}
        every = list(given.cases(noise=noise))
        row["blurred"] = mean([c.score(c.blurred).psnr_db for c in every])
        for title, name in (("hyper-Laplacian", "hyper-laplacian"), ("RGDN", "rgdn")):
            row[title] = mean([c.score(restore(c, name)).psnr_db for c in every])
        rows.append(row)
    recipe = read_header(locate("rgdn"))["recipe"]
    low, high = recipe["noise_low"], recipe["noise_high"]
    gains = "; ".join(f"{r['noise']}: {r['RGDN'] - r['hyper-Laplacian']:+.2f}" for r in rows)
    summary = (
        f"The shipped weights were trained on {low:.1%} to {high:.0%}. RGDN over the "
        f"hyper-Laplacian in dB: {gains}."
    )
    lines = {key: [row[key] for row in rows] for key in ("blurred", "hyper-Laplacian", "RGDN")}
    return Findings(tuple(rows), curves(_LEVELS, lines, ("noise", "PSNR (dB)"), log=True), summary)
