"""RGDN on inputs of unequal range, normalised and not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from napari_deconv.engine.streaming import drain, prepare
from napari_deconv.protocol.scenes import Case
from napari_deconv.restoration.base import Method

from .base import GONG, Findings, study
from .drawing import bars
from .material import Array, Given, mean

_RANGES = (0.05, 0.25, 1.0, 4.0)


@study(
    "rgdn-normalisation",
    "RGDN: inputs of unequal range",
    GONG,
    says="The retelling at hand reports colour casts and darkening, which it lays to inputs of "
    "unequal range that were not normalised; it proposes to bring all to one standard "
    "deviation. No figures.",
    count=2,
)
def run(given: Given) -> Findings:
    """Photos whose values were multiplied, restored and divided again.

    *normalised* is what this package does: the engine brings the brightest of an image to 1 and
    goes back afterwards. *as it is* hands the network the numbers as they are. Camera shakes of 21
    pixels, 1 % of noise; both are told it.
    """
    rows: list[dict[str, Any]] = []
    for factor in _RANGES:
        scores: dict[str, list[float]] = {"normalised": [], "as it is": []}
        for case in given.cases():
            for name, found in scores.items():
                x = _restored(case, factor, name == "normalised")
                found.append(case.score(x).psnr_db)
        rows.append({"range": f"0 to {factor:g}", **{k: mean(v) for k, v in scores.items()}})
    spread = [max(r[key] for r in rows) - min(r[key] for r in rows) for key in list(rows[0])[1:]]
    summary = (
        f"PSNR in dB. Over the ranges it changes by {spread[0]:.2f} dB with the engine's scale, "
        f"and by {spread[1]:.2f} dB without."
    )
    series = {key: [row[key] for row in rows] for key in ("normalised", "as it is")}
    return Findings(tuple(rows), bars([row["range"] for row in rows], series, "PSNR (dB)"), summary)


def _restored(case: Case, factor: float, normalised: bool) -> Array:
    image = case.blurred * factor
    options = {"noise": case.noise * factor, "device": "cpu"}
    run, block = prepare(Method.make("rgdn", domain="photo"), image, case.psf, **options)  # type: ignore[arg-type]
    if not normalised:
        run.reading = replace(run.reading, intensity=replace(run.intensity, scale=1.0))
    drain(run.settle(block))
    restored: Array = drain(run.stream()).data / factor
    return restored
