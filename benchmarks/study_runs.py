"""Pairs of trainings that differ in one field, for the studies that compare them.

    python benchmarks/study_runs.py recipes
    python benchmarks/study_runs.py train --images ../shared/data/bsds500/train

The studies `fcnn-loss`, `fcnn-domain` and `glra-random-start` show what became of them:
``python -m studies fcnn-loss --images ../shared/data/bsds500/val --runs local/studies``.

Both of a pair see the same patches for as many steps. It resumes, and what is complete is passed
over; ``--only NAME`` takes some of them. They are short: minutes each on one core.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from one_psf import write_recipes
from protocol import DATA

from napari_deconv.degradation.chain import Chain
from napari_deconv.degradation.sampling import Sampler, standard_psfs
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.networks.fcnn import FCNN
from napari_deconv.restoration.networks.glra import GLRA
from napari_deconv.train.loop import fit
from napari_deconv.train.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / "recipes" / "studies"
COMMON: dict[str, Any] = {
    "trained_on": "BSDS500, 380 of its 400 train and test images (gray)",
    "licence": "Non-commercial research and education only, the condition of BSDS500",
}
CLIPPED = Sampler(
    psfs=standard_psfs()[:3],  # GLRA is made for disks, Gaussians and motions
    mildest=Chain(saturation=1.0),
    harshest=Chain(saturation=1.0, gain=1.5),
)


def plan() -> dict[str, Recipe]:
    """Every recipe by name, in the order in which they are trained."""
    found: dict[str, Recipe] = {}

    def add(name: str, method: Method, **given: Any) -> None:
        found[name] = Recipe(method=method, **COMMON | given)

    for loss in ("l1", "l2"):
        add(f"fcnn-{loss}", FCNN(iterations=1), loss=loss, patch_px=64, batch=4, steps=1000)
    for cleans in ("gradients", "intensities"):
        method = FCNN(cleans=cleans)
        add(f"fcnn-{cleans}", method, patch_px=64, batch=4, steps=300, rate=5e-4)
    for start in ("bases", "random"):
        small: dict[str, Any] = {"patch_px": 128, "batch": 1, "steps": 400, "rate": 5e-4}
        add(f"glra-{start}", GLRA(start=start), sampler=CLIPPED, noise_high=0.05, **small)
    return found


def train(runs: Path, images: Path, minutes: float, device: str, only: list[str]) -> None:
    """Every recipe to its end, or for so long."""
    for name, recipe in plan().items():
        if only and name not in only:
            continue
        for progress in fit(recipe, images, runs / name, minutes=minutes, device=device):
            print(name, progress.step, progress.psnr, progress.note, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("do", choices=("recipes", "train"))
    parser.add_argument("--runs", type=Path, default=ROOT / "local" / "studies")
    parser.add_argument("--images", type=Path, default=DATA / "bsds500" / "train")
    parser.add_argument("--minutes", type=float, default=math.inf, help="each, of this call")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    methods()
    if given.do == "recipes":
        write_recipes(plan(), RECIPES)
    else:
        train(given.runs, given.images, given.minutes, given.device, given.only)


if __name__ == "__main__":
    main()
