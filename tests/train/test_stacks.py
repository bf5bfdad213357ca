"""Training on generated stacks: pure, exactly resumed, and weights that restore a stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.ndimage import gaussian_filter

from napari_deconv import deconvolve
from napari_deconv.cli import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.engine.problem import Problem
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.io import write
from napari_deconv.psf import Gaussian
from napari_deconv.restoration.multiplicative import Scheduled
from napari_deconv.restoration.networks import unrolled3d
from napari_deconv.restoration.networks.layers.volumes import from_phases, to_phases
from napari_deconv.restoration.networks.unrolled3d import Network, Unrolled3D
from napari_deconv.restoration.weights import packed, read_header
from napari_deconv.signal.noise_law import NoiseLaw
from napari_deconv.train.stacks import loop, own, pairs
from napari_deconv.train.stacks.loop import fit_stacks
from napari_deconv.train.stacks.microscopes import bank
from napari_deconv.train.stacks.own import camera_of, recipe_for_stack, tune
from napari_deconv.train.stacks.recipe import StackRecipe

RECIPE = StackRecipe(
    method=Unrolled3D(),
    microscopes=3,
    depth_px=16,
    patch_px=16,
    psf_depth_px=7,
    psf_px=9,
    stacks=3,
    steps_per_stack=1,
    batch=1,
    steps=4,
)
PSF = Gaussian(sigma_px=(1.0, 1.3, 1.3))((9, 11, 11))


@pytest.fixture
def untrained(tmp_path: Path) -> str:
    """Weights as they are before training: Richardson-Lucy's."""
    torch.manual_seed(0)
    file = tmp_path / "first.safetensors"
    file.write_bytes(packed(Unrolled3D(), Network(), {"recipe": RECIPE.to_dict(), "licence": "x"}))
    return str(file)


