"""Files keep what they say about themselves, and appear whole or not at all."""

from __future__ import annotations

import errno
import json
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from napari_deconv.core.errors import DeconvError
from napari_deconv.engine.colour import linear_to_srgb, srgb_to_linear
from napari_deconv.io import Picture, read, sidecar, write
from napari_deconv.io.photo import _chunk
from napari_deconv.io.storage import Storage
from napari_deconv.io.tiff import positions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECIPE = {"method": {"name": "wiener", "nsr": 0.1}, "noise": 1.5, "who": "µ <&>"}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pixels(*shape: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    top = min(np.iinfo(dtype).max, 2**31)
    return rng.integers(0, top, size=shape, dtype=dtype)


# -- ImageJ ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_imagej_hyperstack_stays_imagej(tmp_path: Path, dtype: str) -> None:
    data = pixels(2, 3, 2, 16, 20, dtype=dtype)
    said = {
        "axes": "TZCYX", "unit": "\\u00B5m", "spacing": 0.3, "finterval": 2.5, "mode": "composite",
        "Ranges": (0.0, 100.0, 5.0, 90.0), "Labels": [f"p{i}" for i in range(12)],
        "Info": "Objective = 63x",
    }  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, resolution=(9.75, 9.5), metadata=said)
    picture = read(tmp_path / "a.tif")
    assert (picture.axes, picture.format) == ("TZCYX", "imagej")
    assert picture.spacing("ZYX") == pytest.approx((0.3, 1 / 9.5, 1 / 9.75))
    assert (picture.units["X"], picture.pixel_size["T"], picture.units["T"]) == ("µm", 2.5, "s")

    write(tmp_path / "b.tif", data[::-1], like=picture, recipe=RECIPE)
    with tifffile.TiffFile(tmp_path / "a.tif") as old, tifffile.TiffFile(tmp_path / "b.tif") as new:
        assert new.is_imagej
        assert new.series[0].axes == "TZCYX"
        np.testing.assert_array_equal(new.asarray(), data[::-1])
        before, after = old.imagej_metadata, new.imagej_metadata
        assert after.pop("Info").startswith(before.pop("Info"))
        assert {k: str(v) for k, v in after.items()} == {k: str(v) for k, v in before.items()}
        assert new.pages[0].tags[282].value == old.pages[0].tags[282].value
        assert new.pages[0].tags[283].value == old.pages[0].tags[283].value
    assert read(tmp_path / "b.tif").recipe == RECIPE


def test_imagej_lookup_table_is_no_palette(tmp_path: Path) -> None:
    data = pixels(16, 20)
    fire = np.linspace(0, 65535, 768).reshape(3, 256).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, colormap=fire)
    write(tmp_path / "b.tif", data, like=read(tmp_path / "a.tif"))
    with tifffile.TiffFile(tmp_path / "b.tif") as new:
        assert new.is_imagej
        np.testing.assert_array_equal(new.pages[0].asarray(), data)
        np.testing.assert_array_equal(new.pages[0].colormap, fire)


def test_imagej_that_cannot_hold_the_result_becomes_ome(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", pixels(4, 9, 8), imagej=True, resolution=(4, 4),
        metadata={"axes": "ZYX", "unit": "um", "spacing": 0.5},
    )  # fmt: skip
    result = pixels(4, 9, 8, dtype="float64")
    write(tmp_path / "b.tif", result, like=read(tmp_path / "a.tif"), recipe=RECIPE)
    back = read(tmp_path / "b.tif")
    assert back.format == "ome"
    assert back.spacing("ZYX") == pytest.approx((0.5, 0.25, 0.25))
    assert back.recipe == RECIPE
    np.testing.assert_array_equal(back.data, result)


# -- OME ------------------------------------------------------------------------------------


