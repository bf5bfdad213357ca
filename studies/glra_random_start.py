"""Figure 7 of Ren et al. 2018: separable layers begun at random and as the bases."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_deconv.protocol.scenes import Case
from napari_deconv.psf import PSF, Disk, Gaussian, Motion
from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.maps import maps

from .base import REN, Findings, study
from .drawing import Picture, middle, pictures
from .material import Given, mean
from .trained import PAIRS, restored, training_summary, verdict
from .xu_maps import alike

_RUNS = {"bases": "glra-bases", "random": "glra-random"}
_PSFS: dict[str, PSF] = {
    "Gaussian, sigma 2": Gaussian(sigma_px=2.0),
    "disk, radius 4": Disk(radius_px=4.0),
    "motion, 15 px at 30°": Motion(length_px=15.0, angle_deg=30.0),
}
_STRONGEST = 3


@study(
    "glra-random-start",
    "GLRA: random start",
    REN,
    says="Figure 7: after a random start the maps of layers 4 and 5 have blurred edges and the "
    "result stays blurred; after the start from the bases both are sharp.",
    count=4,
    needs=tuple(_RUNS.values()),
    train=PAIRS,
)
def run(given: Given) -> Findings:
    """Two trainings that differ in how the separable layers begin; all else begins alike.

    Photos with a gain of 1.2, clipped, and 1 % of noise. In place of the paper's layers 4 and 5,
    which this network does not have: *inverses* are the three strongest of the sixteen maps that
    the separable layers make, *correction* is what the network behind them makes of them, both in
    the first pass. Each number is the correlation of its Laplacian with the truth's, without its
    sign. M is that of the bases in both.
    """
    rows, shown = list[dict[str, Any]](), list[Picture]()
    for label, psf in _PSFS.items():
        found: dict[str, list[float]] = {}
        for case in given.cases(psf(), 0.01, gain=1.2, saturation=1.0):
            found.setdefault("blurred dB", []).append(case.score(case.blurred).psnr_db)
            shown = []
            for (start, name), image in zip(_RUNS.items(), ("blurred", "truth"), strict=True):
                numbers, pictured = _looked_at(given, case, start, name)
                for key, value in numbers.items():
                    found.setdefault(key, []).append(value)
                shown += [Picture(image, middle(getattr(case, image))), *pictured]
        rows.append({"PSF": label, **{key: mean(v) for key, v in found.items()}})
    return Findings(tuple(rows), pictures(shown), _summary(given, rows))


def _looked_at(
    given: Given, case: Case, start: str, name: str
) -> tuple[dict[str, float], list[Picture]]:
    """What one network's result and the maps of its first pass are like, and they themselves."""
    result = restored(given, case, name, "glra")
    method = Method.make("glra", domain="photo", passes=1, weights=str(given.weights(name)))
    first = {m.name: m.data for m in maps(method, case.blurred, case.psf, noise=case.noise)}
    inverses, correction = first["1 inverses"], first["1 correction"]
    strongest = inverses[np.argsort(-inverses.std((1, 2)))[:_STRONGEST]]
    numbers = {
        f"{start} dB": case.score(result).psnr_db,
        f"{start} inverses": mean([alike(one, case.truth) for one in strongest]),
        f"{start} correction": alike(correction, case.truth),
    }
    return numbers, [
        Picture(f"{start}: strongest inverse", middle(strongest[0]), None),
        Picture(f"{start}: correction", middle(correction), None),
        Picture(f"{start}: result", middle(result)),
    ]


def _summary(given: Given, rows: list[dict[str, Any]]) -> str:
    def both(key: str) -> str:
        return " and ".join(
            f"{mean([row[f'{start} {key}'] for row in rows]):.2f} ({start})" for start in _RUNS
        )

    def ahead(key: str) -> list[bool]:
        return [row[f"bases {key}"] > row[f"random {key}"] for row in rows]

    gains = ", ".join(f"{row['bases dB'] - row['random dB']:+.2f}" for row in rows)
    return (
        f"The start from the bases is {gains} dB from the random one: that the result is the "
        f"better is {verdict(ahead('dB'))}. Likeness to the truth's fine structure: "
        f"{both('inverses')} of the inverses, {both('correction')} of the correction; that the "
        f"maps are sharper is {verdict(ahead('inverses') + ahead('correction'))}. The picture "
        f"shows the last photo under motion. {training_summary(given, *_RUNS.values())}"
    )
