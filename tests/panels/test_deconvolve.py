from __future__ import annotations

import shlex
import threading

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_deconv.cli import main as command_line
from napari_deconv.core.record import clipping
from napari_deconv.engine.probe import Timing
from napari_deconv.estimation import Confidence, Estimate, Guess
from napari_deconv.io import read, write
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.docks import disk as DiskPanel
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.psf import Disk, Gaussian
from napari_deconv.restoration import expected

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


def test_it_asks_one_question_and_takes_nothing_for_known(viewer, qtbot, monkeypatch):
    rng = np.random.default_rng(0)
    photo = np.kron(rng.normal(120, 30, (10, 11, 3)), np.ones((4, 4, 1)))
    photo = (photo + rng.normal(0, 2, photo.shape)).clip(5, 250).astype(np.uint8)
    viewer.add_image(photo, name="photo", rgb=True)
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.psf.choice.name == "image" and panel.psf.needs_estimate
    assert not panel.more.content.isVisible()
    qtbot.waitUntil(lambda: panel.method.recommended, timeout=30_000)
    assert panel.method.name == "unrolled" and "a colour photo" in panel.method.note.text()
    assert panel.method.spec().domain == "photo"
    said = panel.run_bar.left
    qtbot.waitUntil(lambda: said.text().startswith("Finds the blur, then takes"), timeout=30_000)

    panel.method.choose("wiener")
    for level, count in (("poor", 2), ("good", 4)):
        monkeypatch.setattr("napari_deconv.estimation.stream", estimate(level))
        panel.page.extent.setValue(9 if level == "poor" else 11)  # so it is looked for again
        press_run(panel, qtbot)
        assert f"Confidence: {level}" in panel.page.verdict.text
        qtbot.waitUntil(lambda count=count: len(viewer.layers) >= count, timeout=20_000)
        if level == "poor":
            assert names(viewer)[1:] == ["PSF Gaussian 2 px 0°"]
            panel.page.verdict.button.click()
            qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=20_000)
    qtbot.waitUntil(lambda: len(viewer.layers) == 5, timeout=20_000)
    result = viewer.layers[-1]
    assert result.metadata[KEY]["psf"]["layer"] == viewer.layers[3].name
    panel.before.click()
    assert not result.visible
    panel.before.click()
    assert result.visible

    viewer.add_image(rng.random((5, 30, 31), np.float32), name="stack")
    assert panel.image.layer.name == "photo", "what is worked on stays"
    panel.image.pick(viewer.layers["stack"])
    assert panel.psf.choice.name == "unknown"
    press_run(panel, qtbot)
    assert "How was it blurred?" in panel.run_bar.message.text


def estimate(level):
    def stood_in(plane, size, kind, region, noise, **options):
        yield Guess(1, 1, "looking")
        spec = Gaussian(sigma_px=2.0)
        sure = Confidence(level, ("For a reason.",))
        return Estimate(spec(), "gaussian", spec, sure, np.zeros((0, 2)), {}, {"kind": kind})

    return stood_in


def test_strength_sets_noise_or_iterations_and_unused_fields_are_not_shown(viewer, qtbot, blurred):
    viewer.add_image(blurred.astype(np.float32), name="street")
    panel = panel_on(viewer, qtbot)
    panel.more.button.click()
    qtbot.waitUntil(lambda: panel.noise.spin.value() > 0, timeout=10_000)
    assert panel.noise.isVisible() and panel.order().noise is None
    panel.strength.slider.setValue(20)
    level = panel.noise.spin.value()
    assert panel.order().noise == pytest.approx(level / 8, rel=1e-3)
    panel.method.choose("richardson-lucy")
    assert not panel.noise.isVisible() and panel.order().noise is None
    assert panel.method.spec().iterations == 300
    panel.strength.slider.setValue(10)
    assert panel.method.spec().iterations == 0
    panel.method.form.widgets["iterations"].value = 7
    assert panel.method.spec().iterations == 7, "what is typed stays"
    again = DeconvolvePanel(viewer)
    qtbot.addWidget(again)
    assert again.more.button.isChecked(), "More stays as the person left it"
    again.more.button.click()


@pytest.mark.filterwarnings("ignore:.*were clipped:UserWarning")
def test_the_strength_that_is_off_gives_the_image_back(viewer, qtbot, blurred):
    image = blurred.clip(0, 60_000).astype(np.uint16)
    viewer.add_image(image, name="street")
    panel = panel_on(viewer, qtbot)
    qtbot.waitUntil(lambda: panel.noise.spin.value() > 0, timeout=10_000)
    panel.strength.slider.setValue(0)
    assert panel.strength.readout.text() == "Off: the image as it is."
    press_run(panel, qtbot)
    np.testing.assert_array_equal(viewer.layers[-1].data, image)
    panel.strength.slider.setValue(2)
    assert panel.order().strength == 0.4
    press_run(panel, qtbot)
    panel.recipes.python.click()
    scope = {"viewer": viewer}
    exec(QApplication.clipboard().text(), scope)
    np.testing.assert_array_equal(scope["result"], viewer.layers[-1].data)
    assert not np.array_equal(scope["result"], image)