def _ome(path: Path, data: np.ndarray, **more: Any) -> None:
    said = {
        "axes": "TCZYX", "PhysicalSizeX": 65.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.065,
        "PhysicalSizeYUnit": "µm", "PhysicalSizeZ": 0.2, "TimeIncrement": 500.0,
        "TimeIncrementUnit": "ms",
        "Channel": {"Name": ["DAPI", "GFP & co"], "EmissionWavelength": [461, 509]},
        "Description": "cells", "MapAnnotation": {"stain": "H&E"},
    }  # fmt: skip
    tifffile.imwrite(path, data, ome=True, metadata=said | more)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_ome_stays_ome_with_everything_in_its_xml(tmp_path: Path, dtype: str) -> None:
    data = pixels(2, 2, 3, 16, 20, dtype=dtype)
    _ome(tmp_path / "a.ome.tif", data)
    picture = read(tmp_path / "a.ome.tif")
    assert picture.spacing("TZYX") == pytest.approx((0.5, 0.2, 0.065, 0.065))
    assert picture.units == {"X": "µm", "Y": "µm", "Z": "µm", "T": "s"}
    assert picture.channels == ("DAPI", "GFP & co")

    write(tmp_path / "b.tif", data + 1, like=picture, recipe=RECIPE)
    write(tmp_path / "c.tif", data + 2, like=read(tmp_path / "b.tif"), recipe=RECIPE | {"noise": 2})
    with tifffile.TiffFile(tmp_path / "c.tif") as new:
        assert new.is_ome
        assert new.series[0].axes == "TCZYX"
        np.testing.assert_array_equal(new.asarray(), data + 2)
        xml = new.ome_metadata
    for kept in ('EmissionWavelength="461"', "<Description>cells</Description>", "H&amp;E"):
        assert kept in xml
    assert xml.count("napari-deconv/recipe") == 1
    assert read(tmp_path / "c.tif").recipe == RECIPE | {"noise": 2}
    assert read(tmp_path / "c.tif").pixel_size == picture.pixel_size
    # The oracle for "valid": tifffile keeps a note of what it could not use.
    assert tifffile.xml2dict(xml)["OME"]["Image"]["Pixels"]["SizeZ"] == 3


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_ome_colour_and_changed_shape(tmp_path: Path, dtype: str) -> None:
    data = pixels(3, 16, 20, 3, dtype=dtype)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", data, ome=True, photometric="rgb",
        metadata={"axes": "ZYXS", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1},
    )  # fmt: skip
    picture = read(tmp_path / "a.ome.tif")
    assert picture.axes == "ZYXS"
    write(tmp_path / "b.ome.tif", data, like=picture)
    write(tmp_path / "c.ome.tif", data[:2, :12], like=picture)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.ome.tif"), data)
    back = read(tmp_path / "c.ome.tif")
    np.testing.assert_array_equal(back.data, data[:2, :12])
    assert (back.axes, back.pixel_size) == ("ZYXS", {"X": 0.1, "Y": 0.1})


# -- plain TIFF -----------------------------------------------------------------------------

DTYPES = ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_plain_tiff_stays_plain(tmp_path: Path, dtype: str) -> None:
    data = pixels(16, 20, dtype=dtype)
    tifffile.imwrite(
        tmp_path / "a.tif", data, resolution=(11811, 11800), resolutionunit="CENTIMETER",
        description="a slide", metadata=None, photometric="minisblack", compression="zlib",
        extratags=[(315, 2, 0, "Ada", True)],
    )  # fmt: skip
    picture = read(tmp_path / "a.tif")
    assert picture.pixel_size["X"] == pytest.approx(1e4 / 11811)
    write(tmp_path / "b.tif", data, like=picture, recipe=RECIPE)
    with tifffile.TiffFile(tmp_path / "a.tif") as old, tifffile.TiffFile(tmp_path / "b.tif") as new:
        np.testing.assert_array_equal(new.asarray(), data)
        assert new.asarray().dtype == data.dtype
        assert not new.is_imagej
        assert not new.is_ome
        for code in (282, 283, 296, 262, 315):
            assert new.pages[0].tags[code].value == old.pages[0].tags[code].value
        assert new.pages[0].description.startswith("a slide\n")
    assert read(tmp_path / "b.tif").recipe == RECIPE


