"""Several PSFs for one image, where a method stopped, and images that are not in memory."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_deconv import deconvolve
from napari_deconv.core.record import RunRecord
from napari_deconv.io import Picture, write
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.psf import Disk, RegionPSF

LEFT = Qt.MouseButton.LeftButton
OME = (
    '<OME><Instrument ID="I:0"><Objective ID="O:1" LensNA="0.75" Immersion="Oil"/></Instrument>'
    '<Image ID="Image:0"><ObjectiveSettings ID="O:1"/><Pixels ID="P:0">'
    '<Channel ID="C:0" EmissionWavelength="460"/><Channel ID="C:1" EmissionWavelength="610"/>'
    "</Pixels></Image></OME>"
)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def panel(viewer, qtbot):
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    panel.more.unfold(True)
    qtbot.waitUntil(panel.method.isEnabled, timeout=120_000)
    return panel


def wide_field(panel, qtbot, size="5, 9, 9", **fields):
    panel.psf.choice.choose("wide-field", {"numerical_aperture": 0.75, **fields})
    panel.psf.extent.setText(size)
    panel.psf.show_now()
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=10_000)


def run(panel, qtbot):
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=120_000)


def series():
    return np.random.default_rng(0).poisson(60, (2, 2, 8, 20, 21)).astype(np.uint16)


def test_two_channels_over_time_get_a_psf_each_from_their_light(viewer, panel, qtbot):
    viewer.add_image(
        series(), name="cells", scale=(5, 1, 0.6, 0.2, 0.2), metadata={"ome": OME},
        units=("s", "um", "um", "um", "um"), axis_labels=("t", "c", "z", "y", "x"),
    )  # fmt: skip
    assert panel.variety.switch.isChecked()  # two kinds of light are known
    assert [e.value() for e in panel.variety.emissions] == [460, 610]
    wide_field(panel, qtbot)
    assert panel.method.choose("richardson-lucy", {"iterations": 2})
    run(panel, qtbot)
    assert "Done" in panel.run_bar.message.text, panel.run_bar.message.text
    result = viewer.layers[-1]
    assert result.data.shape == (2, 2, 8, 20, 21)
    recipe = result.metadata[KEY]
    specs = [one["spec"]["emission_nm"] for one in recipe["psf"]["channels"]]
    assert specs == [460, 610]
    panel.recipes.python.click()
    scope = {"viewer": viewer}
    with pytest.warns(UserWarning, match="does not fade out"):
        exec(QApplication.clipboard().text(), scope)
    np.testing.assert_array_equal(scope["result"], result.data)
    assert not panel.recipes.shell.isEnabled()

    panel.variety.psfs[1].setCurrentIndex(1)  # None: leave as is
    run(panel, qtbot)
    np.testing.assert_array_equal(viewer.layers[-1].data[:, 1], series()[:, 1])
    panel.variety.switch.setChecked(False)
    panel.load(RunRecord.from_dict(recipe))
    assert panel.variety.switch.isChecked()
    assert [c.currentIndex() for c in panel.variety.psfs] == [0, 0]


def test_psfs_over_depth_are_offered_where_the_indices_differ(viewer, panel, qtbot):
    viewer.add_image(series()[0, 0], scale=(0.6, 0.2, 0.2), units=("um",) * 3, name="deep")
    wide_field(panel, qtbot)
    assert not panel.variety.depths.isVisible()
    wide_field(panel, qtbot, "5, 9, 9", refractive_index_immersion=1.515, model="scalar")
    qtbot.waitUntil(panel.variety.depths.isVisible, timeout=5000)
    panel.variety.depths.setValue(2)
    panel.method.choose("richardson-lucy", {"iterations": 2})
    run(panel, qtbot)
    result = viewer.layers[-1]
    assert result.metadata[KEY]["psf"]["planes"] == 8
    panel.recipes.python.click()
    scope = {"viewer": viewer}
    with pytest.warns(UserWarning, match="does not fade out"):
        exec(QApplication.clipboard().text(), scope)
    np.testing.assert_array_equal(scope["result"], result.data)


def test_a_file_of_regions_restores_each_with_its_own_psf(viewer, panel, qtbot, tmp_path):
    kernels = np.stack([Disk(radius_px=r)((9, 9)) for r in (1, 2, 3, 4)])
    recipe = {"psf": {"estimate": "across", "regions": [2, 2]}}
    write(tmp_path / "k.tif", kernels, like=Picture(data=kernels, axes="TYX"), recipe=recipe)
    image = np.random.default_rng(0).random((40, 44), np.float32)
    viewer.add_image(image, name="photo")
    panel.psf.choice.choose("file")
    panel.psf.file.set_path(str(tmp_path / "k.tif"))
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    assert "2 x 2 regions" in panel.psf.readout.text()
    at = panel.order().psf_at(panel.psf.prepared, {"Y": 30, "X": 2})
    np.testing.assert_array_equal(at, kernels[2])
    panel.method.choose("wiener", {"nsr": 0.1})
    run(panel, qtbot)
    result = viewer.layers[-1]
    expected = deconvolve(image, RegionPSF((2, 2), tuple(kernels)), "wiener", nsr=0.1, axes="YX")
    np.testing.assert_array_equal(result.data, expected)
    assert result.metadata[KEY]["psf"]["regions"] == [2, 2]


def test_the_curve_of_a_count_that_was_chosen(viewer, panel, qtbot):
    viewer.add_image(series()[0, 0, 0], name="noise")
    panel.psf.choice.choose("disk", {"radius_px": 1.5})
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    panel.method.choose("richardson-lucy", {"iterations": 0})
    assert not panel.curve.isVisible()
    run(panel, qtbot)
    chosen = viewer.layers[-1].metadata[KEY]["chosen"]
    (curve,) = panel.curve.plot.curves
    assert panel.curve.isVisible()
    assert curve.marked == chosen["iterations"] and str(curve.marked) in curve.label
    assert len(curve.x) == len(chosen["held_out_error"])
    panel.method.choose("richardson-lucy", {"iterations": 3})
    run(panel, qtbot)
    assert not panel.curve.isVisible()


def test_a_file_larger_than_memory_becomes_a_lazy_layer(viewer, panel, qtbot, tmp_path):
    pixels = np.random.default_rng(1).poisson(60, (9, 70, 80)).astype(np.uint16)
    path = tmp_path / "big.tif"
    tifffile.imwrite(path, pixels, metadata={"axes": "ZYX"}, imagej=True)
    lazy = dask.array.from_array(pixels, chunks=(3, 35, 40))
    layer = viewer.add_image(
        [lazy, lazy[:, ::2, ::2]], multiscale=True, name="big", scale=(2, 1, 1)
    )
    assert "2 levels: level 0" in panel.to_disk.notice.text
    panel.psf.choice.choose("gaussian", {"sigma_px": 1.0})
    panel.psf.extent.setText("5, 7, 7")
    panel.psf.show_now()
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    panel.method.choose("wiener")
    panel.to_disk.folder.set_path(str(tmp_path))
    run(panel, qtbot)
    assert "comes from no file" in panel.run_bar.message.text
    layer._source = layer.source.model_copy(update={"path": str(path)})
    run(panel, qtbot)
    assert "Done" in panel.run_bar.message.text, panel.run_bar.message.text
    result = viewer.layers[-1]
    assert (tmp_path / "big-Wiener.zarr").is_dir()
    level = result.data[0] if result.multiscale else result.data
    assert isinstance(level, dask.array.Array) and level.shape == pixels.shape
    assert tuple(result.scale) == (2, 1, 1)
    run(panel, qtbot)
    assert "exists already" in panel.run_bar.message.text
    panel.to_disk.folder.set_path("")
    run(panel, qtbot)
    gap = np.abs(viewer.layers[-1].data.astype(float) - np.asarray(level))
    assert gap.max() <= 1 + 1e-3 * np.ptp(pixels)
