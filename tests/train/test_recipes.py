"""Every shipped weight file has its recipe and its record in the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_deconv.restoration.base import methods
from napari_deconv.restoration.weights import shipped
from napari_deconv.train.recipe import Recipe

FOLDER = Path(__file__).parents[2] / "recipes"


# The mixture of EPLL is learned by a script of its own, and its header says how.
TRAINED = [row for row in shipped() if row["recipe"].get("name") == Recipe.name]


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row["id"])
def test_shipped_weights_have_their_recipe_and_record(row: dict) -> None:
    methods()
    recipe = Recipe.from_dict(json.loads((FOLDER / f"{row['id']}.json").read_text()))
    assert recipe == Recipe.from_dict(row["recipe"]) and recipe.method.name == row["method"]
    assert row["licence"] and row["trained_on"]
    lines = (FOLDER / f"{row['id']}.log.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    assert last["step"] == row["step"]
    assert sorted(last["psnr"]) == sorted(row["scores"]["held_out_psnr"].values())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_recipe_is_one(path: Path) -> None:
    methods()
    Recipe.from_dict(json.loads(path.read_text()))
