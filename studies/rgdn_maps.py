"""Figure 2 of the RGDN paper: what R, H and D make of an image, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_deconv.protocol.scenes import Case
from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.maps import Map, maps

from .base import GONG, Findings, study
from .drawing import Picture, middle, pictures
from .material import Array, Given, restore

_STEPS = 3


@study(
    "rgdn-maps",
    "RGDN: the outputs of R, H and D",
    GONG,
    says="Figure 2 shows the input of H (the gradient), H's and R's outputs, their difference and "
    "what D makes of it: the gradient is noisy and rings, D's output is a clean correction at "
    "edges.",
    count=1,
)
def run(given: Given) -> Findings:
    """Three steps of the shipped RGDN on one photo under a camera shake of 21 pixels, 1 % noise.

    Our gradient is preconditioned, which brings noise along: D's output is mostly that noise, to be
    taken away again. H and R give 64 maps at half resolution; of each the strongest is shown. The
    table has the root mean square of every part, of the maps over all 64.
    """
    (case,) = given.cases()
    method = Method.make("rgdn", domain="photo", iterations=_STEPS, tolerance=0.0)
    found = maps(method, case.blurred, case.psf, noise=case.noise)
    rows, shown, scale = list[dict[str, Any]](), list[Picture](), _scale(found, case)
    for step in range(1, _STEPS + 1):
        parts = {m.name.split(" ", 1)[1]: m for m in found if m.name.startswith(f"{step} ")}
        row: dict[str, Any] = {"step": step}
        row |= {name: _rms(m.data) for name, m in parts.items()}
        estimate = (parts["estimate"].data * scale).astype(np.float32)
        row["PSNR (dB)"] = case.score(estimate).psnr_db
        rows.append(row)
        shown += [_picture(f"{step}: {name}", m) for name, m in parts.items()]
    first, last = (row["D(H(g) - R(x))"] for row in (rows[0], rows[-1]))
    summary = (
        f"D's correction has a root mean square of {first:.3f} at first and {last:.3f} at last."
    )
    return Findings(tuple(rows), pictures(shown, 5), summary)


def _scale(found: tuple[Map, ...], case: Case) -> float:
    """From the unit scale of the engine to that of the photo."""
    whole = restore(case, "rgdn", iterations=_STEPS, tolerance=0.0)
    return float(np.median(whole / np.maximum(found[-1].data, 1e-3)))


def _rms(data: Array) -> float:
    return float(np.sqrt(np.mean(data.astype(float) ** 2)))


def _picture(caption: str, one: Map) -> Picture:
    data = one.data
    if data.ndim == 3:
        data = data[int(np.argmax(data.std((1, 2))))]
    part = middle(data, 128 // one.pixels)
    if "estimate" in caption:
        return Picture(caption, part)
    reach = float(np.percentile(np.abs(part - np.median(part)), 99))
    return Picture(caption, part - np.median(part), (-reach, reach), signed=True)