def test_colours_that_were_clipped_can_be_kept_as_float(viewer, qtbot, blurred):
    gray = (blurred / blurred.max() * 255).clip(0, 255)
    photo = np.stack([gray, gray * 0.9, gray], -1).astype(np.uint8)
    viewer.add_image(photo, name="photo", rgb=True)
    panel = panel_on(viewer, qtbot, nsr=1e-4)
    press_run(panel, qtbot)
    message = panel.run_bar.message
    assert (
        "were clipped" in message.text and "looks over-sharpened: raise the noise" in message.text
    )
    qtbot.mouseClick(message.button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=20_000)
    assert panel.float.isChecked() and "clipped" not in message.text
    rounded, kept = viewer.layers[1].data, viewer.layers[2].data
    assert kept.dtype == np.float32 and kept.min() < -0.01, (
        "on the scale on which napari has colours"
    )
    np.testing.assert_array_equal(np.rint(kept * 255).clip(0, 255).astype(np.uint8), rounded)
    panel.recipes.python.click()
    scope = {"viewer": viewer}
    exec(QApplication.clipboard().text(), scope)
    np.testing.assert_allclose(scope["result"] / 255, kept, atol=1e-6)
    panel.load(panel.recipes.record())
    assert panel.float.isChecked()


def test_weights_are_chosen_from_a_list_or_typed(viewer, qtbot):
    panel = panel_on(viewer, qtbot, "unrolled")
    field = panel.method.form.widgets["weights"]
    field.showPopup()
    field.hidePopup()
    shown = [field.itemText(i) for i in range(field.count())]
    assert shown[0] == "" and "unrolled-colour" in shown and "fcnn-1" not in shown
    field.value = "/some/where.safetensors"
    assert panel.method.spec().weights == "/some/where.safetensors"


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
    assert panel.run_bar.button.text() == "&Cancel"
    qtbot.waitUntil(lambda: panel.run_bar.bar.value() > 0, timeout=10_000)
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    assert panel.run_bar.button.text() == "&Run"
    assert "Cancelled" in panel.run_bar.message.text
    assert names(viewer) == ["noise"]

    panel.method.choose("richardson-lucy", {"iterations": 20})
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    viewer.layers.clear()
    assert panel.run_bar.button.isEnabled()  # it is Cancel, and must stay one
    panel.method.choose("wiener")  # what runs keeps its name
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=20_000)
    assert names(viewer) == ["noise Richardson-Lucy"]


