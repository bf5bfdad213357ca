"""PSFs estimated from the image: what restoring loses by them, and how near parameters come.

The protocol of ``protocol.py`` at 1 % noise, the noise level told to nobody.

``shake``: every image with every one of the eight kernels of Levin et al. (nos. 4 and 8 as in the
MATLAB file), or with ``--part train`` kernels of the camera-shake generator. The image is restored
with the estimated and with the true PSF; the ratio of the squared errors is the figure. A PSF is
known up to a shift only, so both are aligned to the truth first: up to 10 pixels, then by quarters
of a pixel, and scored on the area that every shift covers.

``families``: Gaussian sigma 0.8 to 4, disk radius 2 to 12, motion length 5 to 40 in all directions,
drawn uniformly per image; the error of the parameter, and whether ``family="auto"`` is right. With
``--part jpeg`` on free photos as people have them, in colour, one family each: sigma 1 to 4, radius
3 to 10, length 5 to 40, noise 0.5 to 4 of 255, for every other one before a mosaic, JPEG of quality
75 to 95.

``real``: the photos of ``real_blurred``, restored with our kernel and with the one that came with
them, side by side in ``docs/images``.

``time``: 800 x 600 pixels, kernel up to 35, two threads of the CPU, or a GPU where there is one;
to be run while nothing else does.

    python benchmarks/psf_estimation.py shake [--part val] [--images 40] [--methods hyper-laplacian]

Every row goes to ``docs/benchmarks/psf_estimation.csv``; rows that are there are skipped.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from noise_jpeg import coded, demosaicked
from numpy.typing import NDArray
from PIL import Image
from protocol import DATA, photos, scene
from scipy.ndimage import shift
from scipy.signal import fftconvolve

from napari_deconv import deconvolve
from napari_deconv.estimation import Estimate, estimate
from napari_deconv.psf import PSF, CameraShake, Disk, Gaussian, Motion

DOCS = Path(__file__).resolve().parent.parent / "docs"
OUT = DOCS / "benchmarks" / "psf_estimation.csv"
FIELDS = ("task", "part", "image", "kernel", "method", "value", "detail", "family", "seconds")
NOISE = 0.01
REACH_PX = 10
Row = dict[str, Any]


def kernels(part: str, image: int) -> dict[str, NDArray[np.float32]]:
    """The true kernels of an image: Levin's for ``val``, generated ones for ``train``."""
    if part == "val":
        with np.load(DATA / "levin09_kernels.npz") as file:
            return {f"levin {i}": file[f"kernel{i}"] for i in range(1, 9)}
    rng = np.random.default_rng((7, image))
    specs = [CameraShake(size_px=int(rng.integers(13, 31)), seed=8 * image + i) for i in range(8)]
    return {str(spec): spec() for spec in specs}


def aligned_error(
    x: NDArray[np.float32], truth: NDArray[np.float32], border: tuple[int, ...]
) -> float:
    """Least mean squared error over shifts of up to `REACH_PX`, in quarters of a pixel."""
    rows, columns = (slice(b + REACH_PX, -(b + REACH_PX)) for b in border)
    inner = truth[rows, columns].astype(np.float64)
    x = np.clip(x, 0, 1).astype(np.float64)
    near = x[border[0] : -border[0], border[1] : -border[1]]
    cross = fftconvolve(near, inner[::-1, ::-1], "valid")
    errors = fftconvolve(near**2, np.ones_like(inner), "valid") - 2 * cross
    coarse = np.array(np.unravel_index(errors.argmin(), errors.shape)) - REACH_PX
    fine = np.arange(-0.75, 0.76, 0.25)
    shifts = [coarse + np.array([dy, dx]) for dy in fine for dx in fine]
    moved = (shift(x, -s, order=3, mode="nearest")[rows, columns] for s in shifts)
    return min(float(np.mean(np.square(m - inner))) for m in moved)


