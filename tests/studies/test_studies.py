from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from napari_deconv.core.errors import DeconvError
from napari_deconv.restoration.networks.fcnn import FCNN
from napari_deconv.restoration.weights import packed
from napari_deconv.train.recipe import Recipe
from studies import Findings, Given, Study, studies
from studies.__main__ import main
from studies.drawing import bars
from studies.trained import flat, training_summary
from studies.writing import write, write_index


def test_every_study_says_what_is_done_and_what_the_paper_reports():
    known = studies()
    for one in known.values():
        assert one.about and one.says and one.paper[-4:].isdigit(), one.name
        assert not one.needs or one.train, one.name
    papers = {name.split("-")[0] for name in known}
    assert papers <= {"xu", "fcnn", "glra", "rgdn", "ird", "crcnet"}


def test_command_line_writes_page_table_picture_and_index(tmp_path, capsys):
    assert main(["glra-maps", "--out", str(tmp_path), "--quiet"]) == 0
    page = (tmp_path / "glra-maps.md").read_text()
    assert "## The paper" in page and "python -m studies glra-maps" in page
    assert max(len(line) for line in page.splitlines() if not line.startswith("|")) <= 120
    rows = list(csv.DictReader((tmp_path / "glra-maps.csv").read_text().splitlines()))
    gauss, motion = rows[0], rows[-1]
    assert float(gauss["upper left"]) > 0.9 > float(motion["upper left"])
    assert "[GLRA: the matrix M" in (tmp_path / "README.md").read_text()
    assert (tmp_path / "glra-maps.svg").read_bytes().startswith(b"<?xml")


def test_what_is_missing_is_said_and_nothing_is_made_up(tmp_path, capsys):
    nothing = lambda given: Findings((), None, "")  # noqa: E731
    one = Study(
        "xu-x", "X", "A 2014", "says", "about", needs=("disk",), train="Train.", run=nothing
    )
    with pytest.raises(DeconvError, match=r"no disk in .*Train\."):
        one(Given(runs=tmp_path))
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "best.safetensors").touch()
    assert one(Given(runs=tmp_path)).rows == ()
    write_index([one], tmp_path)
    assert "needs the runs `disk`" in (tmp_path / "README.md").read_text()
    assert main(["no-such"]) == 2
    assert "xu-pseudo-inverse" in capsys.readouterr().err


def test_scenes_come_from_a_folder_or_from_what_is_installed(tmp_path):
    from PIL import Image

    for i in range(5):
        Image.fromarray(np.full((40, 45), 50 * i, np.uint8)).save(tmp_path / f"{i}.png")
    names = [name for name, _ in Given(tmp_path, 2).photos()]
    assert names == ["0", "2"]
    (case,) = Given(None, 1).cases(noise=0.0)
    assert case.name == "camera" and case.blurred.shape == (492, 492)


def test_a_pair_is_told_from_its_weights_and_smooth_parts_are_found(tmp_path):
    for cleans in ("gradients", "intensities"):
        recipe = Recipe(method=FCNN(iterations=1, cleans=cleans), steps=7, batch=1, patch_px=64)
        header = {"recipe": recipe.to_dict(), "step": 5}
        (tmp_path / cleans).mkdir()
        raw = packed(recipe.method, recipe.method.network(), header)
        (tmp_path / cleans / "best.safetensors").write_bytes(raw)
    text = training_summary(Given(runs=tmp_path), "gradients", "intensities")
    assert "7 steps of one patch of 64 pixels" in text and "of step 5 and 5" in text
    plane = np.random.default_rng(0).random((40, 60))
    plane[:, :20] = 0.5
    found = flat(plane)
    assert found[:, :16].all() and not found[:, 30:].any()


def test_the_same_study_writes_the_same_bytes(tmp_path):
    rows = ({"a": "x", "b": 1.23456},)
    made = lambda given: Findings(rows, bars(["x"], {"b": [1.2]}, "b"), "said")  # noqa: E731
    one = Study("xu-y", "Y", "A 2014", "says", "about", run=made)
    for folder in ("1", "2"):
        found = one(Given())
        write(one, found, Path(tmp_path / folder), "", "python -m studies xu-y")
    for name in ("xu-y.md", "xu-y.csv", "xu-y.svg"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    assert "| x | 1.235 |" in (tmp_path / "1" / "xu-y.md").read_text()
