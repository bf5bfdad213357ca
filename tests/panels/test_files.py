"""File > Open and File > Save keep voxel sizes, axes, channels and the recipe."""

from __future__ import annotations

import npe2
import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image

from napari_deconv.blocks import open_source
from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation import Sampler, generate, standard_psfs
from napari_deconv.io import Picture, read, write
from napari_deconv.panels.files import read_layers, reader, write_ome_tiff, write_ome_zarr
from napari_deconv.panels.kit.layer_combo import LayerCombo
from napari_deconv.panels.kit.layers import KEY, axes_of, is_image, voxel
from napari_deconv.panels.psf.calibrate import Calibration
from napari_deconv.psf import Disk

STACK = np.random.default_rng(0).poisson(50, (2, 4, 3, 16, 20)).astype(np.uint16)
SIZES = {"Z": 0.3, "Y": 0.1, "X": 0.2}
RECIPE = {"kind": "result", "method": {"name": "wiener"}, "seconds": 0.5}


@pytest.fixture(autouse=True)
def _plugins():
    npe2.PluginManager.instance().discover()


def _hyperstack(path):
    said = {"axes": "TZCYX", "unit": "um", "spacing": 0.3}
    tifffile.imwrite(path, STACK, imagej=True, resolution=(5, 10), metadata=said)
    return path


def _ome(path):
    units = dict.fromkeys(SIZES, "µm")
    like = Picture(
        data=STACK, axes="TZCYX", pixel_size=SIZES, units=units, channels=("DAPI", "GFP", "Cy5")
    )
    write(path, STACK, like=like)
    return path


@pytest.mark.parametrize(("make", "name"), [(_hyperstack, "a.tif"), (_ome, "a.ome.tif")])
def test_open_keeps_axes_and_voxel_size(tmp_path, make, name):
    path = make(tmp_path / name)
    viewer = ViewerModel()
    (layer,) = viewer.open(str(path), plugin="napari-deconv")
    assert axes_of(layer) in ("TZCYX", "TCZYX")
    at = [axes_of(layer).index(a) for a in "TZCYX"]
    np.testing.assert_array_equal(np.asarray(layer.data).transpose(at), STACK)
    assert voxel(layer) == pytest.approx(SIZES)
    assert layer.metadata.get("channels", []) in ([], ["DAPI", "GFP", "Cy5"])


def test_open_colours_and_the_recipe(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (9, 8, 3), dtype=np.uint8)
    write(tmp_path / "a.tif", colours, recipe=RECIPE)
    ((data, options, kind),) = read_layers(str(tmp_path / "a.tif"))
    assert (kind, options["rgb"], options["axis_labels"]) == ("image", True, ("y", "x"))
    np.testing.assert_array_equal(data, colours)
    assert options["metadata"][KEY] == RECIPE
    tifffile.imwrite(
        tmp_path / "b.tif", colours[..., :2], photometric="minisblack", planarconfig="contig",
        extrasamples=["unassalpha"],
    )  # fmt: skip
    ((data, options, _),) = read_layers([str(tmp_path / "b.tif")])
    assert data.shape == (9, 8, 4)
    np.testing.assert_array_equal(data[..., 3], colours[..., 1])


def test_opened_files_of_this_package_are_known_for_what_they_are(tmp_path, qtbot):
    sharp = np.random.default_rng(0).random((40, 41)).astype(np.float32)
    sampler = Sampler(psfs=standard_psfs())
    list(generate(sampler, {"scene": sharp}, tmp_path / "set", count=1))
    write(tmp_path / "computed.tif", sharp[:5, :5], recipe={"psf": {"spec": Disk().to_dict()}})
    write(tmp_path / "plain.tif", sharp, recipe={"sample": "cell"})
    paths = [next((tmp_path / "set" / kind).iterdir()) for kind in ("truth", "degraded", "psf")]
    paths += [tmp_path / "computed.tif", tmp_path / "plain.tif"]
    viewer = ViewerModel()
    for path in paths:
        ((data, options, _),) = read_layers(str(path))
        viewer.add_image(data, **options)
    kinds = [layer.metadata[KEY].get("kind") for layer in viewer.layers]
    assert kinds == ["truth", "degraded", "psf", "psf", None]
    viewer.layers.pop()
    combo = LayerCombo(viewer, is_image, shy=("truth", "result"))
    qtbot.addWidget(combo)
    assert combo.layer is viewer.layers[1], "the degraded image is what to restore"


