"""Random scenes and the data sets made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_deconv import DeconvError, io
from napari_deconv.core.spec import dumps
from napari_deconv.degradation import (
    Chain,
    PSFRange,
    Sampler,
    Scene,
    degrade,
    generate,
    regenerate,
    standard_psfs,
)
from napari_deconv.psf import PSF

SAMPLER = Sampler(
    psfs=(PSFRange(low=PSF.make("disk", radius_px=1), high=PSF.make("disk", radius_px=3)),),
    mildest=Chain(boundary="valid", noise=0.01),
    harshest=Chain(boundary="valid", noise=0.05, photons=500, gain=1.3, jpeg_quality=90),
)


def finish(making: Any) -> Any:
    """The summary of a data set, and how many steps it took."""
    steps = 0
    while True:
        try:
            step = next(making)
        except StopIteration as stop:
            return stop.value, steps
        steps += 1
        assert step.done == steps <= step.total


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = (np.random.default_rng(0).random((40, 36, 3)) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "b.png")
    Image.fromarray(pixels[..., 0]).save(folder / "a.jpg")
    io.write(folder / "c.tif", (pixels[..., 1] * 257.0).astype(np.uint16), axes="YX")
    return folder


def same_files(one: Path, two: Path) -> bool:
    names = sorted(p.relative_to(one) for p in one.rglob("*.tif"))
    assert names == sorted(p.relative_to(two) for p in two.rglob("*.tif") if "source" not in str(p))
    return all(np.array_equal(io.read(one / n).data, io.read(two / n).data) for n in names)


def test_scenes_are_a_pure_function_of_the_generator() -> None:
    sampler = Sampler(psfs=standard_psfs(), mildest=Chain(noise=0.01), harshest=Chain(noise=0.05))
    rng = np.random.default_rng(1)
    scenes = [sampler.draw(rng) for _ in range(60)]
    again = np.random.default_rng(1)
    assert scenes == [sampler.draw(again) for _ in range(60)]
    assert {s.psf.name for s in scenes} == {"disk", "gaussian", "motion", "camera-shake"}
    assert all(0.01 <= s.chain.noise <= 0.05 for s in scenes)
    assert len({s.chain.seed for s in scenes}) == 60
    assert len({s.psf.seed for s in scenes if s.psf.name == "camera-shake"}) > 5
    for scene in scenes[:12]:
        assert Scene.from_dict(json.loads(dumps(scene.to_dict()))) == scene
        assert scene.psf().sum() == pytest.approx(1)
    assert Sampler.from_dict(json.loads(dumps(sampler.to_dict()))) == sampler


def test_ranges_must_be_ranges() -> None:
    disk, wide = PSF.make("disk", radius_px=2), PSF.make("disk", radius_px=4)
    with pytest.raises(DeconvError, match=r"radius_px goes from 4.0 to 2.0"):
        PSFRange(low=wide, high=disk)
    with pytest.raises(DeconvError, match="two kinds"):
        PSFRange(low=disk, high=PSF.make("gaussian"))
    with pytest.raises(DeconvError, match="psfs is empty"):
        Sampler(psfs=())


def test_a_folder_becomes_pairs_that_their_recipe_makes_again(photos: Path, tmp_path: Path) -> None:
    summary, steps = finish(generate(SAMPLER, photos, tmp_path / "set", count=4, seed=9))
    assert (summary.written, steps, summary.skipped) == (4, 4, ())
    names = sorted(p.name for p in (tmp_path / "set" / "degraded").iterdir())
    assert names == [
        f"{pair}_degraded.tif" for pair in ("00000_a", "00001_b", "00002_c", "00003_a")
    ]

    recipe = json.loads((tmp_path / "set" / "recipe.json").read_text())
    scene = Scene.from_dict(recipe["pairs"][1]["scene"])
    sharp = np.asarray(Image.open(photos / "b.png")) / np.float64(255)
    degraded, truth = degrade_as(scene, sharp.astype(np.float32))
    for kind, expected in {"degraded": degraded, "truth": truth, "psf": scene.psf()}.items():
        stored = io.read(tmp_path / "set" / kind / f"00001_b_{kind}.tif").data
        np.testing.assert_array_equal(stored, expected)
        assert stored.dtype == np.float32

    finish(generate(SAMPLER, photos, tmp_path / "twin", count=4, seed=9))
    assert (tmp_path / "twin" / "recipe.json").read_text() == dumps(recipe) + "\n"
    again, _ = finish(regenerate(tmp_path / "set" / "recipe.json", tmp_path / "again"))
    assert again.differing == ()
    assert same_files(tmp_path / "set", tmp_path / "again")


def degrade_as(scene: Scene, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The public function with a scene's settings."""
    chain = {k: v for k, v in scene.chain.to_dict().items() if k != "name"}
    optional = ("saturation", "photons", "bits", "jpeg_quality")
    chain |= {key: chain[key] or None for key in optional}
    return degrade(image, scene.psf, **chain)