def test_plain_stack_keeps_axes_and_text(tmp_path: Path) -> None:
    data = pixels(3, 4, 16, 20, dtype="uint16")
    write(tmp_path / "a.tif", data, axes="TZYX", recipe=RECIPE)
    back = read(tmp_path / "a.tif")
    assert (back.axes, back.recipe) == ("TZYX", RECIPE)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), data)
    assert read(tmp_path / "a.tif", axes="ZCYX").axes == "ZCYX"


def test_pages_without_axes_are_a_stack(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(5, 16, 20), photometric="minisblack", metadata=None)
    picture = read(tmp_path / "a.tif")
    assert picture.axes == "ZYX"
    assert "taken for Z" in picture.notes[0]
    # As napari's own writer leaves a layer of two channels.
    tifffile.imwrite(tmp_path / "b.tif", pixels(2, 5, 16, 20), photometric="minisblack")
    picture = read(tmp_path / "b.tif")
    assert picture.axes == "CZYX"
    assert "taken for C, Z" in picture.notes[0]


@pytest.mark.parametrize(("samples", "planar"), [(3, "contig"), (3, "separate"), (4, "contig")])
def test_colour_tiff_with_profile_and_alpha(tmp_path: Path, samples: int, planar: str) -> None:
    data = pixels(16, 20, samples, dtype="uint16")
    stored = np.moveaxis(data, -1, 0) if planar == "separate" else data
    extra = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb",
        planarconfig=planar,
        iccprofile=SRGB,
        metadata=None,
        **extra,
    )
    picture = read(tmp_path / "a.tif")
    assert picture.axes == "YXS"
    write(tmp_path / "b.tif", data, like=picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as new:
        np.testing.assert_array_equal(new.asarray(), data)
        assert new.pages[0].iccprofile == SRGB
        assert tuple(new.pages[0].extrasamples) == ((2,) if samples == 4 else ())


def test_tiff_orientation_is_applied(tmp_path: Path) -> None:
    data = pixels(16, 20, 3)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(data).save(tmp_path / "a.tif", exif=exif)
    picture = read(tmp_path / "a.tif")
    expected = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.tif")))
    np.testing.assert_array_equal(picture.data, expected)
    write(tmp_path / "b.tif", picture.data, like=picture)
    np.testing.assert_array_equal(read(tmp_path / "b.tif").data, expected)


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_tiff_colours_that_are_not_light_are_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "a.tif")
    with pytest.raises(DeconvError, match=r"a\.tif.*Convert it to grey or RGB"):
        read(tmp_path / "a.tif")


# -- photos ---------------------------------------------------------------------------------


