"""Recipes of version 0.1.0, in every form that carries one, load and make the same again.

``recipes.json`` has them by the way they were made; ``@`` stands for the folder. ``results.npz``
has what came of them.
"""

from __future__ import annotations

import json
import shlex
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_deconv.cli import main
from napari_deconv.core.record import RunRecord
from napari_deconv.degradation import Chain
from napari_deconv.io import read, write
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.psf import Disk, Gaussian
from napari_deconv.restoration.weights import changed_since

FOLDER = Path(__file__).parent / "recipes"
TEXT = (FOLDER / "recipes.json").read_text()
KEPT: dict[str, Any] = json.loads(TEXT.replace("@", FOLDER.as_posix()))
RESULTS = dict(np.load(FOLDER / "results.npz"))
RUNS = [name for name, kept in KEPT.items() if "method" in kept["recipe"]]
BY_PANEL = [name for name in RUNS if name.startswith("panel")]
LAYER_PSF = "panel, layer"
INCOMPLETE = {"command line, volume", "panel, written"}
"""Of these 0.1.0 kept no voxel size, which a file states but a script does not."""
OTHER_WEIGHTS = {"command line, unrolled"}
"""The network has learned anew since."""
REPLAYED = [n for n in RUNS if not n.startswith(("python", "blocks")) and n != LAYER_PSF]


def same(name: str, found: Any) -> None:
    """Equal but for what another processor rounds otherwise: a level, or 1e-3 of the range."""
    kept = RESULTS[name]
    assert found.dtype == kept.dtype and found.shape == kept.shape
    near = max(float(kept.dtype.kind in "iu"), 1e-3 * float(np.ptp(kept)))
    if name in OTHER_WEIGHTS:
        near = 0.1 * float(np.ptp(kept))
    np.testing.assert_allclose(found.astype(float), kept.astype(float), rtol=0, atol=near)


def run(*words: object) -> int:
    return main([*map(str, words), "--quiet"])


@pytest.mark.parametrize("name", RUNS)
def test_a_record_is_what_it_was_read_from(name: str) -> None:
    recipe = KEPT[name]["recipe"]
    again = RunRecord.from_dict(recipe).to_dict()
    assert again == {key: value for key, value in recipe.items() if value is not None}
    assert RunRecord.from_dict(again) == RunRecord.from_dict(recipe)


@pytest.mark.parametrize("name", REPLAYED)
def test_the_command_line_replays(name: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(KEPT[name]["recipe"]))
    image, out = FOLDER / KEPT[name]["image"], tmp_path / "out.tif"
    assert run("deconvolve", image, "-o", out, "--recipe", tmp_path / "recipe.json") == 0
    same(name, read(out).data)


def test_that_weights_have_changed_since_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(KEPT["command line, unrolled"]["recipe"]))
    words = ("deconvolve", FOLDER / "photo.png", "-o", tmp_path / "out.tif")
    assert main([*map(str, words), "--recipe", str(tmp_path / "recipe.json")]) == 0
    assert "'unrolled' are not those that made it (SHA-256 0ded5d566bdf" in capsys.readouterr().err
    again = read(tmp_path / "out.tif").recipe
    assert changed_since(again["chosen"]) == ""
    assert "not here" in changed_since({"weights": "gone", "sha256": "0ded5d566bdf"})


@pytest.mark.parametrize("name", [n for n in RUNS if n not in REPLAYED])
def test_a_recipe_that_does_not_say_which_psf_is_refused_in_words(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(KEPT[name]["recipe"]))
    image, out = FOLDER / KEPT[name].get("image", "photo.png"), tmp_path / "out.tif"
    assert run("deconvolve", image, "-o", out, "--recipe", tmp_path / "recipe.json") == 2
    assert "PSF" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted({*REPLAYED, LAYER_PSF} - INCOMPLETE))
