from __future__ import annotations

import json

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout

from napari_deconv import degrade
from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation.sources import listed
from napari_deconv.panels.degrade.panel import DegradePanel
from napari_deconv.panels.kit.inputs import Fold
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.panels.kit.sharp_row import SharpRow
from napari_deconv.panels.train.order import sharp_images
from napari_deconv.psf import Disk

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def panel(viewer, qtbot):
    viewer.add_image(np.random.default_rng(0).random((40, 44), np.float32), name="sharp")
    panel = DegradePanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    panel.psf.choice.choose("disk", {"radius_px": 2.0})
    return panel


def test_degraded_and_truth_are_what_python_makes(viewer, panel, qtbot):
    image = viewer.layers["sharp"].data
    panel.chain.set_values({"noise": 0.05, "boundary": "valid", "seed": 3})
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=5000)
    expected = degrade(image, Disk(radius_px=2.0), noise=0.05, boundary="valid", seed=3)
    psf, truth, degraded = list(viewer.layers)[1:]
    np.testing.assert_array_equal(psf.data, Disk(radius_px=2.0)())
    assert psf.metadata[KEY]["kind"] == "psf"
    np.testing.assert_array_equal(degraded.data, expected[0])
    np.testing.assert_array_equal(truth.data, expected[1])
    lost = (40 - truth.data.shape[0]) // 2
    assert tuple(truth.translate) == (lost, lost)
    np.testing.assert_array_equal(truth.data, image[lost:-lost, lost:-lost])
    assert degraded.metadata[KEY]["degradation"]["noise"] == 0.05
    assert panel.image.layer.name == "sharp"


def test_no_blur_and_preview(viewer, panel, qtbot):
    panel.psf.choice.choose("none")
    panel.chain.set_values({"gain": 0.5})
    panel.live_row.box.setChecked(True)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=5000)
    np.testing.assert_allclose(viewer.layers[-1].data, 0.5 * viewer.layers["sharp"].data, rtol=1e-6)
    viewer.layers.remove(viewer.layers[-1])
    assert not panel.live_row.box.isChecked()


def test_data_set_from_layers(panel, qtbot, tmp_path):
    box = panel.dataset
    box.whence.setCurrentIndex(1)
    box.psfs.setCurrentIndex(1)
    box.count.setValue(2)
    qtbot.mouseClick(box.run_bar.button, LEFT)
    box.run()
    assert "Into" in box.run_bar.message.text
    box.out.set_path(str(tmp_path / "pairs"))
    box.run()
    qtbot.waitUntil(lambda: not box.run_bar.running, timeout=10_000)
    assert "2 pairs" in box.run_bar.message.text
    recipe = json.loads((tmp_path / "pairs" / "recipe.json").read_text())
    assert [p["scene"]["psf"]["radius_px"] for p in recipe["pairs"]] == [2.0, 2.0]


def test_noise_is_the_same_part_of_the_range_in_a_data_set(viewer, panel, qtbot, tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (40, 44), np.uint8)
    panel.image.pick(viewer.add_image(photo, name="photo"))
    panel.chain.set_values({"noise": 2.55})
    assert "1 % of the image’s range, 0 to 255" in panel.noise.text()
    box = panel.dataset
    for combo in (box.whence, box.psfs, box.camera):
        combo.setCurrentIndex(1)
    viewer.layers.selection = {viewer.layers["photo"]}
    box.count.setValue(1)
    box.out.set_path(str(tmp_path / "pairs"))
    box.run()
    qtbot.waitUntil(lambda: not box.run_bar.running, timeout=10_000)
    recipe = json.loads((tmp_path / "pairs" / "recipe.json").read_text())
    assert recipe["pairs"][0]["scene"]["chain"]["noise"] == pytest.approx(0.01)
    assert (tmp_path / "pairs" / "truth" / "00000_000_photo_truth.tif").exists()
    viewer.layers.clear()
    box.run()
    assert "on the scale of an image" in box.run_bar.message.text


def test_pressing_again_leaves_one_psf_and_one_truth(viewer, panel, qtbot):
    for seed in (1, 2):
        panel.chain.set_values({"noise": 0.05, "seed": seed})
        panel.run()
        qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=5000)
    kinds = [layer.metadata[KEY]["kind"] for layer in list(viewer.layers)[1:]]
    assert sorted(kinds) == ["degraded", "degraded", "psf", "truth"]


def test_no_two_fields_have_one_label(panel):
    for fold in panel.findChildren(Fold):
        fold.unfold(True)
    labels = [label for form in panel.findChildren(QFormLayout) for label in titles(form)]
    assert sorted(labels) == sorted(set(labels))


def titles(form):
    for row in range(form.rowCount()):
        item = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
        if item is not None and form.isRowVisible(row) and item.widget().isVisible():
            yield item.widget().text()


def test_a_camera_that_does_nothing_is_remarked_on(panel, qtbot):
    assert "no noise" in panel.noise.text() and "adds no noise" in panel.dataset.clean.text
    panel.psf.choice.choose("none")
    assert "stays as it is" in panel.noise.text()
    panel.chain.set_values({"noise": 0.01})
    assert "1 % of the image" in panel.noise.text() and not panel.dataset.clean.text
    panel.chain.set_values({"noise": 0.0, "jpeg_quality": 80})
    assert panel.noise.isHidden() and not panel.dataset.clean.text


def test_a_data_set_is_taken_for_sharp_images_by_its_truth_alone(viewer, panel, qtbot, tmp_path):
    panel.chain.set_values({"noise": 0.01})
    box = panel.dataset
    box.whence.setCurrentIndex(1)
    box.count.setValue(2)
    box.out.set_path(str(tmp_path / "set"))
    viewer.layers.selection = {viewer.layers["sharp"]}
    box.run()
    qtbot.waitUntil(lambda: "2 pairs" in box.run_bar.message.text, timeout=10_000)
    assert "Train takes this folder" in box.run_bar.message.text
    row = SharpRow("")
    qtbot.addWidget(row)
    row.set_path(str(tmp_path / "set"))
    assert "truth/" in row.note.text
    images, what = sharp_images("folder", viewer, str(tmp_path / "set"))()
    assert len(images) == 2 and what.endswith("truth")
    for part in ("degraded", "psf"):
        row.set_path(str(tmp_path / "set" / part))
        assert str(tmp_path / "set" / "truth") in row.note.text
        with pytest.raises(DeconvError, match="not sharp images"):
            sharp_images("folder", viewer, str(tmp_path / "set" / part))
        with pytest.raises(DeconvError, match="not sharp images"):
            listed(tmp_path / "set" / part)
    qtbot.mouseClick(row.note.button, LEFT)
    assert row.path == str(tmp_path / "set" / "truth") and row.note.text == ""