def _exif(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", value
    exif.get_ifd(0x8769)[0x927C] = b"private notes"
    return exif


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_orientation_applied_on_reading_and_reset_on_writing(
    tmp_path: Path, value: int, suffix: str
) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    Image.fromarray(pixels(16, 20, 3)).save(
        source, exif=_exif(value), icc_profile=SRGB, dpi=(300, 300)
    )
    picture = read(source)
    with Image.open(source) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(picture.data, expected)
    write(target, picture.data, like=picture)
    with Image.open(target) as image:
        exif = image.getexif()
        assert (exif[0x0112], exif[0x010F]) == (1, "Maker")
        assert exif.get_ifd(0x8769)[0x927C] == b"private notes"
        assert image.info["icc_profile"] == SRGB
        assert image.info["dpi"] == pytest.approx((300, 300), rel=1e-3)
        close = np.abs(np.asarray(image).astype(int) - expected)
        assert close.max() <= (0 if suffix == ".png" else 16)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_orientation_that_stands_behind_the_pixels(tmp_path: Path, dtype: str) -> None:
    data, exif = pixels(16, 20, 3, dtype=dtype), _exif(6).tobytes().removeprefix(b"Exif\0\0")
    png = imagecodecs.png_encode(data)
    end = png.rindex(b"IEND") - 4
    (tmp_path / "a.png").write_bytes(png[:end] + _chunk(b"eXIf", exif) + png[end:])
    np.testing.assert_array_equal(read(tmp_path / "a.png").data, np.rot90(data, -1))


@pytest.mark.parametrize("shape", [(16, 20), (16, 20, 2), (16, 20, 3), (16, 20, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_of_every_depth(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    data = pixels(*shape, dtype=dtype)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(data))
    picture = read(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.data, data)
    assert picture.data.dtype == data.dtype
    rich = Picture(
        data=data, axes=picture.axes, icc=SRGB, exif=_exif(3).tobytes(), info={"dpi": (72, 72)}
    )
    write(tmp_path / "b.png", data, like=rich, recipe=RECIPE)
    back = imagecodecs.png_decode((tmp_path / "b.png").read_bytes())
    np.testing.assert_array_equal(back, data)
    with Image.open(tmp_path / "b.png") as image:
        image.load()
        assert image.info["icc_profile"] == SRGB
        assert image.getexif()[0x0112] == 1
        assert image.info["dpi"] == pytest.approx((72, 72), rel=1e-3)
    assert json.loads(sidecar(tmp_path / "b.png").read_text()) == RECIPE
    assert read(tmp_path / "b.png").recipe == RECIPE


def test_palette_and_transparent_colour_are_spelt_out(tmp_path: Path) -> None:
    image = Image.fromarray(pixels(16, 20, 3)).quantize(16)
    image.save(tmp_path / "p.png")
    image.save(tmp_path / "t.png", transparency=3)
    np.testing.assert_array_equal(read(tmp_path / "p.png").data, np.asarray(image.convert("RGB")))
    assert read(tmp_path / "t.png").data.shape == (16, 20, 4)


def test_photo_formats_refuse_what_they_cannot_hold(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8)).save(tmp_path / "c.jpg")
    with pytest.raises(DeconvError, match=r"CMYK.*RGB"):
        read(tmp_path / "c.jpg")
    for name, data in {
        "a.jpg": pixels(8, 8, dtype="uint16"),
        "b.jpg": pixels(8, 8, 4),
        "c.png": pixels(8, 8, dtype="float32"),
        "d.png": pixels(5, 8, 8),
    }.items():
        with pytest.raises(DeconvError, match=r"\.tif"):
            write(tmp_path / name, data)
        assert not (tmp_path / name).exists()


def test_photo_to_tiff_keeps_profile_and_maker(tmp_path: Path) -> None:
    Image.fromarray(pixels(16, 20, 3)).save(tmp_path / "a.png", exif=_exif(6), icc_profile=SRGB)
    picture = read(tmp_path / "a.png")
    write(tmp_path / "b.tif", picture.data.astype(np.float32), like=picture, recipe=RECIPE)
    with tifffile.TiffFile(tmp_path / "b.tif") as new:
        assert new.pages[0].iccprofile == SRGB
        assert new.pages[0].tags[271].value == "Maker"
    assert read(tmp_path / "b.tif").recipe == RECIPE


# -- NPY and names --------------------------------------------------------------------------


def test_npy_without_pickle(tmp_path: Path) -> None:
    data = pixels(5, 6, dtype="float32")
    write(tmp_path / "a.npy", data, recipe=RECIPE)
    np.testing.assert_array_equal(read(tmp_path / "a.npy").data, data)
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DeconvError, match=r"evil\.npy"):
        read(tmp_path / "evil.npy")


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((3, 16, 20), "ZYX"), ((16, 20, 3), "YXS"), ((2, 16, 20, 3), "ZYXS"), ((2, 3, 4, 4), "CZYX")],
)
def test_arrays_that_do_not_name_their_axes(
    tmp_path: Path, shape: tuple[int, ...], axes: str
) -> None:
    np.save(tmp_path / "a.npy", pixels(*shape))
    assert read(tmp_path / "a.npy").axes == axes