def test_the_copied_script_makes_it_again(name: str) -> None:
    recipe, image = KEPT[name]["recipe"], read(FOLDER / KEPT[name]["image"]).data
    layers = {recipe.get("source", "image"): image, "my psf": Gaussian(sigma_px=1.5)()}
    held = {key: SimpleNamespace(data=data) for key, data in layers.items()}
    scope: dict[str, Any] = {"viewer": SimpleNamespace(layers=held)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of clipped pixels, and of the PSF's borders
        exec(RunRecord.from_dict(recipe).as_python(), scope)
    same(name, scope["result"])


@pytest.mark.parametrize("name", [*BY_PANEL, "command line, wiener", "command line, volume"])
def test_the_copied_command_makes_it_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, image = KEPT[name]["recipe"], FOLDER / KEPT[name]["image"]
    if {"channels", "depths"} & set(recipe["psf"]):
        return  # the panel does not offer it
    monkeypatch.chdir(tmp_path)
    np.save("PSF.npy", Gaussian(sigma_px=1.5)())
    if not recipe.get("path"):
        shutil.copy(image, f"IMAGE{image.suffix}")
    for command in RunRecord.from_dict(recipe).as_command().split(" && "):
        words = command.replace("IMAGE.tif", f"IMAGE{image.suffix}").replace("PSF.tif", "PSF.npy")
        assert run(*shlex.split(words)[1:], "--overwrite") == 0
    same(name, read("RESULT.tif").data)


@pytest.fixture
def panel(qtbot: Any) -> DeconvolvePanel:
    panel = DeconvolvePanel(ViewerModel())
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(panel.method.isEnabled, timeout=120_000)
    return panel


def test_the_panel_runs_it_again(panel: DeconvolvePanel, qtbot: Any) -> None:
    viewer = panel._viewer
    um = {"scale": (0.6, 0.2, 0.2), "units": ("um",) * 3}
    for name, file, look in (
        ("photo", "photo.png", {}),
        ("colour", "colour.png", {"rgb": True}),
        ("stack", "stack.tif", um),
        ("large", "stack.tif", um),
        ("cells", "cells.ome.tif", {"axis_labels": "czyx", "units": ("pixel", *um["units"]),
            "scale": (1, *um["scale"])}),
    ):  # fmt: skip
        viewer.add_image(read(FOLDER / file).data, name=name, **look)
    viewer.add_image(Gaussian(sigma_px=1.5)(), name="my psf")
    for name in BY_PANEL:
        before = set(viewer.layers)
        kept = viewer.add_image(np.zeros((4, 4)), metadata={KEY: KEPT[name]["recipe"]})
        viewer.layers.selection = {kept}
        qtbot.mouseClick(panel.recipes.rerun, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=60_000)
        assert "Done" in panel.run_bar.message.text, (name, panel.run_bar.message.text)
        made = [x for x in viewer.layers if x not in before and x is not kept]
        results = [x for x in made if x.metadata[KEY]["kind"] == "result"]
        assert len(results) == 1, name
        same(name, results[0].data)
        for layer in (*made, kept):
            viewer.layers.remove(layer)


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".png"])
def test_a_file_that_carries_one_is_one(suffix: str, tmp_path: Path) -> None:
    carrier = FOLDER / f"carried{suffix}"
    image = FOLDER / ("stack.tif" if suffix == ".ome.tif" else "photo.png")
    out = tmp_path / f"out{suffix}"
    assert run("deconvolve", image, "-o", out, "--recipe", carrier) == 0
    np.testing.assert_allclose(
        read(out).data.astype(float), read(carrier).data.astype(float), atol=1
    )


@pytest.mark.parametrize("name", ["degrade", "degrade truth", "panel, degrade degraded"])
def test_a_degradation_is_made_again(name: str) -> None:
    chain = Chain.from_dict(KEPT[name]["recipe"]["degradation"])
    photo = read(FOLDER / "photo.png").data
    same(name, chain(photo, Disk(radius_px=2)(), axes="YX")["truth" in name])


def test_a_comparison_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text(json.dumps(KEPT["compare"]["recipe"]))
    assert KEPT["compare"]["recipe"]["image"]["path"] == "image.tif"
    photo = read(FOLDER / "photo.png")
    write(tmp_path / "image.tif", photo.data)
    np.save(tmp_path / "psf.npy", Disk(radius_px=2)())
    assert run("compare", tmp_path / "comparison.json", "-o", tmp_path / "again") == 0
    same("compared", read(tmp_path / "again" / "01-wiener.tif").data)