def test_arrays_are_saved_along_so_that_the_recipe_suffices(tmp_path: Path) -> None:
    stack = (np.random.default_rng(0).random((3, 24, 25)) * 4000).astype(np.uint16)
    making = generate(SAMPLER, {"my layer/1": stack}, tmp_path / "set", count=2, axes="ZYX")
    finish(making)
    moved = (tmp_path / "set").rename(tmp_path / "moved")
    again, _ = finish(regenerate(moved / "recipe.json", tmp_path / "again"))
    assert (again.written, again.differing) == (2, ())
    assert same_files(tmp_path / "again", moved)


def test_gray_weighs_the_colours(photos: Path, tmp_path: Path) -> None:
    neutral = Sampler(psfs=SAMPLER.psfs)
    finish(generate(neutral, photos, tmp_path / "set", count=2, gray=True))
    truth = io.read(tmp_path / "set" / "truth" / "00001_b_truth.tif").data
    rgb = np.asarray(Image.open(photos / "b.png")) / 255
    np.testing.assert_allclose(truth, rgb @ [0.299, 0.587, 0.114], atol=1e-7)


def test_unusable_sources_are_named_and_skipped(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nonsense")
    io.write(photos / "tiny.tif", np.ones((2, 2), np.float32), axes="YX")
    summary, steps = finish(generate(SAMPLER, photos, tmp_path / "set", count=10))
    assert (summary.written, steps) == (6, 10)
    assert len(summary.skipped) == 2
    assert "broken.png" in summary.skipped[0]
    assert "tiny.tif" in summary.skipped[1]
    assert "larger than the image" in summary.skipped[1]


def test_cancelling_leaves_nothing_behind(photos: Path, tmp_path: Path) -> None:
    making = generate(SAMPLER, photos, tmp_path / "set", count=3)
    next(making)
    making.close()
    assert [p.name for p in tmp_path.iterdir()] == ["photos"]


def test_a_changed_source_is_reported(photos: Path, tmp_path: Path) -> None:
    finish(generate(SAMPLER, photos, tmp_path / "set", count=3))
    Image.fromarray(np.zeros((40, 36, 3), np.uint8)).save(photos / "b.png")
    again, _ = finish(regenerate(tmp_path / "set" / "recipe.json", tmp_path / "again"))
    assert again.differing == ("00001_b",)


def test_bad_requests(photos: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    evil = {"name": "../x", "source": "a.jpg"}
    out_of_tree = tmp_path / "evil.json"
    out_of_tree.write_text(
        json.dumps(
            {"format": "napari-deconv pairs 1", "gray": False, "sources": "x", "pairs": [evil]}
        )
    )
    for making, message in [
        (generate(SAMPLER, tmp_path / "none", tmp_path / "o", count=1), "does not exist"),
        (generate(SAMPLER, tmp_path, tmp_path / "o", count=1), "no image"),
        (generate(SAMPLER, photos, photos, count=1), "not empty"),
        (generate(SAMPLER, photos, tmp_path / "o", count=0), "count = 0"),
        (generate(SAMPLER, {"a": np.ones((2, 2))}, tmp_path / "o", count=1), "No pair"),
        (regenerate(bad, tmp_path / "o"), "not a recipe of a data set"),
        (regenerate(out_of_tree, tmp_path / "o"), "not a plain file name"),
    ]:
        with pytest.raises(DeconvError, match=message):
            finish(making)
    assert not (tmp_path / "o").exists()
    assert not list(tmp_path.glob(".*"))