def test_copied_command_makes_a_volumes_psf_first(viewer, qtbot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack = np.random.default_rng(0).random((8, 20, 21), np.float32)
    write(tmp_path / "IMAGE.tif", stack, axes="ZYX")  # a file that says nothing of its voxels
    viewer.add_image(stack, name="stack", scale=(0.3, 0.1, 0.1))
    panel = panel_on(viewer, qtbot, "richardson-lucy", iterations=2)
    panel.psf.choice.choose("gaussian", {"sigma_px": (3.0, 1.0, 1.5), "angle_deg": -30.0})
    panel.psf.extent.setText("5, 9, 11")
    press_run(panel, qtbot)
    panel.recipes.shell.click()
    assert "Save the layers as IMAGE.tif first" in panel.recipes.readout.text()
    for command in QApplication.clipboard().text().split(" && "):
        assert command_line([*shlex.split(command)[1:], "--quiet"]) == 0
    found = read(tmp_path / "RESULT.tif").data
    np.testing.assert_allclose(found, viewer.layers[-1].data, rtol=1e-4, atol=1e-5)


def test_copied_script_keeps_linear_light(viewer, qtbot):
    photo = np.random.default_rng(0).integers(0, 255, (30, 31, 3)).astype(np.uint8)
    viewer.add_image(photo, name="photo", rgb=True)
    panel = panel_on(viewer, qtbot)
    panel.linear.setChecked(True)
    assert not panel.linear.isVisible(), "it counts while it is folded away"
    press_run(panel, qtbot)
    panel.recipes.python.click()
    scope = {"viewer": viewer}
    exec(QApplication.clipboard().text(), scope)
    np.testing.assert_array_equal(scope["result"], viewer.layers[-1].data)


def test_few_clipped_pixels_are_no_warning():
    notes = [clipping(count, 100_000, "uint8") for count in (6, 900, 4000)]
    assert [note.severity for note in notes] == ["info", "info", "warning"]
    assert str(notes[1]).startswith("0.9 % of the pixels lay outside the range of uint8")
    assert "over-sharpened" not in str(notes[1]) and "over-sharpened" in str(notes[2])


def test_methods_come_in_groups_by_title_and_say_what_they_are_for(viewer, qtbot):
    choice = panel_on(viewer, qtbot, "wiener").method
    combo = choice.combo
    heading, groups = "", dict[str, list[str]]()
    for i in range(combo.count()):
        if combo.itemData(i):
            groups[heading].append(combo.itemText(i).split(" (")[0].casefold())
            assert "Not for: " in combo.itemData(i, Qt.ItemDataRole.ToolTipRole)
        else:
            heading = combo.itemText(i)
            groups[heading] = []
            assert not combo.model().item(i).isEnabled()
    assert {"Classical", "Networks", "Made for one PSF"} <= set(groups)
    assert all(titles and titles == sorted(titles) for titles in groups.values())
    assert "dcnn" in groups["Made for one PSF"] and "wiener" in groups["Classical"]
    assert choice.note.text().startswith("For: A first look")
    assert "Loading" not in combo.toolTip()


def test_what_only_a_training_heeds_is_not_asked_here(viewer, qtbot):
    panel = panel_on(viewer, qtbot, "fcnn", iterations=1)
    assert "iterations" in panel.method.form.widgets
    assert "cleans" not in panel.method.form.widgets
    assert panel.method.spec().cleans == "gradients"


def test_a_selected_result_names_what_is_not_usual(viewer, qtbot):
    panel = panel_on(viewer, qtbot)
    fields = {"iterations": 7, "tv": 0.0, "gain_counts_per_photon": 1.0}
    record = {"kind": "result", "method": {"name": "richardson-lucy", **fields}}
    viewer.add_image(np.zeros((8, 9)), metadata={KEY: record})
    assert panel.recipes.readout.text() == "Selected: Richardson-Lucy (iterations 7)"


def test_the_image_itself_is_no_psf(viewer, qtbot):
    viewer.add_image(np.random.default_rng(0).random((31, 31)), name="cell")
    panel = panel_on(viewer, qtbot)
    panel.psf.choice.choose("layer")
    press_run(panel, qtbot)
    assert "is the image itself" in panel.run_bar.message.text
    assert names(viewer) == ["cell"]


def test_of_two_channels_each_has_the_psf_that_was_made_for_it(viewer, qtbot):
    """As split into layers; with the other's light the restoration would be silently wrong."""
    for light in ("green", "red"):
        viewer.add_image(np.zeros((20, 22)), name=light)
        maker = DiskPanel(viewer)
        qtbot.addWidget(maker)
        maker.image.pick(viewer.layers[light])
        count = len(viewer.layers)
        qtbot.waitUntil(lambda maker=maker: maker.source.prepared is not None, timeout=5000)
        maker.make()
        qtbot.waitUntil(lambda count=count: len(viewer.layers) > count, timeout=5000)
    green, red = viewer.layers[1], viewer.layers[3]
    viewer.layers.selection.active = green
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    assert panel.image.layer.name == "green" and panel.psf.layers.layer is green
    panel.image.pick(viewer.layers["red"])
    assert panel.psf.layers.layer is red
    panel.image.pick(viewer.layers["green"])
    panel.psf.layers.pick(red)  # whoever wants it so
    assert panel.psf.layers.layer is red


def test_live_preview_follows_the_fields_and_leaves_nothing(viewer, qtbot, blurred):
    stack = np.stack([np.zeros_like(blurred), blurred]).astype(np.float32)
    viewer.add_image(stack, name="series", axis_labels=("t", "y", "x"), translate=(0, 5, 7))
    viewer.dims.set_current_step(0, 1)
    panel = panel_on(viewer, qtbot)
    panel.live_row.box.setChecked(True)
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
    assert not preview.visible, "hidden, not removed: see Live.switch"
    panel.live.close()
    assert names(viewer) == ["series"]


def test_subclass_presets_the_method(viewer, qtbot):
    class TV(DeconvolvePanel):
        preset = "tv"

    panel = TV(viewer)
    qtbot.addWidget(panel)
    qtbot.waitUntil(panel.method.isEnabled, timeout=30_000)
    assert panel.method.name == "tv"


def test_docks_of_ours_become_tabs(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    docks = [
        viewer.window.add_plugin_dock_widget("napari-deconv", name)[0]
        for name in ("Deconvolve", "Degrade")
    ]
    window = docks[0].window()
    qtbot.waitUntil(lambda: window.tabifiedDockWidgets(docks[0]) == [docks[1]], timeout=5000)


@pytest.mark.parametrize("what", ["dock", "viewer"])
def test_window_part_goes_away_mid_run(make_napari_viewer, qtbot, what):
    viewer = make_napari_viewer()
    viewer.add_image(np.random.default_rng(0).random((400, 400), np.float32))
    _, panel = viewer.window.add_plugin_dock_widget("napari-deconv", "Deconvolve")
    qtbot.waitUntil(panel.method.isEnabled, timeout=30_000)
    panel.method.choose("richardson-lucy", {"iterations": 500})
    panel.psf.choice.choose("disk")
    panel.live_row.box.setChecked(True)
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


def test_the_time_to_expect_is_said_before_run_and_follows_the_fields(
    viewer, qtbot, blurred, monkeypatch, tmp_path
):
    monkeypatch.setenv("NAPARI_DECONV_CACHE", str(tmp_path))
    monkeypatch.setattr(expected, "_trials", {})
    monkeypatch.setattr(expected, "probe", lambda run, block: Timing(1e4, 1.0))
    viewer.add_image(blurred.astype(np.float32), name="street")
    panel = panel_on(viewer, qtbot, "richardson-lucy", iterations=20)
    said = panel.run_bar.left
    qtbot.waitUntil(lambda: said.isVisibleTo(panel) and "about" in said.text(), timeout=20_000)
    before = said.text()
    panel.method.choose("richardson-lucy", {"iterations": 500})
    assert said.text() == ""
    qtbot.waitUntil(lambda: "about" in said.text(), timeout=20_000)
    assert said.text() != before
    press_run(panel, qtbot)
    qtbot.waitUntil(lambda: "about" in said.text(), timeout=20_000)


def entry(combo, name):
    """Text, whether it can be chosen, and what is said of it."""
    place = combo.findData(name)
    usable = bool(combo.model().flags(combo.model().index(place, 0)).value & 32)
    return combo.itemText(place), usable, combo.itemData(place, Qt.ItemDataRole.ToolTipRole)


def test_what_does_not_work_with_the_psf_is_said_before_run_and_repaired(viewer, qtbot):
    viewer.add_image(np.random.default_rng(0).random((9, 40, 40), np.float32), name="stack")
    panel = panel_on(viewer, qtbot, "dcnn")
    assert panel.misfit.text == "", "planes one by one"
    assert entry(panel.method.combo, "unrolled-3d")[:2] == ("U-Net for stacks (stacks only)", False)
    panel.psf.choice.choose("gaussian", {"sigma_px": 1.5})
    qtbot.waitUntil(lambda: bool(panel.misfit.text), timeout=5000)
    assert "DCNN works on planes and needs a 2-D PSF; this one is 3-D" in panel.misfit.text
    assert "U-Net for stacks" in panel.misfit.text and not panel.run_bar.button.isEnabled()
    text, usable, tip = entry(panel.method.combo, "dcnn")
    assert "(planes only)" in text and not usable and "Needs a 2-D PSF" in tip
    assert entry(panel.method.combo, "unrolled-3d")[1]
    assert panel.misfit.button.text() == "Take Richardson-Lucy" and panel.offer.isHidden()
    qtbot.mouseClick(panel.misfit.button, LEFT)
    assert panel.method.name == "richardson-lucy" and panel.misfit.isHidden()
    assert panel.run_bar.button.isEnabled()
    panel.method.follows = True
    panel.psf.choice.choose("gaussian", {"sigma_px": 2.0})
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    assert not entry(panel.method.combo, "dcnn")[1], "also while the recommendation is taken"
    panel.psf.choice.choose("disk")
    qtbot.waitUntil(lambda: entry(panel.method.combo, "dcnn")[1], timeout=5000)


def test_the_recommendation_knows_the_voxels_of_the_layer(viewer, qtbot):
    rng = np.random.default_rng(0)
    glow = np.exp(-((np.indices((10, 40, 40)) - 20) ** 2).sum(0) / 60) + 0.05
    stack = rng.poisson(200 * glow).astype(np.uint16)
    for z_um, name in ((0.3, "unrolled-3d"), (2.0, "richardson-lucy")):
        viewer.layers.clear()
        viewer.add_image(stack, scale=(z_um, 0.1, 0.1), units=("um",) * 3)
        panel = DeconvolvePanel(viewer)
        qtbot.addWidget(panel)
        qtbot.waitUntil(lambda panel=panel: panel.method.recommended, timeout=30_000)
        assert panel.method.name == name
