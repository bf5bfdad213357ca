"""The network for stacks beside Richardson-Lucy, on structures that it never learned from.

``python benchmarks/stacks_network.py scenes|wrong-psf|measures|files|time [--weights FILE]``;
``files`` wants the folder with ``bars`` and ``bead`` behind it. Tables go to standard output;
``--methods`` names the rows, ``--seed`` the first stack of each kind and ``--count`` how many.

Five families: beads, filaments and nuclei of `stacks`, whose generator is not the one that trains,
and two that are in no training: hollow tubes, and a sponge of two phases. Seeds from 7000 on have
chosen between weights; figures to be published are of others.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.signal import fftconvolve
from stacks import VOXEL_UM, structure

from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Confocal, WideField
from napari_deconv.restoration.base import Method, methods

Array = NDArray[np.float32]

SHAPE, PSF_SHAPE = (20, 64, 64), (21, 33, 33)
FULL = tuple(n + k - 1 for n, k in zip(SHAPE, PSF_SHAPE, strict=True))
WINDOW = tuple(slice(k // 2, k // 2 + n) for n, k in zip(SHAPE, PSF_SHAPE, strict=True))
BACKGROUND = 0.05
FAMILIES = ("beads", "filaments", "nuclei", "tubes", "sponge")
PHOTONS = (20, 50, 200, 1000)
MOST = 200


@dataclass(frozen=True, eq=False)
class Scene:
    """A stack in photons, and what was there.

    Parameters
    ----------
    image, truth : ndarray
        float32 ``(Z, Y, X)`` in photons; light from beyond the borders is in the image.
    psf : ndarray
        What blurred it.
    """

    image: Array
    truth: Array
    psf: Array


Restorer = Callable[[Scene], Array]


def microscopes() -> dict[str, Array]:
    """Two microscopes of usual apertures; those of the training are drawn at random."""
    optics = {"refractive_index_immersion": 1.333, "refractive_index_sample": 1.333}
    wide = WideField(numerical_aperture=0.8, emission_nm=525.0, **optics)
    confocal = Confocal(
        numerical_aperture=0.9, emission_nm=525.0, excitation_nm=488.0, pinhole_airy=1.0, **optics
    )
    return {"wide-field": wide(PSF_SHAPE, VOXEL_UM), "confocal": confocal(PSF_SHAPE, VOXEL_UM)}


def sharp(family: str, seed: int) -> NDArray[np.float64]:
    """An object on the grid of image and PSF together; its maximum is 1."""
    rng = np.random.default_rng(seed)
    if family in ("beads", "filaments", "nuclei"):
        return structure(family, FULL, rng)
    z, y, x = (
        np.reshape(np.arange(n) * d, [-1 if a == i else 1 for a in range(3)])
        for i, (n, d) in enumerate(zip(FULL, VOXEL_UM, strict=True))
    )
    if family == "sponge":
        size = rng.uniform(1.2, 2.2)
        turned = [gaussian_filter(rng.normal(size=FULL), [size / 3 / v for v in VOXEL_UM])] * 1
        field = turned[0] / turned[0].std()
        made = 1 / (1 + np.exp(-8 * (field - 0.3)))
        return made / made.max()
    made = np.zeros(FULL)
    for _ in range(9):
        angle, tilt = rng.uniform(0, np.pi), rng.normal(0, 0.15)
        along = np.array([tilt, np.sin(angle), np.cos(angle)])
        along /= np.linalg.norm(along)
        start = rng.uniform(0.1, 0.9, 3) * np.array(FULL) * VOXEL_UM
        away = [z - start[0], y - start[1], x - start[2]]
        projected = sum(a * c for a, c in zip(away, along, strict=True))
        r = np.sqrt(sum((a - projected * c) ** 2 for a, c in zip(away, along, strict=True)))
        made += rng.uniform(0.3, 1) * np.exp(-0.5 * ((r - rng.uniform(0.25, 0.5)) / 0.07) ** 2)
    return made / made.max()


def seen(objects: NDArray[np.float64], psf: Array, photons: float, seed: int) -> Scene:
    """Blur, background and photons: so many at the brightest voxel, less the background."""
    blurred = fftconvolve(objects, psf.astype(np.float64), mode="valid").clip(0)
    scale = photons / blurred.max()
    level = BACKGROUND * photons
    image = np.random.default_rng(seed).poisson(blurred * scale + level).astype(np.float32)
    return Scene(image, (objects[WINDOW] * scale + level).astype(np.float32), psf)


def psnr(found: Array, truth: Array) -> float:
    """Over the brightest voxel of the truth, in dB."""
    return float(10 * np.log10(truth.max() ** 2 / np.mean((found - truth) ** 2)))


def ncc(found: Array, truth: Array) -> float:
    """Normalised cross-correlation."""
    return float(np.corrcoef(found.ravel(), truth.ravel())[0, 1])


def contestants(weights: str) -> dict[str, Restorer]:
    """Every method, as a function of a scene."""

    def plain(name: str, **fields: object) -> Restorer:
        method = Method.make(name, **fields)
        return lambda scene: (
            drain(stream(method, scene.image, scene.psf, spacing=VOXEL_UM, device="cpu")).data
        )

    return {
        "blurred": lambda scene: scene.image,
        "RL, automatic": plain("richardson-lucy"),
        "RL, best": oracle,
        "RL-TV": plain("richardson-lucy", tv=0.01),
        "TV": plain("tv"),
        "network": plain("unrolled-3d", weights=weights),
        "network, 40 last": plain("unrolled-3d", weights=weights, last_iterations=40),
    }


def oracle(scene: Scene) -> Array:
    """Richardson-Lucy at the iteration whose PSNR, known by the truth, is best."""
    best, reached, found = -np.inf, 0, scene.image
    method = Method.make("richardson-lucy", iterations=MOST)
    for count, step in enumerate(stream(method, scene.image, scene.psf, device="cpu")):
        shown = step.preview()
        assert shown is not None
        score = psnr(shown[0], scene.truth)
        if score > best:
            best, reached, found = score, count, shown[0].copy()  # which the next step changes
        elif count > reached + 20:  # it only falls from there
            break
    return found


def scenes(
    restorers: Mapping[str, Restorer], seeds: range, levels: Sequence[float] = PHOTONS
) -> None:
    """PSNR, NCC and flux over the true one by microscope, photons and family."""
    for microscope, psf in microscopes().items():
        for photons in levels:
            rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in restorers}
            for family in FAMILIES:
                for seed in seeds:
                    scene = seen(sharp(family, seed), psf, photons, seed + 1)
                    for name, restore in restorers.items():
                        found = restore(scene)
                        flux = float(found.sum() / scene.truth.sum())
                        score = (psnr(found, scene.truth), ncc(found, scene.truth), flux)
                        rows[name].append(score)
            print(f"\n{microscope}, {photons:g} photons\n")
            print(f"| method | {' | '.join(FAMILIES)} | mean PSNR | mean NCC | flux |")
            print("|" + "---|" * (len(FAMILIES) + 4))
            for name, scores in rows.items():
                table = np.array(scores).reshape(len(FAMILIES), len(seeds), 3).mean(1)
                own = " | ".join(f"{value:.2f}" for value in table[:, 0])
                flux = np.array(scores)[:, 2]
                worst = flux[np.abs(flux - 1).argmax()]
                print(
                    f"| {name} | {own} | {table[:, 0].mean():.2f} | {table[:, 1].mean():.3f} "
                    f"| {worst:.3f} |",
                    flush=True,
                )


def wrong_psf(restorers: Mapping[str, Restorer], seeds: range) -> None:
    """What a PSF that is too wide or too narrow costs in dB, network and Richardson-Lucy's best."""
    print("\n| microscope | told | RL, best | network |\n|---|---|---|---|")
    for microscope, psf in microscopes().items():
        for factor in (0.9, 1.1):
            told = _stretched(psf, factor)
            lost: dict[str, list[float]] = {"RL, best": [], "network": []}
            for family in FAMILIES:
                for seed in seeds:
                    right = seen(sharp(family, seed), psf, 200, seed + 1)
                    wrong = Scene(right.image, right.truth, told)
                    for name, values in lost.items():
                        scores = [psnr(restorers[name](s), s.truth) for s in (right, wrong)]
                        values.append(scores[1] - scores[0])
            shown = " | ".join(f"{np.mean(values):+.2f}" for values in lost.values())
            print(f"| {microscope} | x {factor} | {shown} |", flush=True)


