from __future__ import annotations

import shlex
import threading

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_deconv.cli import main as command_line
from napari_deconv.io import read, write
from napari_deconv.panels.deconvolve import DeconvolvePanel
from napari_deconv.panels.layers import KEY
from napari_deconv.psf import Disk

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def blurred():
    from scipy.ndimage import convolve

    rng = np.random.default_rng(0)
    sharp = (rng.random((48, 57)) > 0.9).astype(np.float32)
    return convolve(sharp, Disk(radius_px=2.5)(), mode="reflect") * 1000 + rng.normal(size=(48, 57))


def panel_on(viewer, qtbot, method="wiener", radius=2.5, **fields):
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(panel.method.isEnabled, timeout=30_000)
    assert panel.method.choose(method, fields)
    panel.psf.choice.choose("disk", {"radius_px": radius})
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    return panel


def press_run(panel, qtbot):
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=20_000)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_empty_viewer_says_what_to_do(viewer, qtbot):
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    assert "Open Sample" in panel.hint.text
    assert not panel.run_bar.button.isEnabled()
    qtbot.waitUntil(panel.method.isEnabled, timeout=30_000)
    assert panel.method.name == "richardson-lucy"
    viewer.add_image(np.zeros((8, 8)))
    assert panel.hint.text == ""
    assert panel.run_bar.button.isEnabled()


def test_photo_to_result_and_its_recipe_makes_it_again(viewer, qtbot, blurred, tmp_path):
    before = blurred.copy()
    path = tmp_path / "in.tif"
    write(path, blurred.astype(np.float32), axes="YX")
    layer = viewer.add_image(blurred.astype(np.float32), name="street", scale=(2, 2))
    panel = panel_on(viewer, qtbot)
    press_run(panel, qtbot)
    assert panel.run_bar.message.text.startswith("Done")
    result = viewer.layers[-1]
    assert result.name == "street Wiener"
    assert tuple(result.scale) == (2, 2)
    assert result.contrast_limits == layer.contrast_limits
    np.testing.assert_array_equal(layer.data, before.astype(np.float32))

    recipe = result.metadata[KEY]
    assert recipe["psf"]["spec"] == {"name": "disk", "radius_px": 2.5}
    assert recipe["source"] == "street"
    panel.recipes.python.click()
    scope = {"viewer": viewer}
    exec(QApplication.clipboard().text(), scope)
    np.testing.assert_allclose(scope["result"], result.data, rtol=1e-5, atol=1e-3)

    panel.recipes.shell.click()
    words = shlex.split(QApplication.clipboard().text())
    words[words.index("IMAGE.tif")] = str(path)
    words[words.index("RESULT.tif")] = str(tmp_path / "out.tif")
    assert command_line([*words[1:], "--quiet"]) == 0
    np.testing.assert_allclose(read(tmp_path / "out.tif").data, result.data, rtol=1e-5, atol=1e-3)

    panel.method.choose("tikhonov")
    qtbot.mouseClick(panel.recipes.rerun, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=10_000)
    np.testing.assert_array_equal(viewer.layers[-1].data, result.data)


def test_errors_come_in_words_and_change_nothing(viewer, qtbot, blurred):
    blurred[3, 4] = np.nan
    viewer.add_image(blurred, name="holes", contrast_limits=(0, 1))
    panel = panel_on(viewer, qtbot)
    press_run(panel, qtbot)
    assert "NaN" in panel.run_bar.message.text
    assert "Traceback" not in panel.run_bar.message.text
    assert names(viewer) == ["holes"]


def test_cancel_and_a_layer_that_goes_away_mid_run(viewer, qtbot):
    viewer.add_image(np.random.default_rng(0).random((300, 300), np.float32), name="noise")
    panel = panel_on(viewer, qtbot, "richardson-lucy", iterations=500)
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    assert panel.run_bar.button.text() == "Cancel"
    qtbot.waitUntil(lambda: panel.run_bar.bar.value() > 0, timeout=10_000)
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    assert panel.run_bar.button.text() == "Run"
    assert "Cancelled" in panel.run_bar.message.text
    assert names(viewer) == ["noise"]

    panel.method.choose("richardson-lucy", {"iterations": 20})
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=20_000)
    assert names(viewer) == ["noise Richardson-Lucy"]


def test_live_preview_follows_the_fields_and_leaves_nothing(viewer, qtbot, blurred):
    stack = np.stack([np.zeros_like(blurred), blurred]).astype(np.float32)
    viewer.add_image(stack, name="series", axis_labels=("t", "y", "x"), translate=(0, 5, 7))
    viewer.dims.set_current_step(0, 1)
    panel = panel_on(viewer, qtbot)
    panel.live_box.setChecked(True)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=10_000)
    preview = viewer.layers[-1]
    assert preview.data.shape == (1, 48, 57)
    assert tuple(preview.translate) == (1, 5, 7)
    assert viewer.layers.selection.active.name == "series"
    assert panel.image.count() == 1
    first = preview.data
    panel.method.form.widgets["nsr"].value = 0.5
    qtbot.waitUntil(lambda: preview.data is not first, timeout=10_000)
    assert preview.data.std() < first.std()
    panel.hide()
    assert names(viewer) == ["series"]


def test_subclass_presets_the_method(viewer, qtbot):
    class TV(DeconvolvePanel, preset="tv"):
        pass

    panel = TV(viewer)
    qtbot.addWidget(panel)
    qtbot.waitUntil(panel.method.isEnabled, timeout=30_000)
    assert panel.method.name == "tv"


@pytest.mark.parametrize("what", ["dock", "viewer"])
def test_window_part_goes_away_mid_run(make_napari_viewer, qtbot, what):
    viewer = make_napari_viewer()
    viewer.add_image(np.random.default_rng(0).random((400, 400), np.float32))
    _, panel = viewer.window.add_plugin_dock_widget("napari-deconv", "Deconvolve")
    qtbot.waitUntil(panel.method.isEnabled, timeout=30_000)
    panel.method.choose("richardson-lucy", {"iterations": 500})
    panel.live_box.setChecked(True)
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    panel.run()
    qtbot.waitUntil(lambda: panel.run_bar.bar.value() > 0, timeout=10_000)
    if what == "dock":
        viewer.window.remove_dock_widget(panel)
        del panel
    else:
        del panel
        viewer.close()
    qtbot.waitUntil(
        lambda: not any(t.name == "napari-deconv" for t in threading.enumerate()), timeout=5000
    )
