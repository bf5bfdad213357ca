"""Every shipped weight file has its recipe and its record in the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_deconv.restoration.base import methods
from napari_deconv.restoration.weights import shipped
from napari_deconv.train.recipe import Recipe
from napari_deconv.train.stacks.recipe import StackRecipe

FOLDER = Path(__file__).parents[2] / "recipes"
KINDS: dict[str, tuple[type[Recipe] | type[StackRecipe], Path]] = {
    Recipe.name: (Recipe, FOLDER),
    StackRecipe.name: (StackRecipe, FOLDER / "stacks"),
}

# The mixture of EPLL is learned by a script of its own, and its header says how.
TRAINED = [row for row in shipped() if row["recipe"].get("name") in KINDS]


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row["id"])
def test_shipped_weights_have_their_recipe_and_record(row: dict) -> None:
    methods()
    kind, folder = KINDS[row["recipe"]["name"]]
    recipe = kind.from_dict(json.loads((folder / f"{row['id']}.json").read_text()))
    assert recipe == kind.from_dict(row["recipe"]) and recipe.method.name == row["method"]
    assert row["licence"] and row["trained_on"]
    lines = (folder / f"{row['id']}.log.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    assert last["step"] == row["step"]
    assert sorted(last["psnr"]) == sorted(row["scores"]["held_out_psnr"].values())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_recipe_is_one(path: Path) -> None:
    methods()
    Recipe.from_dict(json.loads(path.read_text()))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("stacks/*.json")), ids=lambda path: path.stem)
def test_every_recipe_for_stacks_is_one(path: Path) -> None:
    methods()
    StackRecipe.from_dict(json.loads(path.read_text()))