def scene(shape: tuple[int, int, int] = (12, 24, 28)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = 400 * gaussian_filter((rng.random(shape) > 0.98).astype(float), 0.8) + 20
    blurred = gaussian_filter(truth, (1.0, 1.3, 1.3))
    return rng.poisson(blurred).astype(np.float32), truth


def test_a_stack_is_a_pure_function_of_its_number_and_cut_out_of_a_larger_one(
    tmp_path: Path,
) -> None:
    optics = bank(tmp_path / "psfs.npz", 3, (7, 9, 9), 0)
    again = bank(tmp_path / "psfs.npz", 3, (7, 9, 9), 0)
    shelves = [pairs.Shelf(RECIPE, o, tmp_path / n) for o, n in ((optics, "a"), (again, "b"))]
    first, second, kept = shelves[0].take(1), shelves[1].take(1), shelves[0].take(1)
    for pair in ((first, second), (first, kept)):
        assert_array_equal(pair[0].images, pair[1].images)
        assert_array_equal(pair[0].truth, pair[1].truth)
    assert first.truth.shape == (1, 1, 16, 16, 16)
    data = first.images[:, -2]
    assert float((first.truth.mean() - data.mean()).abs()) < 0.2 * float(data.mean())


def test_turned_stacks_keep_truth_and_images_together(tmp_path: Path) -> None:
    optics = bank(tmp_path / "psfs.npz", 3, (7, 9, 9), 0)
    batch = pairs.Shelf(RECIPE, optics, tmp_path).take(0)
    both = pairs.StackBatch(batch.truth.expand(-1, 2, -1, -1, -1), batch.levels, batch.truth)
    turned = [both.turned(np.random.default_rng(n)) for n in range(6)]
    assert all(torch.equal(t.images[:, :1], t.truth) for t in turned)
    assert any(not torch.equal(t.truth, both.truth) for t in turned)


def test_phases_go_there_and_back() -> None:
    x = torch.rand(2, 3, 4, 6, 8)
    assert_array_equal(from_phases(to_phases(x)), x)


def test_training_resumes_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_VALIDATION_STEPS", 2)
    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", -1)
    monkeypatch.setattr(pairs, "_EXAM", 1)
    whole = list(fit_stacks(RECIPE, tmp_path / "a", device="cpu", precision="float32"))
    broken = fit_stacks(RECIPE, tmp_path / "b", device="cpu", precision="float32")
    assert [next(broken).step, next(broken).step] == [0, 2]
    broken.close()  # before step 2 was kept
    rest = list(fit_stacks(RECIPE, tmp_path / "b", device="cpu", precision="float32"))
    assert [p.step for p in rest] == [2, 4]
    assert [(p.loss, p.psnr) for p in rest] == [(p.loss, p.psnr) for p in whole[1:]]
    assert (tmp_path / "b" / "best.safetensors").exists()


def test_the_untrained_network_is_richardson_lucy(untrained: str) -> None:
    image, truth = scene()
    method = Unrolled3D(weights=untrained)
    found = drain(stream(method, image, PSF, device="cpu", precision="float32")).data
    start = deconvolve(image, PSF, "richardson-lucy", iterations=10, accelerate=True, device="cpu")
    assert np.mean((found - start) ** 2) < 0.2 * np.mean((start - truth) ** 2)


def test_untrained_it_sharpens_and_keeps_the_flux(untrained: str) -> None:
    image, truth = scene()
    method = Unrolled3D(weights=untrained)
    found = drain(stream(method, image, PSF, device="cpu"))
    assert found.data.shape == image.shape and found.data.min() >= 0
    assert np.mean((found.data - truth) ** 2) < 0.8 * np.mean((image - truth) ** 2)
    assert found.data.sum() / image.sum() == pytest.approx(1, abs=0.05)
    assert found.recipe["reblur_rms"] > 0 and any("invent" in note.text for note in found.notes)


@pytest.mark.parametrize("shape", [(1, 20, 21), (3, 9, 10)])
def test_thin_stacks_are_restored_with_a_word(shape: tuple[int, int, int], untrained: str) -> None:
    image, _ = scene(shape)
    found = drain(stream(Unrolled3D(weights=untrained), image, PSF, device="cpu"))
    assert np.isfinite(found.data).all() and any("planes" in note.text for note in found.notes)


def test_flat_psfs_are_refused_and_shipped_weights_found(untrained: str) -> None:
    image, truth = scene()
    with pytest.raises(DeconvError, match="works in 3-D") as caught:
        deconvolve(image, PSF[2], Unrolled3D(weights=untrained))
    assert "3-D" in str(caught.value.remedy)
    shipped = drain(stream(Unrolled3D(), image, PSF, device="cpu"))
    assert shipped.recipe["chosen"]["weights"] == "unrolled-3d"
    assert np.mean((shipped.data - truth) ** 2) < 0.8 * np.mean((image - truth) ** 2)


def test_the_command_line_trains_on_stacks_without_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pairs, "_EXAM", 1)
    recipe, out = tmp_path / "stacks.json", tmp_path / "out"
    recipe.write_text(json.dumps(RECIPE.but(steps=1).to_dict()))
    order = ["train", str(recipe), "--out", str(out), "--device", "cpu", "--quiet"]
    assert main(order) == 0
    weights = Path(capsys.readouterr().out.strip())
    assert read_header(weights)["recipe"]["steps"] == 1
    assert main([*order, "--images", str(tmp_path)]) != 0
    assert "takes no images" in capsys.readouterr().err
    recipe.write_text(json.dumps(RECIPE.but(steps=2).to_dict()))
    (out / "checkpoint.pt").unlink()
    assert main(order) != 0  # the weights there are of another training
    assert "has not made" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"spacing": (12.0, 1.0, 1.0)}, "12 times as coarse"),
        ({"spacing": (1.0, 2.0, 2.0)}, "finer than the pixels"),
        ({"noise": NoiseLaw(420.0, 0.0)}, "invented in part"),
        ({"noise": NoiseLaw(0.01, 0.0)}, "restored it as one of 2000"),
        ({"noise": 0.5}, "restored it as one of 2000"),
        ({"noise": 400.0}, "more than the network learned from"),
    ],
)
def test_what_the_network_never_saw_is_said_and_restored(
    given: dict[str, Any], said: str, untrained: str
) -> None:
    image, _ = scene()
    found = drain(stream(Unrolled3D(weights=untrained), image, PSF, device="cpu", **given))
    assert np.isfinite(found.data).all() and found.data.max() > 0
    assert any(said in note.text for note in found.notes)


