"""Methods side by side: PSNR, SSIM and seconds on ``bsds500/val``.

The protocol of ``protocol.py``: image i with kernel i mod 8 of Levin et al., 1, 3 and 5 % noise.
Every method gets the blurred image and the PSF and nothing else: the noise level is estimated.
With ``--search`` the hyper-Laplacian also runs over fixed weights, the same for all images of a
level on the scale of the photo (white is 1), to say what the automatic weight loses against the
best of them.

    python benchmarks/classical.py [--images 100] [--methods wiener tv] [--search] [--threads 2]

Adds a row per image to ``docs/benchmarks-classical.csv``, skipping rows that are there already, and
writes the table ``docs/benchmarks-classical.md`` from all of them.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

import torch
from protocol import NOISE, Scene, interval, levin_kernels, photos, scene

from napari_deconv.core.axes import parse_axes
from napari_deconv.core.engine import drain, stream
from napari_deconv.core.intensity import survey
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.hyper_laplacian import automatic_weight

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks-classical"
FIELDS = ("method", "noise", "image", "kernel", "psnr_db", "ssim", "seconds")
DEFAULT = ("wiener", "tikhonov", "richardson-lucy", "ird", "tv", "sparse", "hyper-laplacian")
FACTORS = tuple(2.0 ** (k / 3) for k in range(-3, 4))
FIXED = "hyper-laplacian, fixed "
Key = tuple[str, float]


def rows() -> list[dict[str, str]]:
    path = OUT.with_suffix(".csv")
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(labels: dict[str, Method | None], images: int, level: float) -> None:
    """Run what is not in the CSV yet, image by image; None stands for the blurred image itself."""
    path, psfs = OUT.with_suffix(".csv"), levin_kernels()
    done = {(r["method"], float(r["noise"]), r["image"]) for r in rows()}
    new = not path.exists()
    with path.open("a", newline="") as file:
        out = csv.DictWriter(file, FIELDS)
        if new:
            out.writeheader()
        for i, photo in enumerate(photos("val")[:images]):
            wanted = {k: m for k, m in labels.items() if (k, level, photo.stem) not in done}
            if not wanted:
                continue
            case = scene(photo, psfs[i % 8], level, seed=i)
            for label, method in wanted.items():
                if label.startswith(FIXED):
                    method = with_weight(case, float(label.removeprefix(FIXED)))
                began = time.perf_counter()
                estimate = case.blurred
                if method is not None:
                    estimate = drain(stream(method, case.blurred, case.psf, device="cpu")).data
                spent = time.perf_counter() - began
                psnr_db, ssim = case.score(estimate)
                figures = f"{psnr_db:.4f}", f"{ssim:.5f}", f"{spent:.3f}"
                values = (label, level, photo.stem, i % 8 + 1, *figures)
                out.writerow(dict(zip(FIELDS, values, strict=True)))
            file.flush()


def with_weight(case: Scene, weight: float) -> Method:
    """The hyper-Laplacian with a weight that holds on the photo's scale, not on the unit scale."""
    scale = survey(case.blurred, parse_axes(case.blurred.shape, None, 2))[0].scale
    # |x|^2 + weight |x|^alpha: intensities divided by the scale ask for another weight.
    return Method.make("hyper-laplacian", weight=weight * scale ** (2 / 3 - 2))


def table(threads: int) -> str:
    """Everything in the CSV as Markdown."""
    found: dict[Key, list[dict[str, str]]] = defaultdict(list)
    for row in rows():
        found[row["method"], float(row["noise"])].append(row)
    plain = [key for key in found if not key[0].startswith(FIXED)]
    lines = [
        "# Methods side by side on photos",
        "",
        "`bsds500/val`, gray, image i with kernel i mod 8 of Levin et al. 2009 (nos. 4 and 8 as in "
        "the MATLAB file), valid blur, Gaussian noise not clipped, scored on the area the blurred "
        "image covers less half the kernel on every side; PSNR of the estimate clipped to [0, 1], "
        "SSIM 11x11, sigma 1.5. The methods get the blurred image and the PSF; the noise level is "
        "estimated. Mean over n images with the bootstrap 95 % interval; median seconds per "
        f"481x321 image on {threads} CPU thread(s) of a busy machine. Made by "
        "`python benchmarks/classical.py`; one row per image in the CSV beside it.",
        "",
        "| noise | method | PSNR (dB) | SSIM | seconds | n |",
        "|---|---|---|---|---|---|",
    ]
    for key in sorted(plain, key=lambda k: (k[1], interval(column(found[k], "psnr_db"))[0])):
        lines.append(line(key, found[key]))
    return "\n".join([*lines, *searched(found), ""])


def column(part: list[dict[str, str]], key: str) -> list[float]:
    return [float(row[key]) for row in part]


def line(key: Key, part: list[dict[str, str]]) -> str:
    p, p_low, p_high = interval(column(part, "psnr_db"))
    s, s_low, s_high = interval(column(part, "ssim"))
    seconds = sorted(column(part, "seconds"))[len(part) // 2]
    return (
        f"| {key[1]:.0%} | {key[0]} | {p:.2f} ({p_low:.2f} to {p_high:.2f}) "
        f"| {s:.3f} ({s_low:.3f} to {s_high:.3f}) | {seconds:.2f} | {len(part)} |"
    )


def searched(found: dict[Key, list[dict[str, str]]]) -> list[str]:
    """The automatic weight against the best fixed one, on the images that both have seen."""
    lines = [
        "",
        "## Hyper-Laplacian: automatic against best fixed weight",
        "",
        "The fixed weights are on the scale of the photo, where white is 1.",
        "",
        "| noise | automatic (dB) | best fixed (dB) | its weight | automatic - best (dB) | n |",
        "|---|---|---|---|---|---|",
    ]
    for level in NOISE:
        own = {r["image"]: float(r["psnr_db"]) for r in found["hyper-laplacian", level]}
        fixed = {
            k[0]: part for k, part in found.items() if k[0].startswith(FIXED) and k[1] == level
        }
        if not fixed or not own:
            continue
        common = set(own).intersection(*({r["image"] for r in part} for part in fixed.values()))
        means = {
            label: interval([float(r["psnr_db"]) for r in part if r["image"] in common])[0]
            for label, part in fixed.items()
        }
        best = max(means, key=lambda label: means[label])
        mean = interval([own[image] for image in common])[0]
        weight = best.removeprefix(FIXED)
        lines.append(
            f"| {level:.0%} | {mean:.3f} | {means[best]:.3f} | {weight} "
            f"| {mean - means[best]:+.3f} | {len(common)} |"
        )
    return lines if len(lines) > 7 else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--methods", nargs="*", default=DEFAULT)
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    methods()
    for level in NOISE:
        chosen: dict[str, Method | None] = {"(blurred)": None}
        chosen |= {name: Method.make(name) for name in given.methods}
        if given.search:
            for factor in FACTORS:
                chosen[f"{FIXED}{factor * automatic_weight(level, '2/3'):.3g}"] = None
        run(chosen, given.images, level)
        OUT.with_suffix(".md").write_text(table(given.threads))
    print(OUT.with_suffix(".md").read_text())


if __name__ == "__main__":
    main()
