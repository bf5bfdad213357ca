from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout

from napari_deconv.panels.degrade.panel import DegradePanel
from napari_deconv.panels.docks import motion as MotionPanel
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.panels.psf.panel import PsfPanel
from napari_deconv.panels.psf.picture import mosaic
from napari_deconv.psf import Gaussian, Motion

from .test_degrade import titles

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer():
    return ViewerModel()


def panel_on(viewer, qtbot, kind=PsfPanel):
    panel = kind(viewer)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def made(panel, viewer, qtbot):
    count = len(viewer.layers)
    qtbot.mouseClick(panel.button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) > count, timeout=5000)
    return viewer.layers[-1]


def shown(panel, qtbot):
    with qtbot.waitSignal(panel.source.shown, timeout=5000):
        pass
    return panel.source


def test_psf_layer_has_the_images_voxels_and_its_recipe(viewer, qtbot):
    viewer.add_image(np.zeros((20, 64, 64)), scale=(0.3, 0.1, 0.1), units=("um",) * 3)
    panel = panel_on(viewer, qtbot)
    panel.source.choice.choose("gaussian", {"sigma_px": 3.0})
    source = shown(panel, qtbot)
    assert "µm" in source.readout.text()
    layer = made(panel, viewer, qtbot)
    np.testing.assert_array_equal(layer.data, Gaussian(sigma_px=3.0)(None, (0.3, 0.1, 0.1)))
    assert layer.scale == pytest.approx((0.3, 0.1, 0.1))
    assert str(layer.units[0]) == "micrometer"
    assert layer.metadata[KEY]["psf"]["spec"]["sigma_px"] == 3.0
    assert source.choice.name == "gaussian"  # the panel goes on from what it made


def test_panels_take_over_what_was_made_unless_set_by_hand(viewer, qtbot):
    viewer.add_image(np.random.default_rng(0).random((64, 64)), name="sharp")
    open_already = DegradePanel(viewer)
    set_by_hand = DegradePanel(viewer)
    for panel in (open_already, set_by_hand):
        qtbot.addWidget(panel)
    set_by_hand.psf.choice.form.widgets["radius_px"].value = 3.0
    maker = panel_on(viewer, qtbot)
    maker.source.choice.choose("disk")
    shown(maker, qtbot)
    layer = made(maker, viewer, qtbot)
    opened_later = DegradePanel(viewer)
    qtbot.addWidget(opened_later)
    assert open_already.psf.choice.name == opened_later.psf.choice.name == "layer"
    assert open_already.psf.layers.layer is opened_later.psf.layers.layer is layer
    assert set_by_hand.psf.choice.spec().radius_px == 3.0
    maker.source.choice.choose("gaussian")
    assert made(maker, viewer, qtbot) is open_already.psf.layers.layer


def test_nothing_is_taken_for_known_and_a_preset_is_called_one(viewer, qtbot):
    panel = panel_on(viewer, qtbot)
    combo = panel.source.choice.combo
    assert combo.itemData(0) == "image" and "Find it in the image" in combo.itemText(0)
    viewer.add_image(np.zeros((64, 64)), name="photo")
    assert panel.source.choice.name == "image" and panel.estimate.isVisible()
    stack = viewer.add_image(np.zeros((9, 64, 64)), name="stack")
    assert panel.source.choice.name == "unknown"
    qtbot.waitUntil(lambda: not panel.button.isEnabled(), timeout=5000)
    viewer.layers.remove(stack)
    panel.source.choice.choose("disk")
    shown(panel, qtbot)
    made(panel, viewer, qtbot)
    assert "a preset" in panel.message.text
    panel.source.choice.choose("disk", {"radius_px": 4.0})
    shown(panel, qtbot)
    made(panel, viewer, qtbot)
    assert "a preset" not in panel.message.text


def test_drawn_line_sets_length_and_angle(viewer, qtbot):
    viewer.add_image(np.zeros((64, 64)), scale=(0.5, 0.5), translate=(3, 4))
    panel = panel_on(viewer, qtbot, MotionPanel)
    qtbot.mouseClick(panel.source.line.button, LEFT)
    shapes = viewer.layers[-1]
    assert shapes.mode == "add_line"
    # 20 px right and 20 px up, drawn from left to right.
    shapes.add_lines([[30, 10], [10, 30]])
    assert panel.source.choice.spec() == Motion(length_px=28.3, angle_deg=45)


def test_findings_are_told_and_repaired_without_touching_the_layer(viewer, qtbot):
    psf = np.zeros((10, 10))
    psf[7:9, 7:9] = 3.0
    psf[0, 0] = -1.0
    layer = viewer.add_image(psf, name="measured")
    panel = panel_on(viewer, qtbot)
    panel.source.choice.choose("layer")
    source = shown(panel, qtbot)
    assert "negative" in source.notice.text
    assert "even" in source.notice.text
    qtbot.mouseClick(source.notice.button, LEFT)
    qtbot.waitUntil(lambda: "Repaired" in source.notice.text, timeout=5000)
    mended = source.prepared.array
    assert mended.sum() == pytest.approx(1)
    assert mended.min() >= 0
    assert all(n % 2 for n in mended.shape)
    assert layer.data[0, 0] == -1