def _stretched(psf: Array, factor: float) -> Array:
    from scipy.ndimage import affine_transform

    middle = np.array(psf.shape) // 2
    wide = affine_transform(psf.astype(float), [1 / factor] * 3, middle * (1 - 1 / factor), order=3)
    wide = wide.clip(0)
    return (wide / wide.sum()).astype(np.float32)


def measures(restorers: Mapping[str, Restorer], seeds: range) -> None:
    """What is published of beads and filaments: found, invented, place, flux, width, linearity."""
    for microscope, psf in microscopes().items():
        for photons in (50, 200, 1000):
            print(f"\n{microscope}, {photons} photons\n")
            print(
                "| method | F1 | place, nm | flux | flux exponent | bead FWHM | filament FWHM |\n"
                "|---|---|---|---|---|---|---|"
            )
            for name, restore in restorers.items():
                rows = []
                for seed in seeds:
                    rows.append(
                        [*_beads(restore, psf, photons, seed), *_lines(restore, psf, photons, seed)]
                    )
                f1, place, flux, power, bead, line = np.nanmean(np.array(rows), 0)
                print(
                    f"| {name} | {f1:.2f} | {place:.0f} | {flux:+.0%} | {power:.2f} | {bead:+.0%} "
                    f"| {line:+.0%} |",
                    flush=True,
                )


