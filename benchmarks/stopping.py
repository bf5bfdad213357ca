"""Where Richardson-Lucy stops by itself, against its best iteration and against 30 of them.

Photos of the training set with generated PSFs and Gaussian noise, generated stacks with photon
noise, and the bars phantom, which was used for nothing but this table. Run
``python benchmarks/stopping.py``; it writes ``docs/benchmarks/stopping.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from protocol import DATA, photos, scene
from stacks import stacks

from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import CameraShake, Disk, Gaussian, Motion
from napari_deconv.restoration.richardson_lucy import MOST, RichardsonLucy

TABLES = {"Plain": False, "Accelerated": True}
OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "stopping.md"
Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Case:
    """A blurred image, its PSF and truth, and how PSNR is taken."""

    group: str
    image: Image
    psf: Image
    truth: Image
    peak: float
    border: tuple[int, ...]

    def psnr(self, estimate: Image) -> float:
        inner = tuple(slice(b, n - b) for b, n in zip(self.border, self.truth.shape, strict=True))
        if self.peak == 1:
            estimate = np.clip(estimate, 0, 1)
        gap = estimate[inner].astype(np.float64) - self.truth[inner]
        return float(10 * np.log10(self.peak**2 / np.mean(gap**2)))


def psfs() -> list[Image]:
    return [
        Disk(radius_px=2.5)(),
        CameraShake(size_px=17, seed=3)(),
        Gaussian(sigma_px=1.6)(),
        Motion(length_px=13, angle_deg=35)(),
        CameraShake(size_px=25, seed=5)(),
        Disk(radius_px=5)(),
        CameraShake(size_px=13, seed=9)(),
        Gaussian(sigma_px=2.6)(),
    ]


def photo_cases(count: int) -> Iterator[Case]:
    if not count:
        return
    every = photos("train")
    for i, path in enumerate(every[7 :: len(every) // count][:count]):
        psf = psfs()[i % 8]
        border = tuple(n // 2 for n in psf.shape)
        for noise in (0.002, 0.01, 0.03, 0.05):
            made = scene(path, psf, noise, seed=i)
            yield Case(f"photos, noise {noise:.1%}", made.blurred, psf, made.truth, 1.0, border)


def stack_cases(seeds: int) -> Iterator[Case]:
    for seed in range(seeds):
        for made in stacks(100 + seed):
            group = f"{made.kind}, {made.photons} photons"
            yield Case(group, made.image, made.psf, made.truth, float(made.truth.max()), (0, 0, 0))


def bars() -> Case:
    """Flowdec's phantom; its light came round from the opposite borders."""
    folder = DATA / "microscopy" / "bars"
    image, truth, psf = (load(folder, name) for name in ("data", "actual", "kernel"))
    truth *= image.sum() / truth.sum()  # the truth is on another scale
    return Case("bars", image, psf, truth, float(truth.max()), (0, 0, 0))


def load(folder: Path, name: str) -> Image:
    import tifffile

    found = next(p for p in sorted(folder.iterdir()) if p.stem == name)
    array = np.load(found) if found.suffix == ".npy" else tifffile.imread(found)
    return np.asarray(array, np.float32)


def judged(case: Case, accelerate: bool) -> tuple[float, float, int, int, float]:
    """Best PSNR, the automatic stop's, the counts of both, and PSNR after 30."""
    axes, told = "ZYX"[-case.image.ndim :], {"noise": 0.0, "device": "cpu"}
    auto = drain(
        stream(RichardsonLucy(accelerate=accelerate), case.image, case.psf, axes=axes, **told)
    )
    curve: list[float] = []
    most = RichardsonLucy(iterations=MOST, accelerate=accelerate)
    for step in stream(most, case.image, case.psf, axes=axes, **told):
        estimate = step.preview()
        assert estimate is not None
        curve.append(case.psnr(estimate[0]))
        if len(curve) > 40 and curve[-1] < max(curve) - 2:
            break
    best = int(np.argmax(curve))
    count = auto.recipe["chosen"]["iterations"]
    return curve[best], case.psnr(auto.data), best + 1, count, curve[min(29, len(curve) - 1)]


def table(cases: Iterator[Case], accelerate: bool) -> Iterator[str]:
    """Lines of a table, each as soon as its group is done."""
    yield (
        "| | n | best, dB | lost by the automatic stop: mean | at most | iterations, best | chosen "
        "| lost by 30 iterations: mean | at most |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for group, members in groupby(sorted(cases, key=lambda case: case.group), attrgetter("group")):
        rows = [judged(case, accelerate) for case in members]
        best, auto, at, count, fixed = map(np.array, zip(*rows, strict=True))
        yield (
            f"| {group} | {len(rows)} | {best.mean():.2f} | {(best - auto).mean():.2f} "
            f"| {(best - auto).max():.2f} | {np.median(at):.0f} | {np.median(count):.0f} "
            f"| {(best - fixed).mean():.2f} | {(best - fixed).max():.2f} |"
        )


def every(options: argparse.Namespace) -> Iterator[Case]:
    yield bars()
    yield from stack_cases(options.seeds)
    yield from photo_cases(options.photos)


def again(options: argparse.Namespace) -> None:
    """Measure some rows and put them in the place of those in the page."""
    lines = OUT.read_text().splitlines()
    for title, accelerate in TABLES.items():
        cases = (x for x in every(options) if f"{title}: {x.group}".startswith(options.only))
        for line in list(table(cases, accelerate))[2:]:
            name, start = line[: line.index("|", 1) + 1], lines.index(f"## {title}")
            at = next(i for i in range(start, len(lines)) if lines[i].startswith(name))
            lines[at] = line
            print(line, flush=True)
    OUT.write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default="", help="measure the rows that begin so")
    options = parser.parse_args()
    if options.only:
        again(options)
        return
    given = f"--photos {options.photos} --seeds {options.seeds}"
    lines = [
        f"""# Where Richardson-Lucy stops

Written by `python benchmarks/stopping.py {given}`. The stop is chosen without the truth: a tenth of
the pixels of a part of the image is held out, and the iterations are those that predict them best
(less a tenth on planes, a third more on stacks). "Best" is the iteration of highest PSNR, found
with the truth, of at most {MOST}. Iterations are medians. Photos are whole images of the training
set under the benchmark protocol with generated PSFs; stacks are generated (`benchmarks/stacks.py`,
seeds that the rule was not chosen on), 20 x 56 x 56 voxels, a wide-field PSF, with photons at the
brightest voxel of the sharp object; `bars` is flowdec's. The photos' PSNR is taken inside the
border of the protocol, the stacks' everywhere, with their maximum as peak."""
    ]
    for title, accelerate in TABLES.items():
        lines += ["", f"## {title}", ""]
        for line in table(every(options), accelerate):
            lines.append(line)
            print(line, flush=True)
            OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
