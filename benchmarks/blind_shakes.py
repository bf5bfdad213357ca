"""Photos shaken as cameras shake them: what the search for a kernel is chosen on.

    python benchmarks/blind_shakes.py [--count 36] [--from 0] [--side 255] [--size]

Crops of 255 to 400 pixels of free photos, in gray. The blur is an average
over the poses of a shake: shifts along a generated path and, for half of them, a slight roll about
the middle, so that it differs by up to 2 px towards the corners. A third is blurred in linear
light, a third has clipped highlights, a third goes through JPEG at quality 90; noise of 0.5 to 1 %.

The figure is the ratio of squared errors: restored by the hyper-Laplacian with the estimated
kernel against restored with that of the middle, both aligned to the truth
(`psf_estimation.aligned_error`).

``--levin`` runs real photos (Levin et al. 2009) with their measured kernels in place of the set:
for checking, never for choosing.
"""

from __future__ import annotations

import argparse
import io
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from protocol import DATA
from psf_estimation import aligned_error
from scipy.ndimage import affine_transform

from napari_deconv import deconvolve
from napari_deconv.engine.colour import linear_to_srgb, srgb_to_linear
from napari_deconv.estimation import estimate
from napari_deconv.protocol.scenes import gray
from napari_deconv.psf import CameraShake

_ROLL_PX = 2.0
"""By how much the blur differs at the corners, at most."""


@dataclass(frozen=True, eq=False)
class Shaken:
    """A photo, the sharp photo, and the kernel in the middle."""

    name: str
    blurred: NDArray[np.float32]
    truth: NDArray[np.float32]
    psf: NDArray[np.float32]


def shaken(first: int, count: int, side: int | None) -> Iterator[Shaken]:
    """A part of the set."""
    files = [f for f in sorted((DATA / "free_photos").iterdir()) if f.suffix in (".jpg", ".png")]
    chosen = np.random.default_rng(5).permutation(len(files))
    for number in range(first, first + count):
        rng = np.random.default_rng((19, number))
        psf = CameraShake(size_px=int(rng.choice(range(9, 32, 2))), seed=4000 + number)()
        image = gray(files[chosen[number % len(files)]])
        yield scene(f"{number:02d}", image, psf, number, side or int(rng.integers(255, 401)))


def scene(
    name: str,
    image: NDArray[np.float32],
    psf: NDArray[np.float32],
    number: int,
    side: int,
) -> Shaken:
    """A crop of a photo, shaken; what else happens to it goes by its number."""
    rng, ring = np.random.default_rng((23, number)), len(psf) // 2
    whole = [min(side + 2 * ring, n) for n in image.shape]
    top, left = (int(rng.integers(0, n - w + 1)) for n, w in zip(image.shape, whole, strict=True))
    sharp = image[top : top + whole[0], left : left + whole[1]]
    if number % 3 == 1:
        sharp = sharp * (1.1 / np.quantile(sharp, 0.98))
    in_light = number % 3 == 2
    light = srgb_to_linear(sharp) if in_light else sharp
    blurred = averaged(light, psf, _ROLL_PX * rng.uniform(-1, 1) * (number % 2))
    blurred = linear_to_srgb(blurred) if in_light else blurred
    inner = tuple(slice(ring, n - ring) for n in blurred.shape)
    noisy = blurred[inner] + rng.normal(0, rng.uniform(0.005, 0.01), blurred[inner].shape)
    seen = noisy.clip(0, 1)
    if number % 3 == 0:
        file = io.BytesIO()
        Image.fromarray((255 * seen).round().astype(np.uint8)).save(file, "JPEG", quality=90)
        seen = np.asarray(Image.open(file), np.float64) / 255
    truth = sharp.clip(0, 1).astype(np.float32)
    return Shaken(name, seen.astype(np.float32), truth[inner], psf)


def averaged(
    image: NDArray[np.float32], psf: NDArray[np.float32], roll_px: float
) -> NDArray[np.float64]:
    """Mean over the poses of a shake; its roll goes with its way across."""
    middle = np.array(image.shape) / 2 - 0.5
    reach = np.hypot(*middle)
    total = np.zeros(image.shape)
    for y, x in np.argwhere(psf > 0):
        shift = np.array([y, x]) - len(psf) // 2
        angle = roll_px / reach * shift[1] / (len(psf) / 2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        offset = middle - turn @ (middle + shift)
        order = 1 if roll_px else 0
        moved = affine_transform(image, turn, offset, order=order, mode="nearest")
        total += float(psf[y, x]) * moved
    return total


def levin() -> Iterator[Shaken]:
    """Real photos."""
    for file in sorted((DATA / "blind_levin").glob("*_img.png")):
        image, kernel, _ = file.stem.split("_")
        psf = np.asarray(Image.open(file.with_name(f"true_{kernel}.png")).convert("F"))
        blurred, truth = (
            np.asarray(Image.open(f).convert("F")) / 255
            for f in (file, file.with_name(f"{image}.png"))
        )
        yield Shaken(f"{image} {kernel}", blurred, truth, np.asarray(psf / psf.sum(), np.float32))


def error(scene: Shaken, psf: NDArray[np.float32]) -> float:
    """Squared error of the restoration with a kernel."""
    restored = deconvolve(scene.blurred, psf, "hyper-laplacian", device="cpu")
    border = tuple(max(8, n // 2) for n in scene.psf.shape)
    return aligned_error(restored, scene.truth, border)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=36)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--side", type=int, help="of all crops, in pixels")
    parser.add_argument("--levin", action="store_true")
    parser.add_argument("--size", action="store_true", help="tell the size of the true kernel")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = []
    for each in levin() if given.levin else shaken(given.first, given.count, given.side):
        turned = each.psf[::-1, ::-1].copy()
        best = min(error(each, k) for k in ((each.psf, turned) if given.levin else (each.psf,)))
        began = time.process_time()
        size = len(each.psf) if given.size else None
        found = estimate(each.blurred, size, "camera-shake", device="cpu")
        spent = time.process_time() - began
        ours, level = error(each, found.psf), found.confidence.level
        rows.append((ours / best, best, ours, level))
        shape = f"{each.blurred.shape[0]}x{each.blurred.shape[1]}"
        print(
            f"{each.name:12s} {shape} true {len(each.psf):2d} found {len(found.psf):2d} "
            f"ratio {ours / best:5.2f} {level:5s} {spent:4.0f} s "
            f"{-10 * np.log10(best):.2f} {-10 * np.log10(ours):.2f} dB",
            flush=True,
        )
    print(told([r[0] for r in rows], [r[3] for r in rows]))
    best_db, ours_db = (-10 * np.log10([r[i] for r in rows]).mean() for i in (1, 2))
    print(f"mean {best_db:.2f} dB with the true kernel, {ours_db:.2f} dB with the estimated one")


def told(ratios: list[float], levels: list[str]) -> str:
    """One line for all, and one for each word of confidence."""
    lines = []
    for level in ("all", "good", "fair", "poor"):
        chosen = [level in ("all", each) for each in levels]
        own = np.array(ratios)[chosen]
        if len(own):
            lines.append(
                f"{level}: {len(own)}, median {np.median(own):.2f}, {np.mean(own < 2):.0%} under 2,"
                f" {np.mean(own < 3):.0%} under 3, at most {own.max():.1f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