def test_pixel_sizes_alone_make_an_imagej_file(tmp_path: Path) -> None:
    like = Picture(
        data=pixels(3, 5, 5, dtype="float32"), axes="ZYX",
        pixel_size={"Z": 0.3, "Y": 0.1, "X": 0.1}, units={"Z": "µm", "Y": "µm", "X": "µm"},
    )  # fmt: skip
    write(tmp_path / "psf.tif", like.data, like=like)
    with tifffile.TiffFile(tmp_path / "psf.tif") as tif:
        assert (tif.imagej_metadata["unit"], tif.imagej_metadata["spacing"]) == ("um", 0.3)
    assert read(tmp_path / "psf.tif").spacing("ZYX") == pytest.approx((0.3, 0.1, 0.1))


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.npy"])
def test_damaged_files_are_refused_in_words(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, pixels(64, 64))
    whole = (tmp_path / name).read_bytes()
    for bad in (b"", b"rubbish", whole[: len(whole) // 2]):
        (tmp_path / name).write_bytes(bad)
        with pytest.raises(DeconvError, match=rf"{name}.*(damaged|cut off)") as caught:
            read(tmp_path / name)
        assert not isinstance(caught.value, RuntimeError)


def test_names_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.tif").mkdir()
    for name, word in {
        "none.tif": "does not exist",
        "folder.tif": "is a folder",
        "a.oib": "not supported",
    }.items():
        with pytest.raises(DeconvError, match=word):
            read(tmp_path / name)
    with pytest.raises(DeconvError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(DeconvError, match=r"folder .* does not exist"):
        write(tmp_path / "no" / "a.tif", pixels(4, 4))


# -- whole or not at all --------------------------------------------------------------------


@contextmanager
def _largest_file(n_bytes: int) -> Iterator[None]:
    """The operating system itself refuses to write more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png", "a.jpg", "a.npy"])
def test_no_space_leaves_the_older_file_and_nothing_else(tmp_path: Path, name: str) -> None:
    old = pixels(8, 8)
    write(tmp_path / name, old)
    before = (tmp_path / name).read_bytes()
    with _largest_file(20_000), pytest.raises(DeconvError, match=r"no space.*Free some"):
        write(tmp_path / name, pixels(300, 300), recipe=RECIPE)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


def test_no_space_for_the_recipe_leaves_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(DeconvError, match="no space"):
        write(tmp_path / "a.png", pixels(8, 8), recipe=RECIPE)
    assert list(tmp_path.iterdir()) == []


def test_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(file: Path, *_: object, **__: object) -> None:
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(tifffile, "imwrite", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.tif", pixels(8, 8))
    assert list(tmp_path.iterdir()) == []


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", pixels(8, 8))
    (tmp_path / "link.tif").symlink_to(tmp_path / "a.tif")
    picture = read(tmp_path / "a.tif")
    for name in ("a.tif", "link.tif"):
        with pytest.raises(DeconvError, match="never overwritten"):
            write(tmp_path / name, picture.data, like=picture)


# -- light ----------------------------------------------------------------------------------


def test_srgb_curve() -> None:
    values = np.linspace(-0.2, 1.3, 301, dtype=np.float32)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(values)), values, atol=1e-6)
    np.testing.assert_allclose(
        srgb_to_linear(np.array([0, 0.04045, 0.5, 1])), [0, 0.0031308, 0.2140411, 1], atol=1e-6
    )
    assert srgb_to_linear(values).dtype == np.float32


# -- several positions, and how pixels are stored -------------------------------------------


def several(path: Path, count: int = 3) -> list[np.ndarray]:
    """An OME-TIFF of some positions; each has its own pixel size and channel names."""
    stacks = [pixels(2, 3, 20, 24, dtype="uint16", seed=n) for n in range(count)]
    with tifffile.TiffWriter(path, ome=True) as tif:
        for number, stack in enumerate(stacks):
            about = {
                "axes": "CZYX",
                "Name": f"field {number}",
                "PhysicalSizeX": 0.1 * (number + 1),
                "PhysicalSizeXUnit": "µm",
                "Channel": {"Name": [f"DAPI {number}", f"GFP {number}"]},
            }
            tif.write(stack, metadata=about, photometric="minisblack")
    return stacks


def test_every_position_is_read_with_its_own_metadata(tmp_path: Path) -> None:
    path = tmp_path / "fields.ome.tif"
    stacks = several(path)
    assert positions(path) == ("field 0", "field 1", "field 2")
    for number, stack in enumerate(stacks):
        picture = read(path, position=number)
        assert np.array_equal(picture.data, stack) and picture.axes == "CZYX"
        assert picture.pixel_size["X"] == pytest.approx(0.1 * (number + 1))
        assert picture.channels == (f"DAPI {number}", f"GFP {number}")
        write(tmp_path / f"{number}.ome.tif", stack, like=picture, recipe=RECIPE)
        again = read(tmp_path / f"{number}.ome.tif")
        assert again.channels == picture.channels and again.recipe == RECIPE
        assert again.pixel_size == picture.pixel_size
        with tifffile.TiffFile(tmp_path / f"{number}.ome.tif") as tif:
            assert tif.ome_metadata.count("<Image") == 1
    with pytest.raises(DeconvError, match="no position 3: it holds 3 images"):
        read(path, position=3)
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(DeconvError, match="no position 1: it holds one image"):
        read(tmp_path / "a.png", position=1)


@pytest.mark.parametrize("axes", ["TCZYX", "YX", "YXS"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_pyramid_has_levels_that_tifffile_knows(tmp_path: Path, axes: str, dtype: str) -> None:
    sizes = {"T": 2, "C": 2, "Z": 3, "Y": 700, "X": 601, "S": 3}
    data = pixels(*(sizes[a] for a in axes), dtype=dtype)
    path = tmp_path / "large.ome.tif"
    write(path, data, axes=axes, recipe=RECIPE, storage=Storage(pyramid=True, compression="zlib"))
    with tifffile.TiffFile(path) as tif:
        assert tif.is_ome
        series = tif.series[0]
        assert [level.shape[level.axes.index("Y")] for level in series.levels] == [700, 350, 175]
        assert series.keyframe.tile == (512, 512)
        assert series.keyframe.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        coarse = series.levels[1].asarray()
        middle = [slice(None)] * data.ndim
        y, x = axes.index("Y"), axes.index("X")
        middle[y], middle[x] = slice(0, 700), slice(0, 600)
        fine = data[tuple(middle)].astype(np.float64)
        shape = [n for a, n in zip(axes, fine.shape, strict=True) for n in
                 ((n // 2, 2) if a in "YX" else (n,))]  # fmt: skip
        along = tuple(i for i, n in enumerate(_split(axes)) if n == "2")
        mean = fine.reshape(shape).mean(along)
        cut = tuple(slice(0, 300) if a == "X" else slice(None) for a in axes)
        assert np.abs(coarse[cut] - mean).max() <= (0.5 if dtype == "uint8" else 1e-5)
    picture = read(path)
    assert np.array_equal(picture.data, data) and picture.recipe == RECIPE
    assert picture.axes == axes


def _split(axes: str) -> str:
    return "".join(a + "2" if a in "YX" else a for a in axes)


def test_tiles_and_compression_are_for_ome_and_checked(tmp_path: Path) -> None:
    data = np.zeros((64, 80), np.uint16)
    write(tmp_path / "a.ome.tif", data, storage=Storage(tile=32, compression="zstd"))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        page = tif.pages.first
        assert page.tile == (32, 32) and page.compression == tifffile.COMPRESSION.ZSTD
    for name in ("a.tif", "a.png", "a.npy"):
        with pytest.raises(DeconvError, match=r"for OME-TIFF\. End the name in \.ome\.tif"):
            write(tmp_path / name, data, storage=Storage(tile=32))
    with pytest.raises(DeconvError, match="multiple of 16"):
        Storage(tile=100)
    with pytest.raises(DeconvError, match="compression = 'rar' is not a choice"):
        Storage(compression="rar")
