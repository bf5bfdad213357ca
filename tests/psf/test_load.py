"""Reading a PSF from a file: what comes back, and what is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_deconv.core.errors import DeconvError
from napari_deconv.psf import Disk, Gaussian, load
from napari_deconv.psf.measured import from_array


@pytest.mark.parametrize("psf", [Disk()(), Gaussian(sigma_px=(2, 1, 1))()], ids=["2-D", "3-D"])
@pytest.mark.parametrize("suffix", ["npy", "tif", "TIFF"])
def test_values_come_back_as_they_stand(tmp_path: Path, psf: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"psf.{suffix}"
    np.save(path, psf) if suffix == "npy" else tifffile.imwrite(path, psf)
    np.testing.assert_array_equal(load(path), psf)
    assert load(str(path)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_of_8_and_16_bit(tmp_path: Path, dtype: type) -> None:
    array = (Disk()() * 100 * np.iinfo(dtype).max / 2).astype(dtype)
    Image.fromarray(array).save(tmp_path / "psf.png")
    np.testing.assert_array_equal(load(tmp_path / "psf.png"), array)


@pytest.mark.parametrize("samples", [3, 4])
def test_colours_are_averaged_and_alpha_dropped(tmp_path: Path, samples: int) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (7, 9, samples), dtype=np.uint8)
    expected = colour[..., :3].mean(axis=-1)
    Image.fromarray(colour).save(tmp_path / "psf.png")
    tifffile.imwrite(tmp_path / "psf.tif", colour, photometric="rgb")
    for name in ("psf.png", "psf.tif"):
        np.testing.assert_allclose(load(tmp_path / name), expected, rtol=1e-6)


def test_leading_axes_of_one_are_dropped() -> None:
    assert from_array(np.ones((1, 1, 5, 7))).shape == (5, 7)
    assert from_array(np.ones((1, 7))).shape == (1, 7)


def test_a_missing_file_and_an_unknown_kind(tmp_path: Path) -> None:
    for name in ("absent.tif", "psf.xyz", "folder.npy"):
        (tmp_path / "folder.npy").mkdir(exist_ok=True)
        with pytest.raises(DeconvError, match=name):
            load(tmp_path / name)


@pytest.mark.parametrize("name", ["psf.npy", "psf.tif", "psf.png"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00", b"II*\x00\x08\x00"])
def test_a_corrupt_file(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DeconvError, match=name):
        load(tmp_path / name)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "psf.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(DeconvError, match="pickled"):
        load(tmp_path / "psf.npy")


@pytest.mark.parametrize(
    "array", [np.ones((3, 3), complex), np.array([["a"]]), np.ones(5), np.ones((2, 3, 3, 3)),
              np.ones((0, 3))]
)  # fmt: skip
def test_what_is_no_psf(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "psf.npy", array)
    with pytest.raises(DeconvError, match=r"psf\.npy"):
        load(tmp_path / "psf.npy")