def _beads(restore: Restorer, psf: Array, photons: float, seed: int) -> tuple[float, ...]:
    """F1, error of place (nm), of flux, exponent of flux by true flux, error of FWHM (shares)."""
    rng = np.random.default_rng(seed)
    spots = _apart(rng, 14)
    bright = 2.0 ** rng.uniform(-2, 0, len(spots))
    truth = np.zeros(FULL)
    axes = [np.arange(n) for n in FULL]
    width = [0.08 / v for v in VOXEL_UM]
    for spot, value in zip(spots, bright, strict=True):
        z, y, x = (
            np.exp(-0.5 * ((a - p) / max(w, 0.5)) ** 2)
            for a, p, w in zip(axes, spot, width, strict=True)
        )
        truth += value * z[:, None, None] * y[:, None] * x
    scene = seen(truth, psf, photons, seed + 1)
    found = restore(scene).astype(np.float64)
    places = spots - [w.start for w in WINDOW]
    peaks, heights = _peaks(found)
    best = max(_score(peaks[heights >= cut], places) for cut in np.quantile(heights, _CUTS))
    ours = [_bead(found, place) for place in places]
    right = [_bead(scene.truth.astype(np.float64), place) for place in places]
    flux = np.array([a[0] / b[0] for a, b in zip(ours, right, strict=True)])
    power = np.polyfit(
        np.log([b[0] for b in right]), np.log(np.clip([a[0] for a in ours], 1e-3, None)), 1
    )[0]
    place = 1000 * np.median(
        [np.linalg.norm((a[1] - b[1]) * VOXEL_UM) for a, b in zip(ours, right, strict=True)]
    )
    wide = np.median([a[2] / b[2] - 1 for a, b in zip(ours, right, strict=True)])
    return best, float(place), float(np.median(flux) - 1), float(power), float(wide)


_CUTS = np.linspace(0, 1, 60)


