"""The trainer: it learns, resumes exactly, and says what is wrong before the hours begin."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image

from napari_deconv.cli import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.spec import dumps
from napari_deconv.degradation.sampling import PSFRange, Sampler
from napari_deconv.psf import Disk, Gaussian
from napari_deconv.restoration.networks.base import stage_loss
from napari_deconv.restoration.networks.fcnn import FCNN
from napari_deconv.restoration.weights import read_weights
from napari_deconv.train import loop, state
from napari_deconv.train.baseline import baseline, mean_psnr
from napari_deconv.train.images import read_gray
from napari_deconv.train.loop import fit
from napari_deconv.train.pairs import make_batch
from napari_deconv.train.parallel import Team
from napari_deconv.train.recipe import Recipe, Source
from napari_deconv.train.sources import read_material

DISKS = Sampler(psfs=(PSFRange(low=Disk(radius_px=1.0), high=Disk(radius_px=3.0)),))
RECIPE = Recipe(
    method=FCNN(iterations=1), sampler=DISKS, patch_px=32, batch=2, steps=6, held_out=2, licence="x"
)

LOSSES = ("l1", "l2", "psnr")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small photos of squares."""
    folder = tmp_path_factory.mktemp("sharp")
    rng = np.random.default_rng(0)
    for i in range(4):
        blocks = np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1)))
        Image.fromarray(blocks.astype(np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validate every third step, and keep a checkpoint after every single one."""
    monkeypatch.setattr(loop, "_VALIDATION_STEPS", 3)
    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", -1)


def train(recipe: Recipe, images: Path, out: Path) -> list[loop.Trained]:
    return list(fit(recipe, images, out, device="cpu"))


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException) -> None:
    real = loop.advance

    def advance(now: state.State, *rest: object) -> None:
        if now.step == step:
            raise error
        real(now, *rest)

    monkeypatch.setattr(loop, "advance", advance)


def test_a_batch_is_a_pure_function_of_the_generator_and_fits_its_otf() -> None:
    sharp = [np.random.default_rng(i).random((40, 50), np.float32) for i in range(3)]
    first, again = (
        make_batch(sharp, RECIPE, np.random.default_rng(5), noise=1e-6) for _ in range(2)
    )
    assert_array_equal(first.y, again.y)
    blurred = torch.fft.irfft2(torch.fft.rfft2(first.truth) * first.otf, s=(32, 32))
    assert (blurred - first.y).abs().max() < 1e-4


def test_the_loss_is_of_the_size_or_of_the_square() -> None:
    rng = np.random.default_rng(1)
    batch = make_batch([rng.random((40, 40), np.float32)] * 2, RECIPE, rng, noise=0.02)
    away = torch.randn(batch.truth.shape, generator=torch.manual_seed(0))
    estimates = [batch.truth, batch.truth + away]  # at 2 % of noise the weight is 1
    for norm, expected in (("l1", away.abs().mean()), ("l2", away.square().mean())):
        torch.testing.assert_close(stage_loss(estimates, batch, norm), expected)
    powers = away.square().mean((1, 2, 3))  # the second patch's counts as much as the first's
    torch.testing.assert_close(
        stage_loss(estimates[1:], batch, "psnr"), (powers[0] * powers[1]).log10() / 2
    )
    network = FCNN(iterations=1).network()
    losses = [state._differentiate(network, batch, n, Team(torch.device("cpu"))) for n in LOSSES]
    with torch.no_grad():
        guessed = network.unrolled(batch.y, batch.otf, batch.sigma)
    assert losses == pytest.approx([float(stage_loss(guessed, batch, n)) for n in LOSSES])


def test_training_learns(images: Path, tmp_path: Path) -> None:
    seen = train(replace(RECIPE, steps=30), images, tmp_path)
    assert np.mean(seen[-1].psnr) > np.mean(seen[0].psnr) + 0.1
    _, header = read_weights(tmp_path / "best.safetensors", "fcnn")
    assert header["licence"] == "x" and header["recipe"]["steps"] == 30


def test_who_looks_on_is_told_what_there_would_be_without_a_training(
    images: Path, tmp_path: Path
) -> None:
    told = [x for x in fit(RECIPE, images, tmp_path, device="cpu", look_seconds=1e9) if x.baseline]
    assert len(told) == 1 and len(told[0].baseline) == len(told[0].scenes) == 3
    easy, _, hard = told[0].baseline
    assert easy > hard > 10
    recipe = replace(RECIPE, noise_low=1e-4, noise_high=1e-4)
    material = read_material(recipe, [images])
    exam = loop._exam(material)
    (batch,) = exam.values()
    (reached,) = baseline(exam)
    assert reached > mean_psnr(batch.y, batch.truth) + 5, "it restores, and in place"


@pytest.mark.parametrize(("step", "optimiser"), [(2, "adamw"), (4, "muon")])
def test_killed_and_resumed_equals_uninterrupted(
    images: Path, tmp_path: Path, step: int, optimiser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPE, optimiser=optimiser)
    train(recipe, images, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_at(patch, step, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            train(recipe, images, tmp_path / "cut")
    train(recipe, images, tmp_path / "cut")
    logs = [
        [
            json.loads(line) | {"seconds": 0}
            for line in (tmp_path / n / "log.jsonl").read_text().splitlines()
        ]
        for n in ("whole", "cut")
    ]
    assert logs[0] == logs[1] and [entry["step"] for entry in logs[0]] == [3, 6]
    whole, cut = (
        torch.load(tmp_path / n / "checkpoint.pt", weights_only=True)["network"]
        for n in ("whole", "cut")
    )
    assert all(torch.equal(whole[key], cut[key]) for key in whole)


def test_disk_full_keeps_the_last_good_checkpoint(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(replace(RECIPE, steps=2), images, tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(data: object, file: object) -> None:
        file.write(b"half of it")  # type: ignore[attr-defined]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state.torch, "save", full)
    with pytest.raises(DeconvError, match="no space is left"):
        train(RECIPE, images, tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert not list(tmp_path.glob("*part*"))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_best(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loop.make_batch

    def poisoned(*given: object, **scene: object) -> object:
        batch = real(*given, **scene)
        if (tmp_path / "best.safetensors").exists():
            batch.y[0, 0, 3, 4] = np.nan
        return batch

    monkeypatch.setattr(loop, "make_batch", poisoned)
    with pytest.raises(DeconvError, match=r"loss is nan at step 3.*best weights"):
        train(RECIPE, images, tmp_path)
    read_weights(tmp_path / "best.safetensors", "fcnn")


def test_images_small_or_unreadable_are_named_and_too_few_refused(
    images: Path, tmp_path: Path
) -> None:
    Image.new("L", (20, 64)).save(tmp_path / "small.png")
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(DeconvError, match=r"0 usable images.*broken\.jpg"):
        read_gray(tmp_path, 32, 2)
    for path in images.glob("[01].png"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found, skipped = read_gray(tmp_path, 32, 2)
    assert len(found) == 2 and found[0].shape == (48, 64)
    assert "broken.jpg" in skipped[0] and "small.png is 64x20" in skipped[1]
    with pytest.raises(DeconvError, match="There is no folder"):
        read_gray(tmp_path / "none", 32, 2)


def test_three_stages_grow_from_one(images: Path, tmp_path: Path) -> None:
    train(replace(RECIPE, steps=3), images, tmp_path)
    kept = str(tmp_path / "best.safetensors")
    grown = state.begin(replace(RECIPE, method=FCNN(iterations=3), start=kept), torch.device("cpu"))
    tensors, _ = read_weights(Path(kept), "fcnn")
    for stage in range(3):
        now = grown.network.denoisers[stage].layers[0].weight
        assert_array_equal(now.detach(), tensors["denoisers.0.layers.0.weight"].float())


def test_command_line(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(dumps(RECIPE.to_dict()))
    words = ["train", recipe, "--images", images, "--out", tmp_path / "out", "--device", "cpu"]
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(tmp_path / "out" / "best.safetensors")
    assert "step 6 of 6" in said.err
    recipe.write_text("{}")
    assert main([str(word) for word in words]) == 2
    assert "recipe" in capsys.readouterr().err


def test_the_log_is_drawn_beside_it(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(RECIPE, images, tmp_path)
    drawn = (tmp_path / "log.svg").read_text()
    curves = [line.split('"')[1].split() for line in drawn.splitlines() if "polyline" in line]
    assert len(curves) == 4 and all(len(points) == 2 for points in curves)
    (tmp_path / "log.svg").unlink()
    assert main(["train", "--plot", str(tmp_path / "log.jsonl")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "log.svg")
    assert (tmp_path / "log.svg").read_text() == drawn
    assert main(["train", "--plot", str(tmp_path / "best.safetensors")]) == 2
    assert "is not a log" in capsys.readouterr().err


def test_two_processes_train_what_one_does(images: Path, tmp_path: Path) -> None:
    train(RECIPE, images, tmp_path / "alone")
    (tmp_path / "recipe.json").write_text(dumps(RECIPE.to_dict()))
    words = [
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "napari_deconv",
    ]
    words += ["train", tmp_path / "recipe.json", "--images", images, "--device", "cpu"]
    for _ in range(3):  # the launcher itself now and then fails to bring its processes together
        command = [sys.executable, "-m", *words, "--out", tmp_path / "both"]
        done = subprocess.run(command, capture_output=True, timeout=300, check=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr.decode()
    alone, both = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("alone", "both")
    )
    assert alone["step"] == both["step"] == 6 and alone["rng"] == both["rng"]
    losses = []
    for name in ("alone", "both"):
        lines = (tmp_path / name / "log.jsonl").read_text().splitlines()
        losses.append(np.mean([json.loads(line)["loss"] for line in lines]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    start = state.begin(RECIPE, torch.device("cpu")).network.state_dict()
    moved, apart = (
        sum(float((alone["network"][key] - other[key]).square().sum()) for key in start) ** 0.5
        for other in (start, both["network"])
    )
    # In the first steps Adam moves by the gradients' signs, which rounding may turn.
    assert moved > 1e-3 and apart < 0.2 * moved, (moved, apart)


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(DeconvError, match=r"batch of 4 .* 3 processes.*multiple of 3"):
        Team(torch.device("cpu"), 1, 3).part([1, 2, 3, 4])


def test_sources_are_mixed_by_their_shares(images: Path, tmp_path: Path) -> None:
    for i in range(6):
        gray = np.full((40, 40), 10 * i, np.uint8)
        gray[0, 0] = 255
        Image.fromarray(gray).save(tmp_path / f"{i}.png")
    sources = (Source(share=1.0), Source(share=3.0, every=2))
    recipe = replace(RECIPE, sources=sources, generated=0.5)
    material = read_material(recipe, [images, tmp_path])
    # Of the 1st, 3rd and 5th file the 2nd is left to train on.
    assert [len(part) for part in material.training] == [2, 1]
    assert material.training[1][0][5, 5] == pytest.approx(20 / 255)
    rng = np.random.default_rng(0)
    shapes = [material.draw(rng).shape for _ in range(400)]
    shares = [shapes.count(s) / 400 for s in ((32, 32), (48, 64), (40, 40))]
    assert shares == pytest.approx([0.5, 0.125, 0.375], abs=0.08)
    with pytest.raises(DeconvError, match="2 folders of images, not 1"):
        read_material(recipe, [images])


def test_patches_are_as_bright_as_the_engine_makes_them_and_told_their_rms_noise() -> None:
    sampler = Sampler(psfs=(PSFRange(low=Gaussian(sigma_px=2.0), high=Gaussian(sigma_px=2.0)),))
    recipe = replace(RECIPE, sampler=sampler, rescaled=True, photon_share=1.0, patch_px=64)
    rng = np.random.default_rng(2)
    planes = [recipe.structures.draw((64, 64), rng) for _ in range(30)]
    batch = make_batch(planes, replace(recipe, photons_low=200.0), rng)
    tops = batch.y.flatten(1).quantile(0.995, dim=1)
    assert 0.1 < tops.min() < 0.5 < tops.max() < 1.5
    clean = torch.fft.irfft2(torch.fft.rfft2(batch.truth) * batch.otf, s=(64, 64))
    noise = (batch.y - clean).square().mean(dim=(1, 2, 3)).sqrt()
    torch.testing.assert_close(noise, batch.sigma.ravel(), rtol=0.1, atol=1e-3)


def test_photon_noise_is_told_place_by_place() -> None:
    recipe = replace(RECIPE, photon_share=0.5, photons_low=100.0, noise_low=1e-4, patch_px=64)
    rng = np.random.default_rng(3)
    ramp = np.outer(np.linspace(0.1, 1, 64), np.ones(64)).astype(np.float32)
    for part in make_batch([ramp] * 12, recipe, rng).split(12):
        clean = torch.fft.irfft2(torch.fft.rfft2(part.truth) * part.otf, s=(64, 64))
        white = (part.y - clean) / (part.sigma * part.local)
        for share in (clean < 0.4, clean > 0.7):  # dark and bright alike
            assert white[share].std() == pytest.approx(1, abs=0.12)
    assert make_batch([ramp], replace(recipe, photon_share=0.0), rng).local is None


def test_what_has_no_weights_is_refused() -> None:
    with pytest.raises(DeconvError, match="has nothing to train"):
        replace(RECIPE, method={"name": "wiener"})


def test_a_second_training_into_a_folder_is_refused(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = fit(RECIPE, images, out, device="cpu")
    next(first)
    with pytest.raises(DeconvError, match="Another run is writing"):
        train(RECIPE, images, out)
    *_, last = first
    assert last.step == RECIPE.steps and (out / "best.safetensors").exists(), "undisturbed"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
