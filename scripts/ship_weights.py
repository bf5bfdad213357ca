"""Take a training's best weights into the package: `python scripts/ship_weights.py RUN NAME`.

RUN is the trainer's folder. The weights go to src/napari_deconv/weights/NAME.safetensors, their
recipe as their header has it to recipes/NAME.json, the log up to them to recipes/NAME.log.jsonl;
both to recipes/stacks where they were trained on stacks.
Without RUN, the recipes of all shipped weights and their list of licences are written anew from
their headers.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import weights_licences  # beside this file

from napari_deconv.core.spec import dumps
from napari_deconv.restoration.base import methods
from napari_deconv.restoration.weights import FOLDER, read_header, read_weights
from napari_deconv.train.recipe import Recipe
from napari_deconv.train.stacks.recipe import StackRecipe

RECIPES = Path(__file__).parent.parent / "recipes"
FOLDERS = {Recipe.name: RECIPES, StackRecipe.name: RECIPES / "stacks"}


def ship(run: Path, name: str) -> None:
    """Copy weights and the log that led to them."""
    file = run / "best.safetensors"
    _, header = read_weights(file, *methods())
    lines = (run / "log.jsonl").read_text().splitlines()
    kept = [line for line in lines if json.loads(line)["step"] <= header["step"]]
    folder = FOLDERS[header["recipe"]["name"]]
    (folder / f"{name}.log.jsonl").write_text("".join(f"{line}\n" for line in kept))
    shutil.copyfile(file, FOLDER / f"{name}.safetensors")


def main() -> None:
    """Ship one, and write all recipes."""
    if len(sys.argv) == 3:
        ship(Path(sys.argv[1]), sys.argv[2])
    elif len(sys.argv) > 1:
        raise SystemExit(__doc__)
    for path in sorted(FOLDER.glob("*.safetensors")):
        recipe = read_header(path)["recipe"]
        # EPLL's mixture comes from a script of its own.
        if folder := FOLDERS.get(recipe.get("name")):
            (folder / f"{path.stem}.json").write_text(dumps(recipe) + "\n")
    weights_licences.PAGE.write_text(weights_licences.table(), encoding="utf-8")


if __name__ == "__main__":
    main()
