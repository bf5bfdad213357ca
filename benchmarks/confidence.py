"""Whether the word of confidence is worth something: what its rules were chosen on, and checked.

    python benchmarks/confidence.py measure [--from 0] [--count 108]
    python benchmarks/confidence.py table

Crops of 255 px (every seventh of 384) of free photos and of scikit-image's, in gray, each the one
with the most contrast of three. Half are shaken, the others get a disk, a Gaussian or a motion; a
third is blurred in linear light, a fifth has clipped highlights, half of the shakes roll a little;
noise of 0.5 to 3 %; three in five go through JPEG of quality 75 to 95. `estimate` is told nothing.

``measure`` adds rows to ``docs/benchmarks/confidence.csv`` and skips those that are there: the
figures that the estimate is judged by (`Evidence`), the ratio of squared errors, restored by the
hyper-Laplacian with the estimated kernel against the true one, and what both gain in dB over the
blurred photo, all aligned to the truth. ``table`` counts what is called good, fair and poor; the
words are given anew from the figures. The rules were chosen on photos before number 67 only.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch
from blind_shakes import averaged
from numpy.typing import NDArray
from PIL import Image
from protocol import DATA
from psf_estimation import aligned_error
from scipy.signal import fftconvolve

from napari_deconv import deconvolve
from napari_deconv.engine.colour import linear_to_srgb, srgb_to_linear
from napari_deconv.estimation import estimate
from napari_deconv.estimation.confidence import verdict
from napari_deconv.estimation.result import Evidence
from napari_deconv.protocol.scenes import gray
from napari_deconv.psf import PSF, CameraShake, Disk, Gaussian, Motion

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "confidence.csv"
KINDS = ("shake", "disk", "shake", "gaussian", "shake", "motion")
LUMA = np.array([0.299, 0.587, 0.114])
CHOSEN_BELOW = 67
Image2D = NDArray[np.float64]
FIELDS = (
    "number", "photo", "kind", "true", "noise", "quality", "found", "seconds",
    "ratio", "gain_db", "best_db", *(each.name for each in dataclasses.fields(Evidence)),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A photo that was blurred, and what was done to it."""

    photo: str
    kind: str
    psf: NDArray[np.float32]
    true: str
    blurred: NDArray[np.float32]
    truth: NDArray[np.float32]
    noise: float
    quality: int


def photos() -> list[Path | str]:
    """Free ones, and names of scikit-image's, in an order that mixes them."""
    free = sorted(f for f in (DATA / "free_photos").iterdir() if f.suffix in (".jpg", ".png"))
    every = [*free, "astronaut", "coffee", "chelsea", "rocket"]
    return [every[i] for i in np.random.default_rng(77).permutation(len(every))]


