"""Photos that would teach blur or noise are told from sharp ones, and passed over by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from napari_deconv.train.images import read_sharp
from napari_deconv.train.photo_check import fault, sharpness

PHOTO = data.camera()[100:356, 100:356].astype(np.float32) / 255


def test_a_sharp_photo_has_no_fault_and_a_blurred_or_noisy_one_is_called_so() -> None:
    assert fault(PHOTO) == ""
    assert fault(gaussian_filter(PHOTO, 1.5)).startswith("is blurred")
    noise = 0.06 * np.random.default_rng(0).standard_normal(PHOTO.shape).astype(np.float32)
    assert fault(PHOTO + noise).startswith("is noisy: 6")


def test_sharpness_is_a_quarter_of_what_is_smooth_and_a_half_of_an_edge() -> None:
    ramp = np.tile(np.arange(32, dtype=np.float32), (32, 1))
    assert sharpness(ramp) == pytest.approx(0.25)
    assert sharpness((ramp > 15).astype(np.float32)) == pytest.approx(0.5, abs=0.02)
    assert sharpness(np.zeros((8, 8), np.float32)) == 1


def test_faulty_photos_are_passed_over_only_where_that_is_asked_for(tmp_path: Path) -> None:
    for name, photo in (("a", PHOTO), ("b", gaussian_filter(PHOTO, 2)), ("c", PHOTO.T)):
        Image.fromarray((255 * photo).astype(np.uint8)).save(tmp_path / f"{name}.png")
    assert len(read_sharp(tmp_path, 64, 2)[0]) == 3
    found, skipped = read_sharp(tmp_path, 64, 2, clean=True, colours=True)
    assert list(found) == ["a.png", "c.png"] and found["a.png"].shape == (3, 256, 256)
    assert len(skipped) == 1 and "b.png is blurred" in skipped[0]
