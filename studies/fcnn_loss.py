"""Figures 4 and 5 of Zhang et al. 2017: trained on L1 and on L2."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from napari_deconv.protocol.scenes import Case
from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.maps import maps

from .base import ZHANG, Findings, study
from .drawing import Picture, middle, pictures
from .material import Array, Given, mean
from .trained import PAIRS, flat, restored, training_summary, verdict

_RUNS = {"L1": "fcnn-l1", "L2": "fcnn-l2"}
_LEVELS = (0.01, 0.03, 0.05)


@study(
    "fcnn-loss",
    "FCNN: L1 against L2",
    ZHANG,
    says="Figures 4 and 5: trained on L1 the loss converges lower and the gradients keep less "
    "noise.",
    count=8,
    needs=tuple(_RUNS.values()),
    train=PAIRS,
)
def run(given: Given) -> Findings:
    """Two trainings of one iteration that differ in the loss only, under shakes of 21 pixels.

    The loss is that of both outputs, weighted by the noise: the mean of what is missed, or of its
    square. *mean* is the mean absolute error of the result, *gradient* the RMS error of the
    horizontal gradient before and after its network, both in hundredths of white, and *flat* that
    of the gradient in the smoothest tenth of each photo.
    """
    rows, shown = list[dict[str, Any]](), list[Picture]()
    for noise in _LEVELS:
        found: dict[str, list[float]] = {}
        for case in given.cases(noise=noise):
            clean = list[Picture]()
            for loss, name in _RUNS.items():
                result = restored(given, case, name, "fcnn", iterations=1)
                before, after = _gradients(given, case, name, result)
                numbers = {f"dB, {loss}": case.score(result).psnr_db}
                off = np.abs(result - case.truth)[_INSIDE]
                numbers |= {f"mean, {loss}": 100 * float(off.mean())}
                numbers |= _missed(before, case, "before") | _missed(after, case, loss)
                for key, value in numbers.items():
                    found.setdefault(key, []).append(value)
                clean.append(_picture(f"{noise:.0%}, {loss}", after))
            rough = _picture(f"{noise:.0%}, before", before)
            last = [rough, *clean, _picture("truth", _along_x(case.truth))]
        keys = sorted(found, key=lambda key: _ORDER.index(key.split(",")[0]))
        rows.append({"noise": f"{noise:.0%}", **{key: mean(found[key]) for key in keys}})
        shown += last
    return Findings(tuple(rows), pictures(shown), _summary(given, rows))


_ORDER = ("dB", "mean", "gradient", "flat")
_INSIDE = (slice(12, -12),) * 2


def _picture(caption: str, gradient: Array) -> Picture:
    return Picture(caption, middle(gradient, 96), (-0.1, 0.1), True)


def _along_x(image: Array) -> Array:
    return image - np.roll(image, 1, -1)


def _gradients(given: Given, case: Case, name: str, result: Array) -> tuple[Array, Array]:
    """What the network was given and what it made of it, on the image's scale."""
    method = Method.make("fcnn", iterations=1, domain="photo", weights=str(given.weights(name)))
    inside = {m.name: m.data for m in maps(method, case.blurred, case.psf, noise=case.noise)}
    estimate = inside["2 estimate"]
    scale = float(np.vdot(result, estimate) / np.vdot(estimate, estimate))
    before = inside["2 gradient along x"]
    return scale * before, scale * inside["2 gradient along x, cleaned"]


def _missed(gradient: Array, case: Case, which: str) -> dict[str, float]:
    error = (gradient - _along_x(case.truth))[_INSIDE]
    smooth = flat(case.truth)[_INSIDE]
    return {
        f"gradient, {which}": 100 * float(np.sqrt(np.mean(error**2))),
        f"flat, {which}": 100 * float(np.sqrt(np.mean(error[smooth] ** 2))),
    }


def _summary(given: Given, rows: list[dict[str, Any]]) -> str:
    def away(what: str) -> str:
        return ", ".join(f"{row[f'{what}, L1'] / row[f'{what}, L2'] - 1:+.1%}" for row in rows)

    better = ", ".join(f"{row['dB, L1'] - row['dB, L2']:+.2f}" for row in rows)
    held = {loss: _curve(given, name) for loss, name in _RUNS.items()}
    course = "; ".join(
        f"{loss}: {', '.join(f'{value:.2f} at step {step}' for step, value in curve)}"
        for loss, curve in held.items()
    )
    calm = [row["flat, L1"] < row["flat, L2"] for row in rows]
    ends = held["L1"][-1][1] > held["L2"][-1][1]
    return (
        f"L1 less L2 is {better} dB at 1, 3 and 5 % of noise; in mean absolute error it is "
        f"{away('mean')}, in the error of the cleaned gradient {away('gradient')}, and of that in "
        f"the smoothest tenth {away('flat')}. That the gradients of L1 keep less noise is "
        f"{verdict(calm)}. The two losses have no common scale, so which "
        "converges lower is told by the mean PSNR on held-out photos, which is L2's own measure. "
        f"In dB, {course}. That L1 ends better is {verdict([ends])}. "
        f"{training_summary(given, *_RUNS.values())}"
    )


def _curve(given: Given, name: str) -> list[tuple[int, float]]:
    """Steps, and the mean PSNR on held-out photos there."""
    lines = (given.weights(name).parent / "log.jsonl").read_text().splitlines()
    return [(e["step"], mean(e["psnr"])) for e in map(json.loads, lines)]
