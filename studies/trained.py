"""PSFs, cameras and weights of the runs that scripts in ``benchmarks`` train."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter

from napari_deconv.degradation.chain import Chain
from napari_deconv.protocol.scenes import Case, make_case
from napari_deconv.psf import CameraShake, Disk
from napari_deconv.restoration.weights import read_header

from .material import Array, Given, restore

NOISE = 0.01
PSFS = {"disk7": Disk(radius_px=7.0), "shake27": CameraShake(size_px=27, seed=27)}
SHAKES = {f"shake21-{i}": CameraShake(size_px=21, seed=100 + i) for i in range(10)}
HOW = (
    "Train them: python benchmarks/one_psf.py train --images FOLDER --minutes 30 --only NAME ..., "
    "in the order dcnn, denoiser, odcnn for each PSF; it resumes. Then give the folder of the runs "
    "as --runs."
)
PAIRS = (
    "Train them: python benchmarks/study_runs.py train --images FOLDER --only NAME ...; it "
    "resumes. Then give the folder of the runs as --runs."
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


def restored(given: Given, case: Case, run: str, method: str, **fields: Any) -> Array:
    """What a trained run makes of a scene."""
    return restore(case, method, weights=str(given.weights(run)), **fields)


def training_summary(given: Given, *runs: str) -> str:
    """How two networks of a pair were trained, from the headers of their weights."""
    headers = [read_header(given.weights(run)) for run in runs]
    recipe = headers[0]["recipe"]
    assert all(h["recipe"][k] == recipe[k] for h in headers for k in ("steps", "batch", "seed"))
    kept = " and ".join(str(h["step"]) for h in headers)
    return (
        f"Each was trained once, from the same seed, for {recipe['steps']} steps of "
        f"{_some(recipe['batch'])} of {recipe['patch_px']} pixels, less than the shipped weights "
        f"had; the best on held-out photos are kept, of step {kept}. What another seed changes was "
        "not measured."
    )


def verdict(held: Sequence[bool]) -> str:
    """What to say of a finding of the paper that held here in these cases."""
    if all(held):
        return "found here too"
    return "found here in part" if any(held) else "not found here, unlike the paper"


def _some(batch: int) -> str:
    return "one patch" if batch == 1 else f"{batch} patches"


def flat(truth: Array) -> Array:
    """The smoothest tenth of a photo, by its standard deviation over 7x7 pixels."""
    plane = truth.astype(float)
    varies = uniform_filter(plane**2, 7) - uniform_filter(plane, 7) ** 2
    return varies <= np.percentile(varies, 10)