def shake(part: str, images: int, methods: list[str], done: set[tuple[str, ...]]) -> Iterator[Row]:
    """Ratios of squared errors."""
    for i, path in enumerate(photos(part)[:images]):
        for label, psf in kernels(part, i).items():
            todo = [m for m in methods if ("shake", part, path.stem, label, m) not in done]
            if not todo:
                continue
            case = scene(path, psf, NOISE, seed=i)
            began = time.perf_counter()
            found = estimate(case.blurred, family="camera-shake", device="cpu")
            spent = time.perf_counter() - began
            border = tuple(n // 2 for n in psf.shape)
            for method in todo:
                ours, best = (
                    aligned_error(
                        deconvolve(case.blurred, k, method, device="cpu"), case.truth, border
                    )
                    for k in (found.psf, psf)
                )
                yield {
                    "task": "shake", "part": part, "image": path.stem, "kernel": label,
                    "method": method, "value": f"{ours / best:.4f}",
                    "detail": f"{-10 * np.log10(ours):.3f} {-10 * np.log10(best):.3f}",
                    "family": found.confidence.level, "seconds": f"{spent:.2f}",
                }  # fmt: skip


def families(part: str, images: int, done: set[tuple[str, ...]]) -> Iterator[Row]:
    """Relative errors of sigma, radius and length, and of the direction in degrees."""
    for i, path in enumerate(files(part)[:images]):
        for spec in drawn(i, part):
            if ("families", part, path.stem, str(spec), "auto") in done:
                continue
            seen = coded_photo(path, spec, i) if part == "jpeg" else scene(path, spec(), NOISE, i)
            image = seen if isinstance(seen, np.ndarray) else seen.blurred
            began = time.perf_counter()
            own = estimate(image, family=spec.name, device="cpu")
            whole = estimate(image, device="cpu")
            error, angle = parameter_error(own, spec)
            yield {
                "task": "families", "part": part, "image": path.stem, "kernel": str(spec),
                "method": "auto", "value": f"{error:.4f}", "detail": f"{angle:.3f}",
                "family": whole.family, "seconds": f"{time.perf_counter() - began:.2f}",
            }  # fmt: skip


def files(part: str) -> list[Path]:
    """The photos of a part; those of ``jpeg`` in an order that mixes their sources."""
    if part != "jpeg":
        return photos(part)
    free = sorted(f for f in (DATA / "free_photos").iterdir() if f.suffix in (".jpg", ".png"))
    # The first 24 were looked at when the noise of JPEG by frequency was made.
    return [free[i] for i in np.random.default_rng(6).permutation(len(free))[24:]]


def coded_photo(path: Path, spec: PSF, image: int) -> NDArray[np.uint8]:
    """A photo blurred, with noise and JPEG."""
    rng = np.random.default_rng((31, image))
    rgb = np.asarray(Image.open(path).convert("RGB"), np.float64)[:640, :800]
    clean = fftconvolve(rgb, spec()[..., None], "valid", axes=(0, 1))
    noisy = clean + rng.normal(0, rng.choice([0.5, 1, 2, 4]), clean.shape)
    return coded(demosaicked(noisy) if image % 2 else noisy, int(rng.choice([75, 80, 85, 90, 95])))


def drawn(image: int, part: str) -> tuple[PSF, ...]:
    """One of each family, or of one in turn."""
    rng = np.random.default_rng((11, image))
    ranges = ((1, 4), (3, 10)) if part == "jpeg" else ((0.8, 4), (2, 12))
    sigma, radius = (round(rng.uniform(*limits), 3) for limits in ranges)
    length, angle = round(rng.uniform(5, 40), 3), round(rng.uniform(0, 180), 2)
    specs = (
        Gaussian(sigma_px=sigma), Disk(radius_px=radius),
        Motion(length_px=length, angle_deg=angle),
    )  # fmt: skip
    return specs[image % 3 :][:1] if part == "jpeg" else specs


def parameter_error(found: Estimate, spec: PSF) -> tuple[float, float]:
    key = {"gaussian": "sigma_px", "disk": "radius_px", "motion": "length_px"}[spec.name]
    error = abs(getattr(found.spec, key) / getattr(spec, key) - 1)
    if not isinstance(spec, Motion) or not isinstance(found.spec, Motion):
        return error, 0.0
    return error, abs((found.spec.angle_deg - spec.angle_deg + 90) % 180 - 90)


def real(names: list[str]) -> None:
    """Blurred, with our kernel, with theirs; of the photos named, or all."""
    for path in sorted((DATA / "real_blurred").glob("*_kernel.png")):
        if names and path.stem.removesuffix("_kernel") not in names:
            continue
        name = path.stem.removesuffix("_kernel")
        photo = np.asarray(Image.open(path.with_name(f"{name}.png")).convert("RGB"))
        theirs = np.asarray(Image.open(path).convert("L"), dtype=np.float32)
        found = estimate(photo, family="camera-shake", device="cpu")
        parts = [photo]
        for kernel in (found.psf, theirs / theirs.sum()):
            parts.append(deconvolve(photo, kernel, "hyper-laplacian", axes="YXS", device="cpu"))
        insets = (None, found.psf, theirs)
        picture = np.hstack([inset(p, k) for p, k in zip(parts, insets, strict=True)])
        Image.fromarray(picture).save(DOCS / "images" / f"estimated-{name}.jpg", quality=88)
        print(name, found.psf.shape, found.confidence)


def inset(photo: NDArray[np.uint8], kernel: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    """A photo with its kernel in the corner."""
    out = np.array(photo)
    if kernel is not None:
        side = np.sqrt(kernel / kernel.max())
        rows, columns = (min(n, m) for n, m in zip(side.shape, out.shape, strict=False))
        out[:rows, :columns] = (255 * side[:rows, :columns, None]).astype(np.uint8)
    return out


def timed() -> None:
    """Seconds for a photo of 800 x 600."""
    from skimage.data import coffee
    from skimage.transform import resize

    torch.set_num_threads(2)
    sharp = resize(coffee().mean(-1) / 255, (634, 834))
    psf = CameraShake(size_px=35, seed=1)()
    photo = fftconvolve(sharp, psf, "valid")
    photo = (photo + np.random.default_rng(0).normal(0, NOISE, photo.shape)).astype(np.float32)
    for device in ("cpu", *(["cuda"] if torch.cuda.is_available() else [])):
        began = time.perf_counter()
        found = estimate(photo, size=35, family="camera-shake", device=device)
        spent = time.perf_counter() - began
        print(f"{photo.shape} on {device}: {spent:.1f} s, {found.confidence.level}")


def rows() -> list[Row]:
    if not OUT.exists():
        return []
    with OUT.open(newline="") as file:
        return list(csv.DictReader(file))


def told() -> str:
    """All rows as a few lines."""
    lines = []
    found = rows()
    for task, part, method in sorted({(r["task"], r["part"], r["method"]) for r in found}):
        chosen = [r for r in found if (r["task"], r["part"], r["method"]) == (task, part, method)]
        if task == "shake":
            lines.append(shake_line(part, method, chosen))
            continue
        for name in ("Gaussian", "Disk", "Motion"):
            own = [r for r in chosen if r["kernel"].startswith(name)]
            if own:
                error = np.median([float(r["value"]) for r in own])
                angle = np.median([float(r["detail"]) for r in own])
                right = np.mean([r["family"] == name.lower() for r in own])
                lines.append(
                    f"{part} {name}: median error {error:.1%}, {angle:.2f} degrees, family right "
                    f"in {right:.0%} of {len(own)}"
                )
    return "\n".join(lines)


def shake_line(part: str, method: str, chosen: list[Row]) -> str:
    ratios = np.array([float(r["value"]) for r in chosen])
    psnrs = np.array([[float(v) for v in r["detail"].split()] for r in chosen]).mean(0)
    images = len({r["image"] for r in chosen})
    return (
        f"{part} {method}: median ratio {np.median(ratios):.2f}, {np.mean(ratios < 3):.0%} under 3,"
        f" PSNR {psnrs[1]:.2f} -> {psnrs[0]:.2f} dB; {len(ratios)} cases of {images} images"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("shake", "families", "real", "time", "told"))
    parser.add_argument("--part", choices=("train", "val", "jpeg"), default="val")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--methods", nargs="*", default=["hyper-laplacian", "fcnn"])
    parser.add_argument("--photos", nargs="*", default=[], help="of `real` [default all]")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if given.task == "real":
        real(given.photos)
    elif given.task == "time":
        timed()
        return
    elif given.task != "told":
        keys = ("task", "part", "image", "kernel", "method")
        done = {tuple(r[k] for k in keys) for r in rows()}
        if given.task == "shake":
            work = shake(given.part, given.images, given.methods, done)
        else:
            work = families(given.part, given.images, done)
        new = not OUT.exists()
        with OUT.open("a", newline="") as file:
            out = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if new:
                out.writeheader()
            for row in work:
                out.writerow(row)
                file.flush()
    print(told())


if __name__ == "__main__":
    main()
