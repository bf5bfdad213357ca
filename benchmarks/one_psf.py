"""Networks made for one PSF: recipes, training and the tables and plot of the papers.

    python benchmarks/one_psf.py recipes
    python benchmarks/one_psf.py train --images ../shared/data/bsds500/train --minutes 30
    python benchmarks/one_psf.py stages     # Figure 4 of Xu et al. 2014, and the table beside it
    python benchmarks/one_psf.py crcnet     # SSIM on ten images, ten camera shakes

``train`` goes through the recipes in order, each for so long, and resumes: later ones begin with
the weights of earlier ones. On a GPU use ``--device cuda``. ``--only NAME`` takes some of them.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from protocol import DATA, photos

from napari_deconv import deconvolve
from napari_deconv.benchmark.scenes import Case, gray, make_case
from napari_deconv.core.spec import dumps
from napari_deconv.degradation.chain import Chain
from napari_deconv.degradation.sampling import Sampler
from napari_deconv.psf import CameraShake, Disk, Gaussian, Motion
from napari_deconv.psf.given import GivenPSF
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.crcnet import CRCNet
from napari_deconv.restoration.dcnn import DCNN
from napari_deconv.restoration.odcnn import ODCNN
from napari_deconv.train.loop import fit
from napari_deconv.train.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
RECIPES, OUT = ROOT / "recipes" / "one-psf", ROOT / "docs" / "benchmarks"
NOISE = 0.01
PSFS = {"disk7": Disk(radius_px=7.0), "shake27": CameraShake(size_px=27, seed=27)}
OTHERS = {"gaussian2": Gaussian(sigma_px=2.0), "motion15": Motion(length_px=15.0, angle_deg=30.0)}
SHAKES = {f"shake21-{i}": CameraShake(size_px=21, seed=100 + i) for i in range(10)}
STAGES = ("inverse", "dcnn-random", "dcnn", "odcnn")
WEIGHTS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
COMMON: dict[str, Any] = {
    "noise_low": NOISE,
    "noise_high": NOISE,
    "trained_on": "BSDS500, its parts train and test",
    "licence": "Non-commercial research and education only, the condition of BSDS500",
}


def chain(saturated: bool, gain: float = 1.0, quality: int = 0, seed: int = 0) -> Chain:
    """The camera but for its noise."""
    level, factor = (1.0, gain) if saturated else (0.0, 1.0)
    return Chain(saturation=level, gain=factor, jpeg_quality=quality, seed=seed)


def sampler(psf: Any) -> Sampler:
    """One PSF; JPEG 75 to 90, gain 1 to 1.5 and what is then above 1 clipped.

    At a gain near 1 next to nothing is clipped: one model learns scenes with and without.
    """
    given = (GivenPSF.of(psf()),)
    mild, harsh = chain(True, 1.0, 75), chain(True, 1.5, 90)
    return Sampler(psfs=given, mildest=mild, harshest=harsh)


def plan() -> dict[str, Recipe]:
    """Every recipe by name, in the order in which they are trained."""
    found: dict[str, Recipe] = {}

    def add(name: str, method: Method, psf: Any, start: str = "", **given: Any) -> None:
        begun = f"{start}/best.safetensors" if start else ""
        scenes = given.pop("sampler", None) or sampler(psf)
        found[name] = Recipe(method=method, sampler=scenes, start=begun, **COMMON | given)

    full = DCNN(second="full")
    dcnn: dict[str, Any] = {"patch_px": 128, "batch": 4, "steps": 1000}
    for label, psf in PSFS.items():
        add(f"{label}-dcnn", full, psf, **dcnn)
        apart, joint = ODCNN(train="denoiser"), ODCNN()
        few: dict[str, Any] = {"patch_px": 128, "batch": 2}
        add(f"{label}-denoiser", apart, psf, f"{label}-dcnn", **few, steps=600, rate=5e-4)
        add(f"{label}-odcnn", joint, psf, f"{label}-denoiser", **few, steps=300, rate=2e-4)
    for label, psf in OTHERS.items():
        add(f"{label}-dcnn", full, psf, **dcnn)
    for label, psf in PSFS.items():
        add(
            f"{label}-dcnn-random",
            DCNN(second="full", start="random"),
            psf,
            **dcnn,
        )
    for label, psf in SHAKES.items():
        plain = Sampler(psfs=(GivenPSF.of(psf()),))
        add(f"{label}-crcnet", CRCNet(), psf, sampler=plain, patch_px=256, batch=1, steps=600)
    return found


def write_recipes() -> None:
    """All recipes as files."""
    RECIPES.mkdir(parents=True, exist_ok=True)
    for name, recipe in plan().items():
        (RECIPES / f"{name}.json").write_text(dumps(recipe.to_dict()) + "\n")


def train(runs: Path, images: Path, minutes: float, device: str, only: list[str]) -> None:
    """Every recipe for so long; what is complete is passed over quickly."""
    images = images.resolve()
    runs.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(runs):  # a recipe names the weights it begins with relative to here
        for name, recipe in plan().items():
            if only and name not in only:
                continue
            for progress in fit(recipe, images, Path(name), minutes=minutes, device=device):
                print(name, progress.step, progress.psnr, progress.note, flush=True)


def cases(label: str, saturated: bool, count: int) -> Iterator[Case]:
    """Scenes on the test photos; JPEG quality and gain drawn once per image."""
    psf = PSFS[label]()
    for i, path in enumerate(photos("val", 100 // count)[:count]):
        rng = np.random.default_rng(i)
        gain, quality = rng.uniform(1.2, 1.5), int(rng.integers(75, 90, endpoint=True))
        camera = replace(chain(saturated, gain, quality, i), boundary="valid", noise=NOISE)
        yield make_case(gray(path), psf, camera, path.stem)


def restored(stage: str, case: Case, folder: Path) -> NDArray[Any]:
    """One stage's estimate."""
    if stage == "inverse":
        return deconvolve(case.blurred, case.psf, "dcnn", nsr=1e-4, noise=NOISE)
    file = folder.with_name(f"{folder.name}-{stage}") / "best.safetensors"
    second = {"second": "full"} if stage.startswith("dcnn") else {}
    name = stage.split("-")[0]
    return deconvolve(case.blurred, case.psf, name, noise=NOISE, weights=str(file), **second)