def test_pedestals_and_psfs_of_other_microscopes_are_restored_with_a_word(untrained: str) -> None:
    image, _ = scene()
    method = Unrolled3D(weights=untrained)
    wide = Gaussian(sigma_px=(6.0, 14.0, 14.0))((31, 71, 71))
    for stack, psf, said in (
        (image + 2 * image.max(), PSF, "camera's offset"),
        (image.astype(np.uint16) + 100, PSF, "looks like a camera offset"),
        (image, wide, "with caution"),
        (image, np.pad(np.ones((1, 1, 1)), 1), "little blur"),
    ):
        found = drain(stream(method, stack, psf, device="cpu"))
        assert np.isfinite(found.data).all() and found.data.max() > 0
        assert any(said in note.text for note in found.notes)
    plain = drain(stream(method, image, PSF, device="cpu"))
    assert not any("offset" in n.text or "caution" in n.text for n in plain.notes)


def test_clipped_and_dark_stacks_are_restored_with_a_word(untrained: str) -> None:
    image, _ = scene()
    method = Unrolled3D(weights=untrained)
    clipped = (image * 255 / np.quantile(image, 0.95)).clip(0, 255).astype(np.uint8)
    found = drain(stream(method, clipped, PSF, device="cpu"))
    assert found.data.dtype == np.uint8 and any("clipped" in note.text for note in found.notes)
    dark = np.random.default_rng(0).poisson(image / 4000).astype(np.uint16)
    assert 0 < dark.max() < 4
    found = drain(stream(method, dark, PSF, device="cpu"))
    assert found.data.shape == dark.shape
    assert any("invented in part" in note.text for note in found.notes)


def test_planes_are_refused_with_a_remedy(untrained: str) -> None:
    image, _ = scene()
    with pytest.raises(DeconvError) as caught:
        deconvolve(image[3], PSF, Unrolled3D(weights=untrained))
    assert caught.value.remedy


