"""Which start of the camera-shake search to believe: rules judged on bsds500/train.

    python benchmarks/psf_starts.py [--images 24]

Photos are blurred by generated camera shakes, with 1 % of white noise, and once more with half a
percent and coded as JPEG, whose noise is not white. All starts of `estimation.starts` are searched;
a rule picks one kernel of each case. The rules differ in how much noise the spectrum is told, in
standard deviations of the estimated noise, in the price of a pixel of spread, and in the likeness
from which two kernels count as one finding (1: never; see `starts.believed`).

Printed: what the hyper-Laplacian loses with the picked kernel against the true one, aligned as in
``psf_estimation.py``, the median ratio of the squared errors and the share under 3; and as bounds
the same for each start alone and for the best of all. What was found is kept in ``--keep``.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from protocol import photos
from psf_estimation import aligned_error

from napari_deconv import deconvolve
from napari_deconv.degradation import Chain
from napari_deconv.engine.streaming import drain
from napari_deconv.estimation import starts
from napari_deconv.estimation.plane import Plane, odd_size, plane_of
from napari_deconv.estimation.shake import camera_shake
from napari_deconv.estimation.spectrum import spectrum_of
from napari_deconv.protocol.scenes import Case, gray, make_case
from napari_deconv.psf import CameraShake

Array = NDArray[np.float64]
NOISES = (1.0, 3.0, 5.0, 8.0)
PRICES = (0.0, 1.0, 4.0)
AGREED = (0.7, 1.0)
CAMERAS = {"white": {"noise": 0.01}, "JPEG": {"noise": 0.005, "jpeg_quality": 88}}


@dataclass(frozen=True)
class Trial:
    """What every start made of a photo, and the ratios of squared errors."""

    camera: str
    image: Array
    noise: float
    ratios: Array
    found: tuple[Array, ...]


def trials(count: int, keep: Path) -> Iterator[Trial]:
    """All of them; those that are kept are not made again."""
    keep.mkdir(parents=True, exist_ok=True)
    for i, path in enumerate(photos("train", 400 // count, 3)[:count]):
        psf = CameraShake(size_px=int(np.random.default_rng(i).integers(15, 41)), seed=300 + i)()
        for camera, fields in CAMERAS.items():
            file = keep / f"{i}-{camera}.npz"
            if not file.exists():
                case = make_case(gray(path), psf, Chain(boundary="valid", seed=i, **fields), "")
                plane = plane_of(case.blurred, None, None, None)
                found = list(searched(plane))
                best, *errors = (error(case, k) for k in (psf, *found))
                np.savez(file, plane.gray, plane.noise, np.array(errors) / best, *found)
            with np.load(file) as kept:
                image, noise, ratios, *found = (kept[key] for key in kept.files)
            yield Trial(camera, image, float(noise), ratios, tuple(found))


def searched(plane: Plane) -> Iterator[Array]:
    """The kernel of every start."""
    side = odd_size(None, plane.gray.shape)
    for tuning in starts.STARTS:
        for bound in (side, 75):
            kernel, _ = drain(camera_shake(plane, bound, grow=True, tuning=tuning))
            if len(kernel) < bound - 2:
                break
        yield kernel


def error(case: Case, kernel: Array) -> float:
    """Of the restoration with a kernel."""
    restored = deconvolve(case.blurred, kernel.astype(np.float32), device="cpu")
    return aligned_error(restored, case.truth, tuple(n // 2 for n in case.psf.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--keep", type=Path, default=Path("local") / "psf-starts")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = list(trials(given.images, given.keep))
    for camera in CAMERAS:
        own = [t for t in found if t.camera == camera]
        ratios = np.array([t.ratios for t in own])
        rows = {f"start {n + 1} alone": column for n, column in enumerate(ratios.T)}
        rows["the best of them"] = ratios.min(1)
        spectra = [spectrum_of(t.image, t.noise) for t in own]
        for rule in itertools.product(NOISES, PRICES, AGREED):
            picked = [starts.believed(t.found, s, *rule) for t, s in zip(own, spectra, strict=True)]
            name = "noise x {:g}, spread at {:g}, agreed {:g}".format(*rule)
            rows[name] = ratios[np.arange(len(own)), picked]
        print(f"\n{camera}, {len(own)} cases")
        for name, values in rows.items():
            loss = 10 * np.log10(values).mean()
            print(
                f"{name:42s} {loss:5.2f} dB  {np.median(values):5.2f}  {np.mean(values < 3):4.0%}"
            )


if __name__ == "__main__":
    main()