def best(case: Case, name: str, field: str, value: str) -> float:
    """A classical prior's score at its best weight for the scene."""
    tried = [deconvolve(case.blurred, case.psf, name, noise=NOISE, **{field: w}) for w in WEIGHTS]
    return max(float(getattr(case.score(x), value)) for x in tried)


def stages(runs: Path, count: int) -> None:
    """PSNR of the four stages and of hyper-Laplacian at its best, per kind of scene."""
    rows = []
    for label in PSFS:
        for kind in ("saturated", "plain"):
            every = list(cases(label, kind == "saturated", count))
            row: dict[str, Any] = {"scene": f"{label} {kind}", "images": len(every)}
            row["hyper-laplacian"] = np.mean(
                [best(c, "hyper-laplacian", "weight", "psnr_db") for c in every]
            )
            for stage in STAGES:
                found = [c.score(restored(stage, c, runs / label)).psnr_db for c in every]
                row[stage] = np.mean(found)
            rows.append(row)
            print(row, flush=True)
    _table("one_psf_stages", rows)
    _bars(rows)


def _bars(rows: list[dict[str, Any]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for i, stage in enumerate(STAGES):
        axes.bar(np.arange(len(rows)) + 0.2 * i, [row[stage] for row in rows], 0.2, label=stage)
    axes.set_xticks(np.arange(len(rows)) + 0.3, [row["scene"] for row in rows], fontsize=8)
    axes.set_ylabel("PSNR (dB)")
    axes.legend(fontsize=8)
    figure.savefig(OUT / "one_psf_stages.svg", metadata={"Date": None})


def crcnet(runs: Path) -> None:
    """SSIM on ten photos for each camera shake, beside two priors at their best."""
    rows = []
    for label, psf in SHAKES.items():
        file = runs / f"{label}-crcnet" / "best.safetensors"
        if not file.exists():
            print(f"{label}: not trained")
            continue
        camera = Chain(boundary="valid", noise=NOISE)
        every = [
            make_case(gray(p), psf(), replace(camera, seed=i), p.stem)
            for i, p in enumerate(photos("val", 10)[:10])
        ]
        row: dict[str, Any] = {"kernel": label}
        row["crcnet"] = np.mean([
            c.score(deconvolve(c.blurred, c.psf, "crcnet", noise=NOISE, weights=str(file))).ssim
            for c in every
        ])  # fmt: skip
        for prior in ("sparse", "hyper-laplacian"):
            row[prior] = np.mean([best(c, prior, "weight", "ssim") for c in every])
        rows.append(row)
        print(row, flush=True)
    _table("one_psf_crcnet", rows)


def _table(name: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        raise SystemExit("Nothing is trained yet: see train.")
    with (OUT / f"{name}.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        for row in rows:
            table.writerow({k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("do", choices=("recipes", "train", "stages", "crcnet"))
    parser.add_argument("--runs", type=Path, default=ROOT / "local" / "one-psf")
    parser.add_argument("--images", type=Path, default=DATA / "bsds500" / "train")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--count", type=int, default=100, help="test photos")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    methods()
    if given.do == "recipes":
        write_recipes()
    elif given.do == "train":
        train(given.runs, given.images, given.minutes, given.device, given.only)
    elif given.do == "stages":
        stages(given.runs, given.count)
    else:
        crcnet(given.runs)


if __name__ == "__main__":
    main()
