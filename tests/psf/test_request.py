"""One PSF request: its JSON, where a PSF comes from, and one verdict on whether it can be used."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import napari_deconv as nd
from napari_deconv import DeconvError
from napari_deconv.__main__ import main
from napari_deconv.io import Picture, write
from napari_deconv.psf import (
    Confocal,
    DepthPSF,
    Disk,
    Fact,
    FromMetadata,
    Gaussian,
    ImageFacts,
    PsfRequest,
    RegionPSF,
    Values,
    WideField,
    repair,
    through,
)

UM = {"Z": 0.3, "Y": 0.1, "X": 0.1}
PLANE = ImageFacts((40, 44), {"Y": 0.1, "X": 0.1}, "µm", {"Y": 0.1, "X": 0.1})
STACK = ImageFacts((8, 40, 44), UM, "µm", UM)
DEEP = WideField(numerical_aperture=0.75, refractive_index_immersion=1.515, model="scalar")

lengths = st.floats(1e-3, 50)
names = st.text(max_size=9)
facts = st.builds(Fact, names, lengths | names, names, names, st.booleans())
simple = st.builds(
    PsfRequest,
    generator=st.none() | st.builds(Disk, radius_px=st.floats(0.5, 9)) | st.just(DEEP),
    file=names,
    layer=names,
    metadata=st.none()
    | st.builds(
        FromMetadata,
        st.sampled_from(["auto", "confocal"]),
        st.dictionaries(st.just("depth_um"), lengths),
        st.booleans(),
    ),
    size=st.none() | st.lists(st.integers(1, 99), min_size=2, max_size=3).map(tuple),
    pixel_size=st.none() | st.lists(lengths, min_size=2, max_size=3).map(tuple),
    depths=st.integers(1, 9),
    regions=st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4)),
    repair=st.booleans(),
    facts=st.lists(facts, max_size=2).map(tuple),
    history=st.fixed_dictionaries({}, optional={"beads": st.integers(1, 9)}),
)


@given(simple, st.dictionaries(st.integers(0, 9), simple, max_size=2))
def test_a_request_survives_json(request: PsfRequest, channels: dict[int, PsfRequest]) -> None:
    request = replace(request, channels=channels)
    text = json.dumps(request.to_dict())
    assert PsfRequest.from_dict(json.loads(text)) == request


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ({"name": "disk", "radius_px": 2.0}, PsfRequest(Disk(radius_px=2.0))),
        (
            {
                "spec": {"name": "disk", "radius_px": 2.0}, "ndim": 2, "size": None,
                "pixel_size": [1, 1], "repaired": "even, cut", "repair": {"image_shape": [4, 4]},
                "shape": [5, 5], "sha256": "0",
            },
            PsfRequest(Disk(radius_px=2.0), pixel_size=(1.0, 1.0), repair=True),
        ),
        ({"layer": "PSF", "beads": 4}, PsfRequest(layer="PSF", history={"beads": 4})),
        (
            {"spec": {"name": "disk"}, "channels": [{"channel": 1, "file": "a.tif"}]},
            PsfRequest(Disk(), channels={1: PsfRequest(file="a.tif")}),
        ),
        ({}, PsfRequest()),
    ],
)  # fmt: skip
def test_recipes_of_earlier_versions_load(recorded: dict[str, Any], expected: PsfRequest) -> None:
    assert PsfRequest.from_dict(recorded) == expected


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ({"spec": {"name": "disc"}}, "disk"),
        ({"spec": 3}, "spec = 3"),
        ({"size": [0, 3]}, r"size\[0\] = 0"),
        ({"pixel_size": [1, -1]}, r"pixel_size\[1\]"),
        ({"depths": "x"}, "depths = 'x'"),
        ({"channels": [{"spec": {"name": "disk"}}]}, "no 'channel'"),
        ({"file": 5}, "file = 5"),
        ({"optics": [{"field": "kind"}]}, "no 'value'"),
        ({"metadata": {"kind": 3}}, "kind = 3"),
        ({"metadata": {"fields": {"pixel_size": 3}}}, "field of a microscope 'pixel_size'"),
        ({"channels": [{"channel": 0, "channels": [{}]}]}, "There is no PSF"),
        ([], "not an object"),
    ],
)
def test_recipes_that_do_not_fit_are_refused_in_words(recorded: Any, words: str) -> None:
    with pytest.raises(DeconvError, match=words):
        PsfRequest.from_dict(recorded).prepare()


def test_a_generator_is_rendered_for_the_image_or_as_it_is_asked_for() -> None:
    soft = Gaussian(sigma_px=2.0)
    cases = {
        (None, None): soft(),
        ((7, 9), None): soft((7, 9)),
        (None, (1.0, 0.5)): soft(None, (1.0, 0.5)),
    }
    for (size, voxels), expected in cases.items():
        made = PsfRequest(soft, size=size, pixel_size=voxels).prepare(PLANE)
        np.testing.assert_array_equal(made.usable(), expected)
        assert made.record["repaired"] is False and made.record["spec"] == soft.to_dict()
    wide = replace(PLANE, pixel_size={"Y": 0.2, "X": 0.1})
    np.testing.assert_array_equal(PsfRequest(soft).prepare(wide).array, soft(None, (0.2, 0.1)))
    lens = Confocal(numerical_aperture=1.0)
    made = PsfRequest(lens).prepare(STACK)
    np.testing.assert_array_equal(made.array, lens(None, (0.3, 0.1, 0.1)))
    assert "µm" in made.description


def test_a_file_is_read_once_with_its_voxel_size(tmp_path: Path) -> None:
    array = Gaussian(sigma_px=2.0)((15, 15))
    like = Picture(data=array, axes="YX", pixel_size={"Y": 0.2, "X": 0.2},
                   units={"Y": "µm", "X": "µm"})  # fmt: skip
    write(tmp_path / "psf.tif", array, like=like)
    request = PsfRequest.parse(str(tmp_path / "psf.tif"))
    (tmp_path / "psf.tif").unlink()
    made = request.prepare(PLANE)
    assert [f.code for f in made.findings] == ["voxel-size"] and made.usable() is made.array
    # In nanometres the image's voxels are the same.
    nano = ImageFacts((40, 44), {"Y": 100.0, "X": 100.0}, "nm", {"Y": 0.1, "X": 0.1})
    mended = [request.repaired().prepare(image) for image in (PLANE, nano)]
    np.testing.assert_allclose(mended[0].array, mended[1].array, rtol=1e-5)
    assert mended[0].array.shape == (29, 29) and not mended[0].findings
    assert mended[0].record["file"] == str(tmp_path / "psf.tif")
    assert mended[0].record["repair"]["pixel_size"] == [0.2, 0.2]


def test_values_of_a_layer_win_over_what_made_them() -> None:
    array = np.zeros((1, 5, 5))
    array[0, 2, 1:4] = 1 / 3
    request = PsfRequest(Disk(), layer="mine", values=Values(array))
    made = request.prepare(PLANE)
    assert made.usable().shape == (5, 5) and made.array.dtype == np.float32
    assert made.record == {"spec": Disk().to_dict(), "layer": "mine", "repaired": False}
    # A recipe has no values: the generator makes it again.
    again = PsfRequest.from_dict(made.record).prepare(PLANE)
    np.testing.assert_array_equal(again.array, Disk()())
    with pytest.raises(DeconvError, match="There is no PSF"):
        PsfRequest(layer="gone").prepare(PLANE)


def test_metadata_complete_a_microscope_for_each_channel() -> None:
    picture = Picture(data=np.zeros((2, 8, 20, 20)), axes="CZYX", pixel_size=UM,
                      units=dict.fromkeys("ZYX", "µm"), channels=("DAPI", "GFP"))  # fmt: skip
    request = PsfRequest.parse("auto:numerical_aperture=0.8", complete=True)
    made = request.prepare(ImageFacts.of(picture))
    light = [part.request.generator.emission_nm for part in made.channels.values()]  # type: ignore[union-attr]
    assert light == [461, 507] and len(made.optics) == 2
    np.testing.assert_array_equal(
        made.usable()[1], made.optics[1].spec(None, (0.3, 0.1, 0.1))  # type: ignore[index]
    )  # fmt: skip
    again = PsfRequest.from_dict(json.loads(json.dumps(made.record)))
    np.testing.assert_array_equal(again.prepare(STACK).usable()[1], made.usable()[1])  # type: ignore[index]
    strict = replace(request, metadata=replace(request.metadata, assume=False))  # type: ignore[type-var]
    with pytest.raises(DeconvError, match="does not say everything"):
        strict.prepare(ImageFacts.of(picture))
    with pytest.raises(DeconvError, match="PSF for channel 2, and the image has 2"):
        PsfRequest(channels={2: request}).prepare(ImageFacts.of(picture))
    with pytest.raises(DeconvError, match="no image whose metadata"):
        request.prepare(STACK)


def test_psfs_over_depth() -> None:
    request = PsfRequest(DEEP, size=(5, 9, 9), pixel_size=(0.3, 0.1, 0.1), depths=2)
    assert request.deepens and not replace(request, repair=True).deepens
    made = request.prepare(STACK)
    several = made.usable()
    expected = through(DEEP, 8, (0.3, 0.1, 0.1), 2, (5, 9, 9))
    assert isinstance(several, DepthPSF) and several.planes == expected.planes
    for own, other in zip(several.psfs, expected.psfs, strict=True):
        np.testing.assert_array_equal(own, other)
    assert made.at({"Z": 1}) is several.psfs[0] and made.at({"Z": 6}) is several.psfs[1]
    assert made.record["planes"] == 8 and made.record["depths"] == 2
    with pytest.raises(DeconvError, match="several PSFs"):
        made.single()
    for other in (PsfRequest(Gaussian(sigma_px=(1, 1, 1)), depths=2), replace(request, size=None)):
        with pytest.raises(DeconvError, match="PSFs over z need a stack"):
            replace(other, pixel_size=None).prepare(STACK)


def test_psfs_of_regions(tmp_path: Path) -> None:
    kernels = np.stack([Disk(radius_px=r)((9, 9)) for r in (1, 2, 3, 4)])
    recipe = {"psf": {"estimate": "across", "regions": [2, 2]}}
    write(tmp_path / "k.tif", kernels, like=Picture(data=kernels, axes="TYX"), recipe=recipe)
    made = PsfRequest(file=str(tmp_path / "k.tif")).prepare(PLANE)
    several = made.usable()
    assert isinstance(several, RegionPSF) and several.grid == (2, 2)
    np.testing.assert_array_equal(made.at({"Y": 30, "X": 2}), kernels[2])
    assert made.record["regions"] == [2, 2] and "2 x 2 regions" in made.description


def test_only_what_is_not_in_its_nature_is_mended() -> None:
    lens = WideField(numerical_aperture=0.75)
    request = PsfRequest(lens, size=(6, 9, 9), pixel_size=(0.3, 0.1, 0.1), repair=True)
    made = request.prepare(STACK)
    assert [f.code for f in made.mended] == ["even"] and not made.findings
    array = lens((6, 9, 9), (0.3, 0.1, 0.1))
    np.testing.assert_array_equal(made.array, repair(array, made.mended, image_shape=STACK.shape))
    # Values that were mended have no nature any more.
    found = PsfRequest(lens, values=Values(array, repair={})).prepare(STACK).findings
    assert "cut" in {f.code for f in found}


def test_what_the_image_does_not_say_is_asked_for() -> None:
    lens = PsfRequest(WideField())
    bare = ImageFacts((40, 44), {"Y": 1.0, "X": 1.0}, "")
    for image, words in {
        bare: "do not all have a unit",
        ImageFacts((40, 44)): "image does not say it",
        ImageFacts((40, 44), {"Y": 84.0, "X": 84.0}, "µm", {"Y": 84.0, "X": 84.0}): "not a microsc",
    }.items():
        with pytest.raises(DeconvError, match=words):
            lens.prepare(image)
    with pytest.raises(DeconvError, match="voxel size is not known"):
        lens.prepare()


BAD = Gaussian(sigma_px=2.0)((15, 15))
BAD[0, 0] = -0.01
VERDICTS = {
    "negative": (BAD, "negative in places: 1 value, down to -0.01"),
    "not-finite": (np.where(BAD < 0, np.nan, BAD), "NaN or Inf (1 of 225 values)"),
    "zero-sum": (np.zeros((5, 5), np.float32), "sums to zero"),
    "deep": (Gaussian(sigma_px=(1, 1, 1))(), "3-D"),
    "even": (Gaussian(sigma_px=2.0)((14, 15)), ""),
}


def refusal(call: Callable[[], object]) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except DeconvError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("code", VERDICTS)
def test_command_line_python_and_panel_say_the_same(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], qtbot: Any
) -> None:
    from napari.components import ViewerModel

    from napari_deconv.panels.psf.source import PsfSource

    array, words = VERDICTS[code]
    image = np.random.default_rng(0).random((40, 44), np.float32)
    file = tmp_path / "psf.npy"
    np.save(file, array)
    write(tmp_path / "in.tif", image)
    options = ("--method", "wiener", "--nsr", "0.1", "-o", str(tmp_path / "out.tif"))
    status = main(["deconvolve", str(tmp_path / "in.tif"), "--psf", str(file), *options])
    typed = capsys.readouterr().err
    called = refusal(lambda: nd.deconvolve(image, array, "wiener", nsr=0.1))
    source = PsfSource(ViewerModel())
    qtbot.addWidget(source)
    source.set_image(ViewerModel().add_image(image))
    source.choice.choose("file")
    source.file.set_path(str(file))
    shown = refusal(source.preparing()().usable)
    assert status == bool(words) and bool(called) == bool(words) == bool(shown)
    assert words in called and words in shown and words in typed
    assert shown in typed
    if code not in ("deep", "even"):  # Python is told of the image apart from its PSF
        assert called == shown


def test_python_takes_a_request(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((40, 44), np.float32)
    request = PsfRequest.parse("disk:radius_px=2")
    expected = nd.deconvolve(image, Disk(radius_px=2), "wiener", nsr=0.1)
    for psf in (request, request.prepare(PLANE)):
        np.testing.assert_array_equal(nd.deconvolve(image, psf, "wiener", nsr=0.1), expected)
