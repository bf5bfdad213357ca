"""A part of an image keeps what the file says of it; projections keep their calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_deconv.core.errors import DeconvError
from napari_deconv.io import Part, Picture, projections, read, write
from napari_deconv.io.optics import optics_of

SHAPE = (2, 2, 6, 20, 24)  # TCZYX
DATA = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
CHANNELS = {
    "Name": ["DAPI", "GFP"],
    "EmissionWavelength": [461, 509],
    "EmissionWavelengthUnit": ["nm", "nm"],
}


def ome(path: Path) -> Picture:
    about = {"axes": "TCZYX", "PhysicalSizeX": 0.1, "PhysicalSizeZ": 0.4, "Channel": CHANNELS}
    tifffile.imwrite(path, DATA, metadata=about, photometric="minisblack")
    return read(path)


def imagej(path: Path) -> Picture:
    info = "NumericalAperture = 1.2\nEmissionWavelength #1 = 461\nEmissionWavelength #2 = 509"
    about = {"axes": "TZCYX", "unit": "um", "spacing": 0.4, "Info": info}
    stack = DATA.transpose(0, 2, 1, 3, 4)
    tifffile.imwrite(path, stack, imagej=True, resolution=(10, 10), metadata=about)
    return read(path)


@pytest.mark.parametrize("made", [ome, imagej])
def test_a_part_has_the_metadata_of_its_channels(tmp_path: Path, made: object) -> None:
    name = f"a{'.ome' * (made is ome)}.tif"
    picture = made(tmp_path / name)  # type: ignore[operator]
    part = Part({"T": (0, 1), "C": (1, 2), "Z": (2, 5), "Y": (3, 12), "X": (4, 20)})
    taken = part.of(picture)
    place = dict(zip(picture.axes, range(5), strict=True))
    expected = picture.data.transpose([place[a] for a in "TCZYX"])[:1, 1:2, 2:5, 3:12, 4:20]
    order = [taken.axes.index(a) for a in "TCZYX"]
    assert np.array_equal(taken.data.transpose(order), expected)
    assert optics_of(taken).emission_nm == (509.0,)
    assert taken.channels == picture.channels[1:2]
    assert taken.pixel_size["Z"] == pytest.approx(0.4)
    write(tmp_path / f"part-{name}", taken.data, like=taken)
    again = read(tmp_path / f"part-{name}")
    assert again.data.shape == taken.data.squeeze().shape or again.data.size == taken.data.size
    assert again.pixel_size["X"] == pytest.approx(0.1)


def test_one_plane_is_an_image_by_itself_and_other_axes_stay(tmp_path: Path) -> None:
    picture = ome(tmp_path / "a.ome.tif")
    taken = Part({"Z": (2, 3), "C": (0, 1)}, plane=True).of(picture)
    assert taken.axes == "TCYX" and taken.data.shape == (2, 1, 20, 24)
    assert "Z" not in taken.pixel_size
    write(tmp_path / "b.ome.tif", taken.data, like=taken)
    again = read(tmp_path / "b.ome.tif")
    assert np.array_equal(again.data.ravel(), taken.data.ravel()) and again.channels == ("DAPI",)


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ({"Z": (4, 9)}, r"4:9 of z does not fit: a.tif has 6\. Give a range within 0:6"),
        ({"Y": (5, 5)}, "5:5 of y does not fit"),
        ({"S": (0, 1)}, "no S to take a part of"),
    ],
)
def test_a_part_that_is_not_there_is_named(ranges: dict, words: str) -> None:
    with pytest.raises(DeconvError, match=words):
        Part(ranges).of(Picture(data=DATA, axes="TCZYX"), "a.tif")


def test_projections_are_calibrated_along_what_they_show() -> None:
    sizes = {"Z": 0.4, "Y": 0.2, "X": 0.1}
    picture = Picture(data=DATA, axes="TCZYX", pixel_size=sizes, units=dict.fromkeys(sizes, "µm"))
    flat = dict(projections(picture))
    assert list(flat) == ["max-z", "max-y", "max-x"]
    assert all(one.axes == "TCYX" for one in flat.values())
    assert np.array_equal(flat["max-z"].data, DATA.max(2))
    assert np.array_equal(flat["max-y"].data, DATA.max(3))
    assert np.array_equal(flat["max-x"].data, DATA.max(4).swapaxes(-1, -2))
    assert flat["max-z"].spacing("YX") == (0.2, 0.1)
    assert flat["max-y"].spacing("YX") == (0.4, 0.1)
    assert flat["max-x"].spacing("YX") == (0.2, 0.4)