def _apart(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Places within the window, at least ten pixels and six planes apart."""
    low = np.array([w.start + 3 for w in WINDOW])
    high = np.array([w.stop - 4 for w in WINDOW])
    low[1:] += 4
    high[1:] -= 4
    places: list[NDArray[np.float64]] = []
    while len(places) < count:
        place = rng.uniform(low, high)
        if all(np.linalg.norm((place - p) / (6, 12, 12)) > 1 for p in places):
            places.append(place)
    return np.array(places)


def _peaks(stack: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    smooth = gaussian_filter(stack, (0.4, 1, 1))
    top = (smooth == maximum_filter(smooth, (3, 5, 5))) & (smooth > np.median(smooth))
    return np.argwhere(top).astype(float), smooth[top]


def _score(peaks: NDArray[np.float64], places: NDArray[np.float64]) -> float:
    """F1, a peak counting for a bead within three pixels or 0.3 um, each once."""
    left = list(range(len(peaks)))
    hits = 0
    for place in places:
        gaps = [np.linalg.norm((peaks[i] - place) * VOXEL_UM) for i in left]
        if gaps and min(gaps) < 0.3:
            left.pop(int(np.argmin(gaps)))
            hits += 1
    return 2 * hits / max(1, len(peaks) + len(places))


def _bead(
    stack: NDArray[np.float64], place: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], float]:
    """Flux over the background around, centroid and FWHM across (from the second moment)."""
    middle = np.round(place).astype(int)
    reach = (2, 4, 4)
    box = stack[tuple(slice(max(0, m - r), m + r + 1) for m, r in zip(middle, reach, strict=True))]
    corner = np.array([max(0, m - r) for m, r in zip(middle, reach, strict=True)])
    rim = np.ones(box.shape, bool)
    rim[:, 1:-1, 1:-1] = False
    light = box - np.median(box[rim])
    flux = max(float(light.sum()), 1e-9)
    part = light.clip(0) / max(light.clip(0).sum(), 1e-9)
    grid = np.indices(box.shape)
    centre = (grid * part).sum((1, 2, 3))
    spread = [(part * (grid[a] - centre[a]) ** 2).sum() for a in (1, 2)]
    return flux, centre + corner, 2.355 * float(np.sqrt(max(np.mean(spread), 1e-6)))


def _lines(restore: Restorer, psf: Array, photons: float, seed: int) -> tuple[float]:
    """Error of the width of straight filaments, from the profile across, as a share."""
    rng = np.random.default_rng(seed)
    axes = [np.arange(n) for n in FULL]
    truth = np.zeros(FULL)
    places = []
    for i in range(3):
        place = (
            rng.uniform(WINDOW[0].start + 4, WINDOW[0].stop - 4),
            WINDOW[2].start + 12 + 19 * i + rng.uniform(-2, 2),
        )
        z, x = (
            np.exp(-0.5 * ((a - p) / max(0.06 / v, 0.5)) ** 2)
            for a, p, v in zip(axes[::2], place, VOXEL_UM[::2], strict=True)
        )
        truth += z[:, None, None] * np.ones((1, FULL[1], 1)) * x
        places.append((place[0] - WINDOW[0].start, place[1] - WINDOW[2].start))
    scene = seen(truth, psf, photons, seed + 1)
    found = restore(scene)
    ratios = [_width(found, p) / _width(scene.truth, p) - 1 for p in places]
    return (float(np.mean(ratios)),)


def _width(stack: Array, place: tuple[float, float]) -> float:
    """FWHM across of a filament along y, in pixels, by interpolation of its mean profile."""
    plane = stack[round(place[0])].astype(np.float64).mean(0)
    middle = round(place[1])
    part = plane[max(0, middle - 8) : middle + 9]
    fine = np.interp(np.linspace(0, len(part) - 1, 1601), np.arange(len(part)), part)
    half = (fine.max() + part.min()) / 2
    top = int(fine.argmax())
    left = top - int(np.argmax(fine[top::-1] < half))
    right = top + int(np.argmax(fine[top:] < half))
    return (right - left) / 100


def files(restorers: Mapping[str, Restorer], folder: Path) -> None:
    """The bars phantom and the measured bead that come from elsewhere."""
    from tifffile import imread

    def load(path: Path) -> Array:
        return np.asarray(np.load(path) if path.suffix == ".npy" else imread(path), np.float32)

    for case in sorted(folder.glob("*/")):
        parts = {path.stem: load(path) for path in sorted(case.iterdir()) if path.is_file()}
        if {"actual", "data", "kernel"} <= set(parts):
            scene = Scene(parts["data"], parts["actual"], parts["kernel"])
            print(f"\n{case.name}\n\n| method | PSNR | NCC |\n|---|---|---|")
            for name, restore in restorers.items():
                found = restore(scene)
                scores = psnr(found, scene.truth), ncc(found, scene.truth)
                print(f"| {name} | {scores[0]:.2f} | {scores[1]:.3f} |", flush=True)


def timed(restore: Restorer) -> None:
    """A stack of 64x256x256: seconds, and the memory that its run added."""
    rng = np.random.default_rng(0)
    image = rng.poisson(gaussian_filter(20 * rng.random((64, 256, 256)) ** 8, 1.5)).astype("f4")
    psf = microscopes()["wide-field"]
    small = Scene(image[:16, :64, :64], image[:16, :64, :64], psf)
    restore(small)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, used = time.perf_counter(), time.process_time()
    restore(Scene(image, image, psf))
    seconds, used = time.perf_counter() - began, time.process_time() - used
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(
        f"{seconds:.1f} s, {used:.1f} s of processor time; {more / 1e6:.0f} MB, "
        f"{more / image.nbytes:.1f} times the stack"
    )


def main() -> None:
    """Run one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", choices=("scenes", "wrong-psf", "measures", "files", "time"))
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--weights", default="")
    parser.add_argument("--methods", nargs="+", help="rows of the table; all of them by default")
    parser.add_argument("--seed", type=int, default=7000, help="of the first stack of each kind")
    parser.add_argument("--count", type=int, default=1, help="stacks of each kind")
    parser.add_argument(
        "--photons", nargs="+", type=float, default=PHOTONS, help="levels of the table of scenes"
    )
    args = parser.parse_args()
    methods()
    restorers = contestants(args.weights)
    if args.methods:
        restorers = {name: restorers[name] for name in args.methods}
    if args.table == "files":
        files(restorers, args.folder)
    elif args.table == "time":
        timed(restorers["network"])
    else:
        every = partial(scenes, levels=args.photons)
        tables = {"scenes": every, "wrong-psf": wrong_psf, "measures": measures}
        tables[args.table](restorers, range(args.seed, args.seed + args.count))


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    sys.exit(main())
