"""PSFs, cameras and weights of the runs that `benchmarks/one_psf.py` trains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..benchmark.scenes import Case, make_case
from ..degradation.chain import Chain
from ..psf import CameraShake, Disk
from .material import Array, Given, restore

NOISE = 0.01
PSFS = {"disk7": Disk(radius_px=7.0), "shake27": CameraShake(size_px=27, seed=27)}
SHAKES = {f"shake21-{i}": CameraShake(size_px=21, seed=100 + i) for i in range(10)}
HOW = (
    "Train them: python benchmarks/one_psf.py train --images FOLDER --minutes 30 --only NAME ..., "
    "in the order dcnn, denoiser, odcnn for each PSF; it resumes. Then give the folder of the runs "
    "as --runs."
)


def cases(given: Given, label: str, saturated: bool) -> Iterator[Case]:
    """Photos under one of `PSFS` with 1 % of noise and JPEG 75 to 90.

    Saturated ones have a gain of 1.2 to 1.5, and what is then above 1 is clipped. Quality and gain
    are drawn once per image.
    """
    psf = PSFS[label]()
    for i, (name, sharp) in enumerate(given.photos()):
        given.tell(f"{label}, {name}, {'saturated' if saturated else 'plain'}")
        rng = np.random.default_rng(i)
        gain, quality = float(rng.uniform(1.2, 1.5)), int(rng.integers(75, 90, endpoint=True))
        camera = Chain(boundary="valid", noise=NOISE, jpeg_quality=quality, seed=i)
        if saturated:
            camera = replace(camera, gain=gain, saturation=1.0)
        yield make_case(sharp, psf, camera, name)


def restored(given: Given, case: Case, run: str, method: str) -> Array:
    """What a trained run makes of a scene."""
    return restore(case, method, weights=str(given.weights(run)))
