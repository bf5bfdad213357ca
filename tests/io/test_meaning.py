"""Tags that say what a number means are applied when reading, by every door alike."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

import napari_deconv as nd
from napari_deconv.blocks import open_source
from napari_deconv.cli import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import Picture, read, write
from napari_deconv.io.photo import _chunk

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (16, 20), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (16, 20, 3), dtype=np.uint8)
STACK = RNG.integers(0, 65536, (3, 16, 20)).astype(np.uint16)


def _lazy(path: Path) -> np.ndarray:
    source = open_source(path)
    try:
        whole = np.asarray(source.array)
        # Any part is that part of the whole.
        for key in (np.s_[..., 3:9, 2:5], np.s_[..., 7, 1:19:3], np.s_[..., -1, :]):
            np.testing.assert_array_equal(source.array[key], whole[key])
        assert source.array.dtype == whole.dtype
        return whole
    finally:
        source.close()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int8", "int16"])
def test_zero_as_white_is_turned_around(tmp_path: Path, dtype: str) -> None:
    limits = np.iinfo(dtype)
    meant = RNG.integers(limits.min, limits.max, (16, 20), dtype=dtype, endpoint=True)
    stored = (int(limits.min) + int(limits.max) - meant.astype(np.int64)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", byteorder=">")
    for found in (read(tmp_path / "a.tif").data, _lazy(tmp_path / "a.tif")):
        np.testing.assert_array_equal(found, meant)
        assert found.dtype == meant.dtype
    np.testing.assert_array_equal(nd.psf.load(tmp_path / "a.tif"), meant.astype(np.float32))
    # What is written says the same in every program.
    write(tmp_path / "b.tif", meant, like=read(tmp_path / "a.tif"))
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert tif.pages.first.photometric == 1
        np.testing.assert_array_equal(tif.asarray(), meant)


def test_zero_as_white_of_real_numbers_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), "f4"), photometric="miniswhite")
    with pytest.raises(DeconvError, match=r"a\.tif: its 0 is white.*Invert it"):
        read(tmp_path / "a.tif")


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(GREY > 128).save(tmp_path / "a.tif", compression="group4")
    tifffile.imwrite(tmp_path / "b.tif", GREY > 128, photometric="minisblack")
    for name in ("a.tif", "b.tif"):
        np.testing.assert_array_equal(read(tmp_path / name).data, (GREY > 128) * 255)
        np.testing.assert_array_equal(_lazy(tmp_path / name), (GREY > 128) * 255)


@pytest.mark.parametrize("step", [257, 256, 1])
def test_palettes_are_spelt_out(tmp_path: Path, step: int) -> None:
    ramp = np.tile((np.arange(256)[::-1] * step).astype(np.uint16), (3, 1))
    tifffile.imwrite(tmp_path / "grey.tif", 255 - GREY, photometric="palette", colormap=ramp)
    np.testing.assert_array_equal(read(tmp_path / "grey.tif").data, GREY)
    np.testing.assert_array_equal(_lazy(tmp_path / "grey.tif"), GREY)
    image = Image.fromarray(COLOUR).quantize(16)
    image.save(tmp_path / "colour.tif")
    picture = read(tmp_path / "colour.tif")
    assert picture.axes == "YXS"
    np.testing.assert_array_equal(picture.data, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_luma_and_colour_differences_become_colours(tmp_path: Path, planar: str) -> None:
    coded = np.asarray(Image.fromarray(COLOUR).convert("YCbCr"))
    stored = np.moveaxis(coded, -1, 0) if planar == "separate" else coded
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="ycbcr", planarconfig=planar)
    found = read(tmp_path / "a.tif").data.astype(int)
    oracle = np.asarray(Image.fromarray(coded, "YCbCr").convert("RGB"))
    assert np.abs(found - oracle).max() <= 1


def test_jpeg_within_tiff_is_decoded_as_pillow_does(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8)
    photo = Image.fromarray(np.dstack([smooth, smooth[::-1], 255 - smooth]))
    photo.convert("YCbCr").save(tmp_path / "a.tif", compression="jpeg")
    with Image.open(tmp_path / "a.tif") as image:
        oracle = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(read(tmp_path / "a.tif").data - oracle).max() <= 1


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("bands", [2, 4])
def test_a_band_is_no_alpha_unless_it_says_so(tmp_path: Path, planar: str, bands: int) -> None:
    data = np.dstack([COLOUR, GREY])[..., -bands:]
    stored = np.moveaxis(data, -1, 0) if planar == "separate" else data
    kind = "rgb" if bands == 4 else "minisblack"
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric=kind, planarconfig=planar,
        extrasamples=["unspecified"],
    )  # fmt: skip
    picture = read(tmp_path / "a.tif")
    assert picture.axes == "CYX"
    assert "none is said to be alpha" in picture.notes[0]
    np.testing.assert_array_equal(picture.data, np.moveaxis(data, -1, 0))
    np.testing.assert_array_equal(_lazy(tmp_path / "a.tif"), picture.data)
    write(tmp_path / "b.tif", picture.data, like=picture)
    assert read(tmp_path / "b.tif").axes == "CYX"


def test_colours_multiplied_by_alpha_are_divided_by_it(tmp_path: Path) -> None:
    alpha = np.full((16, 20, 1), 128, np.uint8)
    alpha[:4] = 0
    stored = np.dstack([np.rint(COLOUR * (alpha / 255)).astype(np.uint8), alpha])
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["assocalpha"])
    picture = read(tmp_path / "a.tif")
    assert np.abs(picture.data[4:, :, :3].astype(int) - COLOUR[4:]).max() <= 1
    np.testing.assert_array_equal(picture.data[..., 3:], alpha)
    write(tmp_path / "b.tif", picture.data, like=picture)
    np.testing.assert_array_equal(read(tmp_path / "b.tif").data, picture.data)


def test_imagej_signed_values(tmp_path: Path) -> None:
    said = {"axes": "ZYX", "cf": 0, "c0": -32768.0, "c1": 1.0, "vunit": "gray value"}
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, metadata=said)
    meant = (STACK.astype(np.int32) - 32768).astype(np.int16)
    picture = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.data, meant)
    np.testing.assert_array_equal(_lazy(tmp_path / "a.tif"), meant)
    write(tmp_path / "b.tif", meant, like=picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        np.testing.assert_array_equal(tif.asarray(), STACK)
        assert tif.imagej_metadata["c0"] == -32768.0
    np.testing.assert_array_equal(read(tmp_path / "b.tif").data, meant)


def test_imagej_inverted_table_is_a_way_to_look(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY, imagej=True, photometric="miniswhite")
    picture = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.data, GREY)
    write(tmp_path / "b.tif", GREY, like=picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert tif.pages.first.photometric == 0


@pytest.mark.parametrize("value", range(1, 9))
def test_stacks_are_turned_upright_on_disk_too(tmp_path: Path, value: int) -> None:
    turns = {
        1: STACK, 2: STACK[:, :, ::-1], 3: STACK[:, ::-1, ::-1], 4: STACK[:, ::-1],
        5: STACK.transpose(0, 2, 1), 6: np.rot90(STACK, -1, (1, 2)),
        7: STACK[:, ::-1, ::-1].transpose(0, 2, 1), 8: np.rot90(STACK, 1, (1, 2)),
    }  # fmt: skip
    tifffile.imwrite(
        tmp_path / "a.tif", STACK, metadata={"axes": "ZYX"}, photometric="minisblack",
        resolution=(10_000, 20_000), resolutionunit=3, extratags=[(274, 3, 1, value, False)],
    )  # fmt: skip
    picture = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.data, turns[value])
    np.testing.assert_array_equal(_lazy(tmp_path / "a.tif"), turns[value])
    sizes = (0.5, 1.0) if value < 5 else (1.0, 0.5)
    assert picture.spacing("YX") == pytest.approx(sizes)
    write(tmp_path / "b.tif", picture.data, like=picture)
    back = read(tmp_path / "b.tif")
    np.testing.assert_array_equal(back.data, turns[value])
    assert back.spacing("YX") == pytest.approx(sizes)


# -- PNG and its relatives ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_how_numbers_become_light_is_kept(tmp_path: Path, dtype: str) -> None:
    chunks = {
        b"gAMA": struct.pack(">I", 100_000),
        b"cHRM": struct.pack(">8I", *range(8)),
        b"cICP": bytes([9, 16, 0, 1]),
    }
    png = imagecodecs.png_encode(COLOUR.astype(dtype))
    light = b"".join(_chunk(name, body) for name, body in chunks.items())
    (tmp_path / "a.png").write_bytes(png[:33] + light + png[33:])
    picture = read(tmp_path / "a.png")
    write(tmp_path / "b.png", picture.data, like=picture)
    assert light in (tmp_path / "b.png").read_bytes()
    np.testing.assert_array_equal(read(tmp_path / "b.png").data, COLOUR)


@pytest.mark.parametrize("colours", [1, 3])
def test_a_transparent_value_of_16_bits(tmp_path: Path, colours: int) -> None:
    data = RNG.integers(0, 65536, (6, 7, colours)).astype(np.uint16)
    png = imagecodecs.png_encode(data if colours > 1 else data[..., 0])
    clear = data[2, 3].astype(">u2").tobytes()
    at = png.index(b"IDAT") - 4
    (tmp_path / "a.png").write_bytes(png[:at] + _chunk(b"tRNS", clear) + png[at:])
    found = read(tmp_path / "a.png").data
    np.testing.assert_array_equal(found[..., :colours], data)
    assert found[2, 3, colours] == 0
    assert np.count_nonzero(found[..., colours]) == 41


def test_what_a_file_is_counts_not_its_name(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read(tmp_path / "a.jpg").data, COLOUR)
    for name, kind in {"a.webp": "WebP", "a.gif": "GIF", "a.tif": "TIFF", "a.avif": "AVIF"}.items():
        Image.fromarray(COLOUR).save(tmp_path / name)
        (tmp_path / name).rename(tmp_path / "b.png")
        with pytest.raises(DeconvError, match=rf"b\.png.*{kind}.*right name"):
            read(tmp_path / "b.png")


def test_no_photo_starts_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    for suffix in (".png", ".jpg", ".bmp", ".tif"):
        path = tmp_path / f"psf{suffix}"
        path.write_bytes(content)
        for door in (nd.psf.load, read):
            with pytest.raises(DeconvError, match=path.name):
                door(path)
    assert not (tmp_path / "ran").exists()


def test_the_first_of_several_pictures_with_a_word(tmp_path: Path) -> None:
    frames = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1])]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    picture = read(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.data, COLOUR)
    assert "2 pictures" in picture.notes[0]


@pytest.mark.parametrize("kind", ["png", "npy", "tif"])
def test_what_does_not_fit_is_refused_before_it_is_decoded(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        available = 100

    write(tmp_path / f"a.{kind}", GREY)
    monkeypatch.setattr("napari_deconv.io.complete.psutil.virtual_memory", Full)
    with pytest.raises(DeconvError, match="block by block"):
        read(tmp_path / f"a.{kind}")


def test_one_reader_for_psfs_too(tmp_path: Path) -> None:
    deep = (COLOUR.astype(np.uint16) << 8) + 7
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep))
    np.testing.assert_allclose(nd.psf.load(tmp_path / "a.png"), deep.mean(-1), rtol=1e-6)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "b.png", exif=exif.tobytes())
    np.testing.assert_array_equal(nd.psf.load(tmp_path / "b.png"), np.rot90(GREY, -1))
    Image.fromarray(GREY).save(tmp_path / "c.bmp")
    np.testing.assert_array_equal(nd.psf.load(tmp_path / "c.bmp"), GREY)
    with pytest.raises(DeconvError, match="not supported"):
        write(tmp_path / "d.bmp", GREY, like=Picture(data=GREY, axes="YX"))


@pytest.mark.parametrize(
    ("name", "body", "other"),
    [
        (b"gAMA", struct.pack(">I", 100_000), True),
        (b"gAMA", struct.pack(">I", 45_455), False),
        (b"cICP", bytes([9, 16, 0, 1]), True),
        (b"cICP", bytes([1, 13, 0, 1]), False),
    ],
)
def test_linear_is_for_srgb(
    tmp_path: Path, name: bytes, body: bytes, other: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    png = imagecodecs.png_encode(COLOUR)
    (tmp_path / "a.png").write_bytes(png[:33] + _chunk(name, body) + png[33:])
    run = ["deconvolve", str(tmp_path / "a.png"), "--psf", "disk:radius_px=1", "--method", "wiener"]
    assert main([*run, "--linear", "-o", str(tmp_path / "b.png")]) == int(other)
    assert ("not sRGB" in capsys.readouterr().err) == other
    assert main([*run, "-o", str(tmp_path / "c.tif")]) == 0
    assert ("PNG files only" in capsys.readouterr().err) == other
