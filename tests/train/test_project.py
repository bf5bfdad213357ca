"""A training that a person starts: it ends in the library, and survives being broken off."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from skimage import data

from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation.sampling import Sampler
from napari_deconv.engine.streaming import drain
from napari_deconv.psf import Disk, psf_hash
from napari_deconv.psf.given import GivenPSF
from napari_deconv.restoration.networks.dcnn import DCNN
from napari_deconv.train import library, loop, project, sharp
from napari_deconv.train.loop import Trained
from napari_deconv.train.recipe import Recipe
from napari_deconv.train.watch import Watch

DISK = Disk(radius_px=2.0)()
PHOTO = data.camera()[:96, :128].astype(np.float32) / 255
RECIPE = Recipe(
    method=DCNN(), sampler=Sampler(psfs=(GivenPSF.of(DISK),)), noise_low=0.01, noise_high=0.01,
    patch_px=64, batch=2, licence="x",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(tmp_path))
    monkeypatch.setattr(project, "_LOOKS", 3)


def started(name: str = "mine", minutes: float = 0.05) -> project.Project:
    return project.create(name, RECIPE, [PHOTO], minutes)


@pytest.fixture
def rising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is better than the one before."""
    monkeypatch.setattr(loop, "_psnr", lambda state, batch: 20.0 + state.step)


def test_one_image_is_cut_up_trained_on_and_the_weights_are_kept(rising: None) -> None:
    seen = []
    entry = drain(project.run(started(), "cpu", threading.Event()), seen.append)
    assert entry is not None and entry.name == "mine" and entry.psf_hash == psf_hash(DISK)
    assert entry.header["licence"] == "x" and entry.score > 15
    validated = [step for step in seen if step.psnr]
    assert validated[0].step == 0 and validated[-1].step == max(step.step for step in seen)
    assert [picture.shape for picture in validated[0].picture] == [(32, 32)] * 3
    assert project.unfinished() == []


def test_what_learned_nothing_better_leaves_no_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_psnr", lambda state, batch: 20.0)
    first = started(minutes=5)
    run = project.run(first, "cpu", threading.Event())
    next(step for step in run if step.step == 2)
    run.close()
    assert drain(project.run(started(), "cpu", threading.Event())) is None
    assert library.entries() == [] and first.kept is None
    assert project.unfinished() == []


def test_finish_early_and_cancel_keep_the_best(rising: None) -> None:
    stop = threading.Event()
    run = project.run(started(minutes=5), "cpu", stop)
    for step in run:
        if step.step == 2:
            stop.set()
    assert [entry.name for entry in library.entries()] == ["mine"]
    run = project.run(started("other", 0.2), "cpu", threading.Event())
    next(step for step in run if step.step and step.psnr)
    run.close()
    assert [entry.name for entry in library.entries()] == ["mine", "other"]
    assert project.unfinished() == []


def test_what_was_broken_off_is_offered_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_psnr", lambda state, batch: 20.0 + state.step)
    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", -1)
    first = started(minutes=5)
    run = project.run(first, "cpu", threading.Event())
    next(step for step in run if step.step == 3)
    assert project.unfinished() == []  # somebody is at it
    first.keep.set()
    run.close()
    (again,) = project.unfinished()
    assert again.name == "mine" and again.recipe == first.recipe and again.fitted
    stop = threading.Event()
    run = project.run(again, "cpu", stop)
    trained = (step.step for step in run if step.step and not step.baseline)
    assert next(trained) == 3  # the checkpoint is of step 2
    stop.set()
    list(run)
    assert [entry.name for entry in library.entries()] == ["mine"]


def test_bad_input_in_words_and_nothing_left() -> None:
    library_folder = project.data_folder() / "trainings"
    for images, minutes, said in (
        ([], 1, "no sharp images"),
        ([PHOTO[:20, :20]], 1, "too small"),
        ([PHOTO], 0, "0 minutes is not enough"),
        ([PHOTO], float("nan"), "not enough"),
    ):
        with pytest.raises(DeconvError, match=said):
            project.create("mine", RECIPE, images, minutes)
    with pytest.raises(DeconvError, match="does not do as a name"):
        started("../mine")
    assert not list(library_folder.glob("*"))


def test_sharp_images_of_any_kind_come_out_gray_and_between_0_and_1() -> None:
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 3000, (3, 20, 30)).astype(np.uint16)
    found = sharp.planes(stack, "ZYX")
    assert len(found) == 3 and max(p.max() for p in found) == 1
    colour = rng.integers(0, 200, (20, 30, 3)).astype(np.uint8)
    (gray,) = sharp.planes(colour, "YXS")
    assert gray.shape == (20, 30) and gray.max() < 200 / 255
    with pytest.raises(DeconvError, match="no usable values"):
        sharp.planes(np.full((20, 20), np.nan, np.float32), "YX")
    assert len(sharp.photos()) == 11 and sharp.fluorescence(2)[1].max() <= 1


def test_a_dead_process_whose_number_another_has_now_is_no_longer_at_it() -> None:
    began = started(minutes=5)
    file = began.folder / "project.json"
    told = json.loads(file.read_text())
    parent = psutil.Process(os.getppid())
    file.write_text(
        json.dumps(told | {"process": parent.pid, "since": parent.create_time() - 3600})
    )
    assert [found.name for found in project.unfinished()] == ["mine"]
    file.write_text(json.dumps(told | {"process": parent.pid, "since": parent.create_time()}))
    assert project.unfinished() == [], "another napari is at it"


def test_validation_takes_a_tenth_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watch = Watch(1000, 2, _began=0.0, _looked=0.0)
    looks = []
    for _ in range(200):
        now[0] += 1  # a step
        if watch.due(False):
            looks.append(now[0])
            now[0] += 3  # the validation
            list(watch.show(Trained(1, 2, psnr=(20.0,))))
    gaps = np.diff(looks)
    assert looks[0] == 3 and (gaps >= 30).all() and (gaps <= 32).all()
