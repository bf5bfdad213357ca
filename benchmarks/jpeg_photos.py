"""Photos as people have them restored with the true PSF: the default beside two plain methods.

    python benchmarks/jpeg_photos.py [--count 12]

``bsds500/val`` in colour, gamma as stored: blurred by valid convolution, noise before a Bayer
mosaic that is demosaicked bilinearly, 8 bits, JPEG of quality 70 to 95 with 4:2:0; PSF, noise and
quality in turn (see ``noise_jpeg.py``). Nothing but the PSF is told. PSNR in colour, clipped, on
the area less a border of half the PSF; the noise read over the root mean square of what came out
less the blurred photo. Only for reporting: nothing is chosen on it.

Rows go to ``docs/benchmarks/jpeg_photos.csv``; those that are there are skipped. The table is
printed as Markdown for ``docs/benchmarks/jpeg_photos.md``.
"""

from __future__ import annotations

import argparse
import csv
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from noise_jpeg import LEVELS, PSFS, QUALITIES, coded, demosaicked
from numpy.typing import NDArray
from PIL import Image
from protocol import photos
from scipy.signal import fftconvolve

import napari_deconv as nd
from napari_deconv.signal.noise_reading import read_noise

OUT = Path(__file__).parents[1] / "docs" / "benchmarks" / "jpeg_photos.csv"
METHODS = {
    "default": "auto",
    "Richardson-Lucy": "richardson-lucy",
    "hyper-Laplacian": "hyper-laplacian",
}
HEAD = ("photo", "psf", "noise", "quality", "noise_ratio", "blurred", *METHODS, "chosen")


def psnr(image: NDArray[np.uint8], truth: NDArray[np.float64], border: Sequence[int]) -> float:
    """In colour, on the area without a border."""
    inner = tuple(slice(n, -n) for n in border)
    return float(nd.metrics.psnr(image[inner], truth[inner], data_range=255))


def row(number: int, path: Path) -> list[str]:
    """What the table gets of a photo."""
    psf, level = PSFS[number % len(PSFS)], LEVELS[number % len(LEVELS)]
    quality = QUALITIES[(number + number // len(QUALITIES)) % len(QUALITIES)]
    kernel = psf()
    rgb = np.asarray(Image.open(path).convert("RGB"), np.float64)
    ring = [n // 2 for n in kernel.shape]
    clean = fftconvolve(rgb, kernel[..., None], "valid", axes=(0, 1))
    noisy = clean + np.random.default_rng(number).normal(0, level, clean.shape)
    seen = coded(demosaicked(noisy), quality)
    truth = rgb[tuple(slice(n, side - n) for n, side in zip(ring, rgb.shape, strict=False))]
    read = read_noise(np.moveaxis(seen, -1, 0)).level / np.sqrt(np.mean((seen - clean) ** 2))
    figures, chosen = [psnr(seen, truth, [max(1, n) for n in ring])], []
    for method in METHODS.values():
        result = nd.drain(nd.stream(method, seen, kernel, axes="YXS", device="cpu"))
        figures.append(psnr(result.data, truth, [max(1, n) for n in ring]))
        chosen.append(result.recipe["method"]["name"])
    return [path.stem, str(psf), f"{level:g}", str(quality), f"{read:.3f}",
            *(f"{value:.3f}" for value in figures), chosen[0]]  # fmt: skip


def table(rows: list[dict[str, str]]) -> str:
    """Means, and every photo."""
    names = ("blurred", *METHODS)
    lines = [
        "| photo | PSF | noise | JPEG | noise read, of true | " + " | ".join(names) + " |",
        "|---|---|---:|---:|---:|" + "---:|" * len(names),
    ]
    for each in rows:
        cells = [each[k] for k in ("photo", "psf", "noise", "quality")]
        values = [f"{float(each[name]):.2f}" for name in names]
        lines.append(
            "| " + " | ".join([*cells, f"{float(each['noise_ratio']):.2f}", *values]) + " |"
        )
    means = [f"**{np.mean([float(r[name]) for r in rows]):.2f}**" for name in names]
    near = np.mean([abs(float(r["noise_ratio"]) - 1) <= 0.2 for r in rows])
    lines.append(
        f"| mean of {len(rows)} | | | | {100 * near:.0f} % within 20 % | "
        + " | ".join(means)
        + " |"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=12)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    files = photos("val", step=100 // given.count)[: given.count]
    done = list(csv.DictReader(OUT.open(newline=""))) if OUT.exists() else []
    with OUT.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        if not done:
            writer.writerow(HEAD)
        for number, path in enumerate(files):
            if path.stem not in {r["photo"] for r in done}:
                writer.writerow(row(number, path))
                handle.flush()
    print(table(list(csv.DictReader(OUT.open(newline="")))))


if __name__ == "__main__":
    main()
