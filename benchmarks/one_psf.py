"""Networks made for one PSF: their recipes, and their training.

    python benchmarks/one_psf.py recipes
    python benchmarks/one_psf.py train --images ../shared/data/bsds500/train --minutes 30
    python benchmarks/one_psf.py begin --images ../shared/data/bsds500/train --only gaussian2-dcnn

The studies `xu-stages`, `xu-maps`, `crcnet-kernels` and `crcnet-maps` show what became of them:
``python -m studies xu-stages --images ../shared/data/bsds500/val --runs local/one-psf``.

``train`` goes through the recipes in order, each for so long, and resumes: later ones begin with
the weights of earlier ones. On a GPU use ``--device cuda``. ``--only NAME`` takes some of them.
``begin`` tells what the logs do not: the PSNR on the held-out images before the first step.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protocol import DATA

from napari_deconv.core.device import choose_device
from napari_deconv.core.spec import dumps
from napari_deconv.degradation.chain import Chain
from napari_deconv.degradation.sampling import Sampler
from napari_deconv.psf import Gaussian, Motion
from napari_deconv.psf.given import GivenPSF
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.networks.crcnet import CRCNet
from napari_deconv.restoration.networks.dcnn import DCNN
from napari_deconv.restoration.networks.odcnn import ODCNN
from napari_deconv.train import loop
from napari_deconv.train.loop import fit
from napari_deconv.train.recipe import Recipe
from napari_deconv.train.sources import read_material
from napari_deconv.train.state import begin
from studies.trained import NOISE, PSFS, SHAKES

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / "recipes" / "one-psf"
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
        alone: dict[str, Any] = {"patch_px": 128, "batch": 1, "loss": "psnr", "optimiser": "muon"}
        add(f"{label}-denoiser", apart, psf, **alone, steps=3600, rate=4e-3)
        add(f"{label}-odcnn", joint, psf, f"{label}-denoiser", **alone, steps=700, rate=1e-3)
    # Found later to be better: at the others' 1e-3 the first steps lose what takes hundreds to win.
    slow: dict[str, Any] = {**dcnn, "loss": "psnr"}
    add("motion15-dcnn", full, Motion(length_px=15.0, angle_deg=30.0), **slow, rate=2e-4)
    add("gaussian2-dcnn", full, Gaussian(sigma_px=2.0), **slow, rate=3e-5)
    for label, psf in PSFS.items():
        add(
            f"{label}-dcnn-random",
            DCNN(second="full", start="random"),
            psf,
            **dcnn,
        )
    for label, psf in SHAKES.items():
        plain = Sampler(psfs=(GivenPSF.of(psf()),))
        given: dict[str, Any] = {"sampler": plain, "patch_px": 256, "batch": 1, "steps": 1500}
        add(f"{label}-crcnet", CRCNet(), psf, **given, rate=3e-4)
    return found


def write_recipes(recipes: Mapping[str, Recipe], folder: Path) -> None:
    """All of them as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, recipe in recipes.items():
        (folder / f"{name}.json").write_text(dumps(recipe.to_dict()) + "\n")


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


def before(runs: Path, images: Path, device: str, only: list[str]) -> None:
    """The score of every network as it begins: of a DCNN, its separable inverse."""
    images = images.resolve()
    runs.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(runs):
        for name, recipe in plan().items():
            if only and name not in only:
                continue
            state = begin(recipe, choose_device(device))
            scenes = loop._exam(read_material(recipe, [images]))
            scores = [loop._psnr(state, x.to(choose_device(device))) for x in scenes.values()]
            print(name, *(f"{score:.4f}" for score in scores), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("do", choices=("recipes", "train", "begin"))
    parser.add_argument("--runs", type=Path, default=ROOT / "local" / "one-psf")
    parser.add_argument("--images", type=Path, default=DATA / "bsds500" / "train")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    methods()
    if given.do == "recipes":
        write_recipes(plan(), RECIPES)
    elif given.do == "begin":
        before(given.runs, given.images, given.device, given.only)
    else:
        train(given.runs, given.images, given.minutes, given.device, given.only)


if __name__ == "__main__":
    main()