def test_psf_of_other_voxels_is_resampled_on_repair(viewer, qtbot):
    viewer.add_image(np.zeros((64, 64)), scale=(0.1, 0.1), units=("um", "um"), name="cells")
    beads = Gaussian(sigma_px=2.0)()
    viewer.add_image(beads, scale=(200, 200), units=("nm", "nm"), name="beads")
    panel = panel_on(viewer, qtbot)
    panel.image.pick(viewer.layers["cells"])
    panel.source.choice.choose("layer")
    panel.source.layers.pick(viewer.layers["beads"])
    source = shown(panel, qtbot)
    assert "voxel size is 0.2 x 0.2, the image's 0.1 x 0.1" in source.notice.text
    qtbot.mouseClick(source.notice.button, LEFT)
    qtbot.waitUntil(lambda: "Repaired" in source.notice.text, timeout=5000)
    assert source.prepared.array.shape[0] == pytest.approx(2 * beads.shape[0], abs=2)
    layer = made(panel, viewer, qtbot)
    assert layer.scale == pytest.approx((0.1, 0.1))


def test_bad_fields_and_files_are_told_in_words(viewer, qtbot, tmp_path):
    panel = panel_on(viewer, qtbot)
    panel.source.choice.choose("gaussian", {"sigma_px": (1.0, -2.0)})
    assert "sigma_px" in shown(panel, qtbot).notice.text
    assert not panel.button.isEnabled()
    panel.source.choice.choose("file")
    panel.source.file.set_path(str(tmp_path / "gone.tif"))
    assert "gone.tif" in shown(panel, qtbot).notice.text


def test_picture_shows_both_sections_of_a_volume():
    volume = Gaussian(sigma_px=2.0)((7, 15, 11))
    assert mosaic(volume).shape == (15, 11 + 2 + 7, 3)
    assert mosaic(volume[3]).max() > 240


def test_pixel_size_set_later_counts(viewer, qtbot):
    layer = viewer.add_image(np.zeros((20, 64, 64)))
    panel = panel_on(viewer, qtbot)
    panel.source.choice.choose("gaussian")
    assert "µm" not in shown(panel, qtbot).readout.text()
    layer.units, layer.scale = ("um",) * 3, (0.3, 0.1, 0.1)
    told = shown(panel, qtbot).readout.text()
    assert "finest axis, 0.1 µm" in told
    panel.source.choice.choose("layer")
    made = viewer.add_image(Gaussian(sigma_px=1.0)((9, 9, 9)), scale=(0.3, 0.1, 0.1), units="um")
    panel.image.pick(layer)
    panel.source.layers.pick(made)
    assert shown(panel, qtbot).notice.text == ""
    layer.scale = (0.6, 0.1, 0.1)
    assert "voxel" in shown(panel, qtbot).notice.text


def test_typed_path_is_read_without_enter(viewer, qtbot, tmp_path):
    np.save(tmp_path / "psf.npy", Gaussian(sigma_px=2.0)())
    panel = panel_on(viewer, qtbot)
    panel.source.choice.choose("file")
    assert "No PSF file" in shown(panel, qtbot).notice.text
    assert not panel.source.picture.isVisible()
    qtbot.keyClicks(panel.source.file.edit, str(tmp_path / "psf.npy"))
    source = shown(panel, qtbot)
    qtbot.waitUntil(lambda: source.prepared is not None, timeout=5000)
    assert source.picture.isVisible()


@pytest.mark.parametrize("rgb", [True, False], ids=["as colours", "as napari guesses"])
def test_a_picture_of_a_kernel_in_colour_is_taken_as_gray_with_a_word(rgb, qtbot):
    kernel = Motion(length_px=9, angle_deg=30)()
    picture = np.rint(255 * kernel / kernel.max()).astype(np.uint8)[..., None].repeat(3, -1)
    viewer = ViewerModel()
    viewer.add_image(np.zeros((64, 65)), name="photo")
    viewer.add_image(picture, name="kernel", rgb=rgb)
    viewer.layers.selection.active = viewer.layers["photo"]
    panel = PsfPanel(viewer)
    qtbot.addWidget(panel)
    panel.image.pick(viewer.layers["photo"])
    panel.source.choice.choose("layer")
    assert panel.source.layers.layer is viewer.layers["kernel"], "the photo is no PSF of itself"
    qtbot.waitUntil(lambda: panel.source.prepared is not None, timeout=5000)
    assert "in colour: their mean is taken" in panel.source.readout.text()
    taken = panel.source.prepared.array
    np.testing.assert_allclose(taken / taken.sum(), kernel, atol=2e-3)


def test_no_two_fields_of_a_psf_have_one_label(viewer, qtbot):
    panel = panel_on(viewer, qtbot)
    for place in range(panel.source.choice.combo.count()):
        if name := panel.source.choice.combo.itemData(place):
            panel.source.choice.choose(name)
            forms = panel.findChildren(QFormLayout)
            labels = [label for form in forms for label in titles(form)]
            assert sorted(labels) == sorted(set(labels)), name