def test_open_a_damaged_file_says_so(tmp_path):
    path = _hyperstack(tmp_path / "a.tif")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DeconvError, match=r"a\.tif"):
        read_layers(str(path))
    assert reader("a.png") is None
    assert reader(["a.tif", "b.tif"]) is None


@pytest.mark.parametrize("name", ["r.ome.tif", "r.ome.zarr"])
def test_save_from_the_menu_keeps_everything(tmp_path, name):
    viewer = ViewerModel()
    layer = viewer.add_image(
        STACK[0].transpose(1, 0, 2, 3), scale=(1, 300, 100, 200), axis_labels=tuple("czyx"),
        units=("pixel", "nm", "nm", "nm"), metadata={KEY: RECIPE, "channels": ["a", "b", "c"]},
    )  # fmt: skip
    path = tmp_path / name
    assert viewer.layers.save(str(path)) == [str(path)]
    if name.endswith("tif"):
        picture = read(path)
        data = picture.data
        assert picture.recipe == RECIPE
    else:
        source = open_source(path)
        picture, data = source.picture, np.asarray(source.array)
    assert picture.axes == "CZYX"
    assert picture.channels == ("a", "b", "c")
    np.testing.assert_array_equal(data, layer.data)
    assert {a: picture.pixel_size[a] for a in "ZYX"} == pytest.approx(SIZES)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    (other,) = viewer.open(str(path), plugin="napari")
    assert axes_of(other) == "CZYX"
    (again,) = viewer.open(str(path), plugin="napari-deconv")
    assert axes_of(again) == "CZYX"
    assert voxel(again) == pytest.approx(SIZES)
    np.testing.assert_array_equal(np.asarray(again.data), layer.data)
    assert again.metadata[KEY] == RECIPE and again.metadata["channels"] == ["a", "b", "c"]


def test_save_without_labels_colours_and_pyramids(tmp_path):
    layer = Image(STACK[0, :, 0])
    data, attributes, _ = layer.as_layer_data_tuple()
    write_ome_tiff(str(tmp_path / "a.ome.tif"), data, attributes)
    assert (read(tmp_path / "a.ome.tif").axes, read(tmp_path / "a.ome.tif").pixel_size) == (
        "ZYX", {},
    )  # fmt: skip
    colours = np.zeros((9, 8, 4), np.uint8)
    data, attributes, _ = Image(colours, rgb=True).as_layer_data_tuple()
    write_ome_tiff(str(tmp_path / "b.ome.tif"), data, attributes)
    assert read(tmp_path / "b.ome.tif").axes == "YXS"
    with pytest.raises(DeconvError, match="colour"):
        write_ome_zarr(str(tmp_path / "b.zarr"), data, attributes)
    pyramid = [STACK[0, 0, 0], STACK[0, 0, 0, ::2, ::2]]
    data, attributes, _ = Image(pyramid, multiscale=True).as_layer_data_tuple()
    write_ome_tiff(str(tmp_path / "c.ome.tif"), data, attributes)
    np.testing.assert_array_equal(read(tmp_path / "c.ome.tif").data, pyramid[0])
    with pytest.raises(DeconvError, match="6 axes"):
        write_ome_tiff(str(tmp_path / "d.ome.tif"), np.zeros((1,) * 6), {})
    (tmp_path / "e.zarr").mkdir()
    with pytest.raises(DeconvError, match="there already"):
        write_ome_zarr(str(tmp_path / "e.zarr"), pyramid[0], {})


def test_a_layer_of_another_reader_is_asked_by_its_file(tmp_path, qtbot):
    viewer = ViewerModel()
    (layer,) = viewer.open(str(_hyperstack(tmp_path / "a.tif")), plugin="napari")
    assert axes_of(layer) == "TZCYX"
    asked = Calibration()
    qtbot.addWidget(asked)
    asked.offer(layer)
    assert asked.sizes.text() == "0.3, 0.1, 0.2"
    assert "a.tif says" in asked.readout.text()
    layer.data = layer.data[0]  # no longer what the file holds
    assert axes_of(layer) == "CZYX"


def test_setting_voxel_sizes_keeps_the_plane_and_the_image_in_view(qtbot):
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((24, 32, 32), np.float32), name="stack")
    viewer.dims.set_current_step(0, 11)
    asked = Calibration(viewer)
    qtbot.addWidget(asked)
    asked.offer(layer)
    asked.sizes.setText("0.3, 0.1, 0.1")
    asked.button.click()
    assert viewer.dims.current_step[0] == 11
    np.testing.assert_allclose(viewer.scene.camera.center[1:], (1.55, 1.55), atol=0.06)