def case(number: int) -> Case:
    """One of the set."""
    rng = np.random.default_rng((190, number))
    files = photos()
    photo = files[number % len(files)]
    image = (
        getattr(skimage.data, photo)() / 255 @ LUMA
        if isinstance(photo, str)
        else gray(photo).astype(float)
    )
    kind = KINDS[number % len(KINDS)]
    spec = drawn(kind, rng, number)
    psf = spec()
    side = 384 if number % 7 == 5 else 255
    sharp = cut(image, side, psf.shape, rng)
    clipped, light, coded = rng.random() < 0.2, rng.random() < 0.33, rng.random() < 0.6
    if clipped:
        sharp = sharp * (1.1 / np.quantile(sharp, 0.98))
    roll = 2 * rng.uniform(-1, 1) if kind == "shake" and rng.random() < 0.5 else 0.0
    inner = tuple(slice(n // 2, m - n // 2) for n, m in zip(psf.shape, sharp.shape, strict=True))
    values = srgb_to_linear(sharp.astype(np.float32)) if light else sharp
    if kind == "shake":
        blurred = averaged(values, psf, roll)[inner]
    else:
        blurred = fftconvolve(values, psf, "valid")
    blurred = linear_to_srgb(blurred.astype(np.float32)) if light else blurred
    noise = float(np.exp(rng.uniform(np.log(0.005), np.log(0.03))))
    seen = (blurred + rng.normal(0, noise, blurred.shape)).clip(0, 1)
    quality = int(rng.choice([75, 80, 85, 90, 95])) if coded else 0
    if quality:
        file = io.BytesIO()
        Image.fromarray((255 * seen).round().astype(np.uint8)).save(file, "JPEG", quality=quality)
        seen = np.asarray(Image.open(file), float) / 255
    truth = sharp.clip(0, 1).astype(np.float32)[inner]
    shape = tuple(slice(0, min(a, b)) for a, b in zip(seen.shape, truth.shape, strict=True))
    name = photo if isinstance(photo, str) else photo.stem
    return Case(
        name, kind, psf, str(spec), seen.astype(np.float32)[shape], truth[shape], noise, quality
    )


def drawn(kind: str, rng: np.random.Generator, number: int) -> PSF:
    """A blur of a kind."""
    if kind == "shake":
        return CameraShake(size_px=int(rng.choice(range(9, 32, 2))), seed=9000 + number)
    if kind == "disk":
        return Disk(radius_px=float(rng.uniform(2, 8)))
    if kind == "gaussian":
        return Gaussian(sigma_px=float(rng.uniform(0.4, 4)))
    return Motion(length_px=float(rng.uniform(5, 30)), angle_deg=float(rng.uniform(0, 180)))


def cut(image: Image2D, side: int, psf_shape: tuple[int, ...], rng: np.random.Generator) -> Image2D:
    """Of three places the one with the most contrast, with room for the blur around."""
    whole = [min(side + n // 2 * 2, m) for n, m in zip(psf_shape, image.shape, strict=True)]
    best = image[:0]
    for _ in range(3):
        top, left = (
            int(rng.integers(0, m - w + 1)) for m, w in zip(image.shape, whole, strict=True)
        )
        part = image[top : top + whole[0], left : left + whole[1]]
        if not best.size or part.std() > best.std():
            best = part
    return best


def measured(number: int) -> dict[str, Any]:
    """A row."""
    each = case(number)
    began = time.process_time()
    found = estimate(each.blurred, device="cpu")
    spent = time.process_time() - began
    border = tuple(max(8, n // 2) for n in each.psf.shape)
    restored = (deconvolve(each.blurred, k, "hyper-laplacian", device="cpu")
                for k in (found.psf, each.psf))  # fmt: skip
    ours, best, before = (aligned_error(x, each.truth, border) for x in (*restored, each.blurred))
    evidence = found.confidence.evidence
    assert evidence is not None
    return {
        "number": number, "photo": each.photo, "kind": each.kind, "true": each.true,
        "noise": f"{each.noise:.4f}", "quality": each.quality,
        "found": str(found.spec or len(found.psf)), "seconds": f"{spent:.1f}",
        "ratio": f"{ours / best:.3f}", "gain_db": f"{10 * np.log10(before / ours):.3f}",
        "best_db": f"{10 * np.log10(before / best):.3f}",
        **{key: f"{value:.4f}" if isinstance(value, float) else value
           for key, value in dataclasses.asdict(evidence).items()},
    }  # fmt: skip


def rows() -> list[dict[str, str]]:
    """Those that were measured, in their order."""
    if not OUT.exists():
        return []
    with OUT.open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["number"]))


def evidence(row: dict[str, str]) -> Evidence:
    """The figures of a row."""
    read = {"float": float, "int": int, "bool": "True".__eq__, "str": str}
    return Evidence(
        **{each.name: read[str(each.type)](row[each.name]) for each in dataclasses.fields(Evidence)}
    )


def table(chosen: list[dict[str, str]]) -> Iterator[str]:
    """What each word was given to."""
    yield "| called | n | under 2 | 2 to 3 | 3 to 5 | over 5 | worse than blurred | mean gain |"
    yield "|---|---|---|---|---|---|---|---|"
    for level in ("good", "fair", "poor"):
        own = [row for row in chosen if verdict(evidence(row)).level == level]
        ratio = np.array([float(row["ratio"]) for row in own])
        gain = np.array([float(row["gain_db"]) for row in own])
        bands = [np.sum((ratio >= a) & (ratio < b)) for a, b in ((0, 2), (2, 3), (3, 5), (5, 1e9))]
        mean = f"{gain.mean():.2f} dB" if len(own) else ""
        yield f"| {' | '.join(map(str, (level, len(own), *bands, np.sum(gain < 0), mean)))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("measure", "table"))
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--count", type=int, default=108)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if given.task == "measure":
        done = {int(row["number"]) for row in rows()}
        new = not OUT.exists()
        with OUT.open("a", newline="") as file:
            out = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if new:
                out.writeheader()
            for number in range(given.first, given.first + given.count):
                if number not in done:
                    out.writerow(measured(number))
                    file.flush()
    for title, kept in (("chosen on", True), ("for checking", False)):
        part = [row for row in rows() if (int(row["number"]) < CHOSEN_BELOW) == kept]
        print(f"{len(part)} photos {title}", *table(part), sep="\n")


if __name__ == "__main__":
    main()
