"""Which weights a network takes, and what it says of images they were not made for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data

from napari_deconv.core.progress import Result
from napari_deconv.degradation.sampling import PSFRange, Sampler
from napari_deconv.degradation.structures import Structures
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Disk, Gaussian
from napari_deconv.restoration import weights
from napari_deconv.restoration.networks.any_psf import width_px
from napari_deconv.restoration.networks.domain import domain_of
from napari_deconv.restoration.networks.fcnn import FCNN
from napari_deconv.restoration.weights import packed, read_header
from napari_deconv.train.recipe import Recipe

PHOTO = data.camera()[100:164, 100:164].astype(np.float32) / 255
NARROW = Gaussian(sigma_px=1.5)()
SAMPLER = Sampler(psfs=(PSFRange(low=Gaussian(sigma_px=1.0), high=Gaussian(sigma_px=3.0)),))
RECIPE = Recipe(method=FCNN(iterations=1), sampler=SAMPLER, noise_low=0.004, noise_high=0.05)


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Shipped: photo weights for two families of PSFs, and ones for fluorescence."""
    disks = Sampler(psfs=(PSFRange(low=Disk(radius_px=5.0), high=Disk(radius_px=9.0)),))
    recipes = {
        "fcnn-1": RECIPE,
        "wide": replace(RECIPE, sampler=disks),
        "cells": replace(RECIPE, generated=0.5),
    }
    network = FCNN(iterations=1).network()
    for name, recipe in recipes.items():
        header = {"recipe": recipe.to_dict(), "trained_on": "", "licence": "", "scores": {}}
        raw = packed(recipe.method, network, header)
        (tmp_path / f"{name}.safetensors").write_bytes(raw)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    return tmp_path


def restored(image: np.ndarray, psf: np.ndarray, noise: float, **fields: Any) -> Result:
    return drain(stream(FCNN(iterations=1, **fields), image, psf, noise=noise))


@pytest.mark.parametrize(
    ("domain", "psf", "chosen"),
    [
        ("photo", NARROW, "fcnn-1"),
        ("photo", Disk(radius_px=8.5)(), "wide"),
        ("fluorescence", NARROW, "cells"),
        ("automatic", NARROW, "fcnn-1"),
    ],
)
def test_weights_are_chosen_by_domain_and_psf(domain: str, psf: np.ndarray, chosen: str) -> None:
    recipe = restored(PHOTO, psf, 0.01, domain=domain).recipe
    assert recipe["chosen"]["weights"] == chosen
    assert recipe["method"]["weights"] == "" and recipe["method"]["domain"] == domain


def test_named_weights_are_taken_and_missing_ones_refused(shelf: Path) -> None:
    assert "chosen" not in restored(PHOTO, NARROW, 0.01, weights="wide").recipe
    (shelf / "cells.safetensors").unlink()
    found = restored(PHOTO, NARROW, 0.01, domain="fluorescence")
    assert found.recipe["chosen"]["weights"] == "fcnn-1"
    assert "made for photos." in " ".join(map(str, found.notes))


def test_photo_weights_on_fluorescence_say_which_to_take() -> None:
    found = restored(PHOTO, NARROW, 0.01, domain="fluorescence", weights="wide")
    assert "made for photos; for fluorescence take FCNN (cells)." in " ".join(map(str, found.notes))


def test_nothing_is_said_within_the_range_and_outside_it_is_named() -> None:
    assert restored(PHOTO, NARROW, 0.01, domain="photo").notes == ()
    loud = " ".join(map(str, restored(PHOTO, NARROW, 0.2, domain="photo").notes))
    assert "outside the 0.4% to 5%" in loud and "'fcnn-1'" in loud
    blurry = restored(PHOTO, Gaussian(sigma_px=7.0)(), 0.01, weights="fcnn-1")
    wide = " ".join(map(str, blurry.notes))
    assert "The PSF, 55 x 55 pixels" in wide or "The PSF, 53 x 53 pixels" in wide


def test_in_microscopy_the_reblur_residual_is_shown_and_recorded() -> None:
    image = (PHOTO * 800).astype(np.uint16)
    result = restored(image, NARROW, 8.0)
    note = next(text for text in map(str, result.notes) if "can invent structure" in text)
    assert f"{result.recipe['reblur_rms']:.3g} (RMS)" in note
    blurred = torch.nn.functional.conv2d(
        torch.from_numpy(result.data.astype(np.float32))[None, None],
        torch.from_numpy(NARROW.astype(np.float32))[None, None],
    )
    edge = NARROW.shape[0] // 2
    inside = (slice(edge, -edge),) * 2
    by_hand = (blurred[0, 0].numpy() - image[inside]).std()
    assert result.recipe["reblur_rms"] == pytest.approx(by_hand, rel=0.5)


def test_domains() -> None:
    rng = np.random.default_rng(1)
    planes = [Structures(kinds=("spots",)).draw((96, 96), rng)[None] for _ in range(8)]
    assert sum(domain_of(plane) == "fluorescence" for plane in planes) >= 6
    assert domain_of(data.camera()[None]) == domain_of(data.coins()[None]) == "photo"
    assert domain_of(np.stack([planes[0][0]] * 3)) == "photo"
    assert domain_of(PHOTO[None], bits=16) == "fluorescence"
    assert domain_of(PHOTO[None], most=4000.0) == "fluorescence"
    assert domain_of(PHOTO[None], bits=8, most=255) == "photo"


def test_widths_of_known_shapes() -> None:
    assert width_px(Gaussian(sigma_px=3.0)())[0] == pytest.approx(12, rel=0.02)
    assert width_px(Disk(radius_px=6.0)()) == pytest.approx((12, 12), rel=0.04)


def test_a_header_is_read_without_the_tensors(shelf: Path) -> None:
    file = shelf / "cells.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    assert read_header(file)["recipe"]["generated"] == 0.5