def test_in_strips_and_at_once_the_network_gives_the_same(
    untrained: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = Network()
    torch.nn.init.normal_(network.unet.last.weight, std=0.01)
    shape = (6, 45, 22)
    kept = torch.rand(1, unrolled3d.IMAGES - 1, *shape).half()
    levels = torch.rand(1, unrolled3d.LEVELS, 1, 1, 1)
    views = unrolled3d.Views(kept, torch.rand(1, *shape), levels, torch.empty(0))
    monkeypatch.setattr(unrolled3d, "_STRIP_VOXELS", 1)
    monkeypatch.setattr(unrolled3d, "_FAST_ROWS", 1)
    with torch.inference_mode():
        network.restore(views, out := torch.empty(1, *shape), lambda: None)
        torch.testing.assert_close(out, network(views.images, levels)[:, 0])


@pytest.mark.parametrize("last", [0, 40])
def test_tiles_equal_the_whole_within_a_thousandth_of_the_range(last: int) -> None:
    image, _ = scene((8, 16, 240))
    psf, method = PSF[2:-2, 2:-2, 2:-2], Unrolled3D(last_iterations=last)
    runs = [
        drain(stream(method, image, psf, device="cpu", precision="float32", **given))
        for given in ({}, {"memory_bytes": 3_400_000})
    ]
    assert np.prod(runs[1].record.tiles) > 1
    assert not any("Memory is tight" in note.text for note in runs[1].notes)
    apart = np.abs(runs[0].data - runs[1].data) / np.ptp(runs[0].data)
    assert apart.max() < 1e-3


def test_a_walk_within_a_box_leaves_what_lies_around_it_as_it_is() -> None:
    box = (slice(None), slice(1, 3), slice(2, 4))
    x = torch.rand(1, 5, 6) + 1
    walks = [Scheduled(x.clone(), box=box, free=free) for free in (0, 1)]
    for walk in walks:
        walk._count = 1
        for rows in (slice(0, 1), slice(1, 2), slice(2, 5)):
            walk._multiply(torch.full((1, rows.stop - rows.start, 6), 2.0), rows)
    assert_array_equal(walks[1].point, 2 * x)
    x[box] *= 2
    assert_array_equal(walks[0].point, x)


def bright(photons: float) -> Problem:
    """A stack of as many photons, as the engine hands it on."""
    image, _ = scene()
    seen = torch.from_numpy(image / image.max())[None]
    return Problem(
        seen=seen,
        psf=torch.from_numpy(PSF),
        grid=(20, 36, 40),
        offset=tuple(n // 2 for n in PSF.shape),
        noise=float(seen.mean() / photons) ** 0.5,
        law=NoiseLaw(1 / photons, 0.0),
    )


def test_the_network_is_told_of_no_more_photons_than_it_knows() -> None:
    few, many = (unrolled3d.noise_shown(bright(photons)) for photons in (200, 50_000))
    assert few[1] == pytest.approx(1 / 200)
    assert many[1] == pytest.approx(1 / 2000)
    assert many[0] == pytest.approx(few[0] * (200 / 2000) ** 0.5, rel=0.01)


def test_the_more_light_the_more_have_the_data_the_last_word(untrained: str) -> None:
    counts = []
    for photons in (50.0, 2e4, 2e6, 1e9):
        settled = drain(Unrolled3D(weights=untrained).settle(bright(photons)))
        counts.append(settled.method.last_iterations)
    assert counts[0] == unrolled3d.LEAST_LAST and counts[-1] == unrolled3d.MOST_LAST
    assert counts == sorted(counts) and len(set(counts)) > 2
    image, _ = scene()
    given = drain(stream(Unrolled3D(last_iterations=7), image, PSF, device="cpu"))
    assert "last_iterations" not in given.recipe["chosen"]
    own = drain(stream(Unrolled3D(), image, PSF, device="cpu"))
    assert own.recipe["chosen"]["last_iterations"] >= unrolled3d.LEAST_LAST


def test_a_camera_is_read_from_a_stack_and_a_network_tuned_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    field = gaussian_filter(rng.random((12, 96, 96)), (1, 4, 4))
    truth = 80 * ((field - field.min()) / np.ptp(field)) ** 4
    counts = 5.0 * rng.poisson(truth + 20) + 100
    camera = camera_of(counts)
    assert camera.photons == pytest.approx(80, rel=0.35)
    assert camera.background + camera.offset == pytest.approx((20 + 20) / 80, rel=0.5)
    monkeypatch.setattr(pairs, "_EXAM", 1)
    recipe = recipe_for_stack(Unrolled3D(), counts, PSF, "unrolled-3d", "mine")
    short = recipe.but(steps=1, batch=1, depth_px=16, patch_px=16)
    list(tune(short, PSF, (0.3, 0.1, 0.1), tmp_path, device="cpu", precision="float32"))
    header = read_header(tmp_path / "best.safetensors")
    assert header["recipe"]["start"] == "unrolled-3d" and "mine" in header["trained_on"]
    kept = bank(tmp_path / "microscopes.npz", 1, (3, 3, 3), 0)
    assert kept.spacings.tolist() == [[pytest.approx(3.0), 1.0, 1.0]]
    assert kept.draw(rng).psf.shape == PSF.shape
    with pytest.raises(DeconvError, match="flat"):
        recipe_for_stack(Unrolled3D(), counts, PSF[:1], "unrolled-3d", "mine")


def test_the_command_line_tunes_for_a_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pairs, "_EXAM", 1)
    monkeypatch.setattr(own, "_STEPS", 1)
    image, _ = scene((12, 32, 40))
    write(tmp_path / "stack.tif", image)
    write(tmp_path / "psf.tif", PSF)
    order = ["train", "--stack", str(tmp_path / "stack.tif"), "--psf", str(tmp_path / "psf.tif")]
    order += ["--out", str(tmp_path / "out"), "--device", "cpu", "--quiet"]
    assert main(order) != 0 and "--spacing" in capsys.readouterr().err
    assert main([*order, "--spacing", "0.3,0.1,0.1", "--minutes", "0.001"]) == 0
    assert "best.safetensors" in capsys.readouterr().out
