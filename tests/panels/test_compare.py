from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from scipy.ndimage import gaussian_filter

from napari_deconv import estimation
from napari_deconv.estimation import Confidence, Estimate, Guess
from napari_deconv.panels.compare.panel import ComparePanel
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.kit.layers import KEY, Placement, is_ours, with_axis
from napari_deconv.psf import Disk
from napari_deconv.restoration.base import Method, methods

LEFT = Qt.MouseButton.LeftButton
RNG = np.random.default_rng(0)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    truth = RNG.random((48, 57)).astype(np.float32)
    options = {"scale": (2, 2), "contrast_limits": (0, 1)}
    about = {KEY: {"kind": "truth"}}
    viewer.add_image(truth, name="sharp", metadata=about, visible=False, **options)
    viewer.add_image((truth + RNG.normal(0, 0.1, truth.shape)).astype(np.float32), name="photo",
                     **options)  # fmt: skip
    return viewer


@pytest.fixture
def panel(viewer, qtbot):
    panel = ComparePanel(viewer)
    qtbot.addWidget(panel)
    panel.resize(300, 500)
    panel.show()
    qtbot.waitUntil(panel.methods.isEnabled, timeout=30_000)
    panel.psf.choice.choose("disk", {"radius_px": 1.5})
    panel.methods.set_methods(
        [Method.make("wiener"), Method.make("wiener", nsr=0.5), Method.make("tikhonov")]
    )
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    return panel


def press_run(panel, qtbot):
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=20_000)


def in_sight(widget):
    """Whether the body of the panel is scrolled to a part of it."""
    return widget.isVisible() and not widget.visibleRegion().isEmpty()


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_results_come_as_a_group_side_by_side_with_a_table_that_sorts(panel, viewer, qtbot):
    assert panel.judging.truth.layer is viewer.layers["sharp"]  # by its kind and shape
    press_run(panel, qtbot)
    results = viewer.layers[2:]
    assert names(viewer)[2:] == ["C1 Wiener", "C1 Wiener(nsr=0.5)", "C1 Tikhonov"]
    assert all(layer.metadata[KEY]["group"] == "C1" for layer in results)
    assert results[1].metadata[KEY]["method"] == {"name": "wiener", "nsr": 0.5}
    assert viewer.canvas.grid.enabled and all(layer.visible for layer in viewer.layers)
    results[0].contrast_limits = (0.2, 0.7)
    assert results[2].contrast_limits == [0.2, 0.7]

    table = panel.table
    heads = [table.horizontalHeaderItem(i).text() for i in range(table.columnCount())]
    heads = [text.replace("\n", " ") for text in heads]
    for width in (270, 400):
        panel.resize(width, 700)
        qtbot.waitUntil(lambda: panel.table.horizontalScrollBar().maximum() == 0, timeout=2000)
    shown = [text for i, text in enumerate(heads) if not table.isColumnHidden(i)]
    assert shown == ["Method", "PSNR (dB)", "SSIM", "Time (s)"], "what is most asked for fits"
    assert heads[:2] == ["Method", "PSNR (dB)"]
    assert "when" in "".join(table.horizontalHeaderItem(i).toolTip() for i in range(1, 5)).lower()
    table.sortItems(1, Qt.SortOrder.DescendingOrder)
    db = [float(table.item(i, 1).text()) for i in range(4)]
    assert db == sorted(db, reverse=True) and len(set(db)) > 1
    lines = [table.item(i, 0).text() for i in range(4)]
    table.selectRow(lines.index("Blurred image"))
    assert viewer.layers.selection.active is viewer.layers["photo"]
    table.selectRow(lines.index("Tikhonov"))
    assert viewer.layers.selection.active is results[2]
    assert heads[3] == "Time (s)" and not table.isColumnHidden(3)
    memory = heads.index("Memory (MiB)")
    assert table.isColumnHidden(memory)
    table.want("peak_mib", True)
    assert not table.isColumnHidden(memory)


def test_no_blur_is_taken_for_known(viewer, qtbot):
    panel = ComparePanel(viewer)
    qtbot.addWidget(panel)
    panel.resize(300, 400)
    panel.show()
    qtbot.waitUntil(panel.methods.isEnabled, timeout=30_000)
    qtbot.wait(50)
    assert in_sight(panel.image), "what opens by itself does not scroll"
    assert panel.blur.button.isChecked() and "not known yet" in panel.blurred_by.text()
    assert "Compare finds the blur" in panel.doubt.text and panel.doubt.button.isVisible()
    mine = viewer.add_image(np.ones((5, 5)) / 25, name="mine", metadata={KEY: {"kind": "psf"}})
    assert panel.blurred_by.text() == "Blurred by: mine" and not panel.doubt.text
    viewer.layers.remove(mine)
    assert panel.psf.choice.name == "image", "no other layer is taken for a PSF"
    viewer.add_image(np.zeros((9, 32, 32), np.uint16), name="stack")
    panel.image.pick(viewer.layers["stack"])
    qtbot.waitUntil(lambda: "Choose above" in panel.psf.readout.text(), timeout=5000)
    assert panel.doubt.isHidden()
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    assert "How the image was blurred is not chosen" in panel.run_bar.message.text


@pytest.fixture
def finding(monkeypatch):
    """Stand for the search, which takes its time; how sure it is can be set."""
    disk, level = Disk(radius_px=1.5), ["fair"]

    def search(plane, *args, **options):
        yield Guess(1, 1, "spectrum: disk")
        sure = Confidence(level[0], ("It fits.",))
        return Estimate(disk(), "disk", disk, sure, np.zeros((0, 2)), {}, {"region": [0, 0, 9, 9]})

    monkeypatch.setattr(estimation, "stream", search)
    return level


def test_a_poor_guess_stops_before_the_comparison_and_says_so(panel, qtbot, finding):
    finding[0] = "poor"
    panel.psf.choice.choose("image")
    panel.blur.button.setChecked(False)
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: "probably not found" in panel.run_bar.message.text, timeout=10_000)
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=10_000)
    assert panel.page.verdict.isVisible() and not panel.group.results
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=10_000)
    qtbot.mouseClick(panel.page.verdict.button, LEFT)
    qtbot.waitUntil(lambda: len(panel.group.results) == 3, timeout=20_000)


@pytest.mark.parametrize("first", [True, False], ids=["by its button", "before comparing"])
def test_the_blur_is_found_in_the_image_right_there(panel, viewer, qtbot, finding, first):
    panel.psf.choice.choose("image")
    assert panel.doubt.button.text() == "Find it in the image"
    if first:
        qtbot.mouseClick(panel.doubt.button, LEFT)
        qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=10_000)
        assert not panel.group.results, "it was not asked for"
        assert panel.blurred_by.text() == "Blurred by: what was found in the image (fair)"
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: len(panel.group.results) == 3, timeout=20_000)
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=20_000)
    found = next(x for x in viewer.layers if is_ours(x))
    np.testing.assert_allclose(found.data, Disk(radius_px=1.5)())
    assert "estimate" in panel.group.results[0].metadata[KEY]["psf"]


def test_a_preset_is_not_taken_for_known(panel, viewer, qtbot):
    def doubted():
        qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
        return "only a preset" in panel.doubt.text

    assert not doubted()
    psf = {"kind": "psf", "by": "psf", "psf": {"spec": Disk().to_dict()}}
    made = viewer.add_image(Disk()(), name="made", metadata={KEY: psf})
    panel.psf.choice.choose("layer")
    panel.psf.layers.pick(made)
    assert doubted() and panel.doubt.button.isVisible()
    made.metadata[KEY]["by"] = "degrade"
    panel.psf.show_now()
    qtbot.waitUntil(lambda: not panel.doubt.text, timeout=5000)
    panel.psf.choice.choose("disk", {"radius_px": 5.0})
    assert doubted() and "set your own" in panel.psf.readout.text()
    panel.psf.choice.form.widgets["radius_px"].value = 4.0
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    assert not panel.doubt.text


def test_a_psf_that_fits_nothing_is_said_with_what_to_do(panel, viewer, qtbot):
    viewer.layers["photo"].data = gaussian_filter(viewer.layers["sharp"].data, 1.0)
    panel.judging.noise.set_value(1e-4)
    panel.psf.choice.choose("motion", {"length_px": 15.0})
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=5000)
    press_run(panel, qtbot)
    message = panel.run_bar.message
    assert "PSF probably does not fit this image" in message.text
    assert message.button.text() == "Find it in the image"


def test_as_before_shows_what_was_there(panel, viewer, qtbot):
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 30, 40), 3.5
    viewer.canvas.grid.stride = 2
    press_run(panel, qtbot)
    panel.views.curtain.show_button.click()
    mine = viewer.add_image(np.zeros((4, 4)), name="mine")
    qtbot.mouseClick(panel.views.buttons["back"], LEFT)
    assert not viewer.canvas.grid.enabled and viewer.canvas.grid.stride == 2
    assert [x.name for x in viewer.layers if x.visible] == ["photo", "mine"]
    assert not any(x.name_overlay.visible for x in viewer.layers) and mine.visible
    assert viewer.scene.camera.zoom == 3.5 and viewer.scene.camera.center == (0, 30, 40)


def test_export_takes_what_the_table_shows_and_the_sweep_beside_it(panel, qtbot, tmp_path):
    slow = Method.make("ird", iterations=10_000)
    panel.methods.set_methods([Method.make("wiener"), slow])
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: len(panel.group.results) == 1, timeout=20_000)
    panel.run_bar.job.cancel()
    panel.methods.list.setCurrentRow(0)
    panel.sweep.count.setValue(3)
    panel.sweep.button.click()
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=20_000)
    assert panel.sweep.plot.logarithmic
    panel.export.folder.set_path(str(tmp_path / "out"))
    panel.export.button.click()
    qtbot.waitUntil(lambda: "Exported" in panel.export.notice.text, timeout=60_000)
    tables = (tmp_path / "out" / "table.csv", tmp_path / "out" / "sweep" / "table.csv")
    labels = [
        [line["method"] for line in csv.DictReader(io.StringIO(path.read_text()))]
        for path in tables
    ]
    assert labels[0] == ["Blurred image", "Wiener"] and len(labels[1]) == 3


def test_empty_list_and_unfit_truth_are_said_in_words(panel, viewer, qtbot):
    viewer.add_image(np.zeros((20, 20), np.uint8), name="other")
    panel.judging.truth.pick(viewer.layers["other"])
    panel.image.pick(viewer.layers["photo"])
    panel.judging.truth.pick(viewer.layers["other"])
    press_run(panel, qtbot)
    assert "left out" in panel.run_bar.message.text
    qtbot.mouseClick(panel.methods.buttons["clear"], LEFT)
    press_run(panel, qtbot)
    assert "list of methods is empty" in panel.run_bar.message.text
    qtbot.mouseClick(panel.methods.buttons["take"], LEFT)
    assert "No Deconvolve panel is open" in panel.methods.notice.text


def test_deleted_layers_do_not_matter_mid_run(panel, viewer, qtbot):
    slow = Method.make("richardson-lucy", iterations=200)
    panel.methods.set_methods([Method.make("wiener"), slow, Method.make("tikhonov")])
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: "C1 Wiener" in names(viewer), timeout=20_000)
    viewer.layers.remove("C1 Wiener")
    viewer.layers.remove("photo")
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=30_000)
    assert names(viewer) == ["sharp", "C1 Richardson-Lucy", "C1 Tikhonov"]
    assert panel.table.rowCount() == 4
    panel.views.buttons["truth"].click()
    assert "C1 Tikhonov - truth" in names(viewer)


def test_cancel_keeps_what_stands(panel, viewer, qtbot):
    slow = Method.make("ird", iterations=10_000)
    panel.methods.set_methods([Method.make("wiener"), slow])
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: len(panel.group.results) == 1, timeout=20_000)
    panel.run_bar.job.cancel()
    assert "1 result(s)" in panel.run_bar.message.text
    assert "C1 Wiener" in names(viewer)


def test_a_method_that_fails_is_a_red_line(panel, viewer, qtbot, monkeypatch):
    def broken(self, problem):
        raise RuntimeError("no such thing")
        yield

    monkeypatch.setattr(methods()["tikhonov"], "steps", broken)
    panel.methods.set_methods([Method.make(name) for name in ("tikhonov", "wiener", "ird")])
    press_run(panel, qtbot)
    assert "1 of 3 failed" in panel.run_bar.message.text
    assert "no such thing" in panel.table.item(1, 0).text()
    assert len(panel.group.results) == 2
    # The first one to fail does not keep the others from view.
    assert viewer.canvas.grid.enabled
    assert panel.views.curtain.right.currentText() == "C1 Wiener"


def test_curtain_flicker_and_maps(panel, viewer, qtbot):
    panel.views.buttons["grid"].click()
    assert "Run a comparison first" in panel.notice.text
    curtain = panel.views.curtain
    assert not curtain.isVisible()
    press_run(panel, qtbot)
    assert curtain.isVisible()
    curtain.show_button.click()
    a, b = curtain.pair()
    assert (a.name, b.name) == ("photo", "C1 Wiener")
    for cut in (28, 5, 50):
        curtain.slider.setValue(cut)
        expected = np.where(np.arange(57) < cut, a.data, b.data)
        np.testing.assert_array_equal(curtain.layer.data, expected)
    shown = ["Curtain: photo | C1 Wiener", "Curtain edge"]
    assert [x.name for x in viewer.layers if x.visible] == shown
    np.testing.assert_array_equal(curtain.edge.data[0][:, 1], 49.5)
    np.testing.assert_array_equal(curtain.edge.scale, curtain.layer.scale)
    curtain.flick()
    np.testing.assert_array_equal(curtain.layer.data, b.data)
    curtain.flick()
    np.testing.assert_array_equal(curtain.layer.data, a.data)
    viewer.layers.remove(curtain.layer)
    curtain.slider.setValue(3)  # deleted by hand: nothing to move
    panel.views.buttons["between"].click()
    found = viewer.layers["photo - C1 Wiener"]
    np.testing.assert_allclose(found.data, a.data - b.data)
    low, high = found.contrast_limits
    assert low == -high < 0


def test_line_and_rectangle_through_all_results(panel, viewer, qtbot, tmp_path):
    press_run(panel, qtbot)
    panel.probes.draw_line.click()
    assert str(panel.probes.line.layer.mode) == "add_line"
    panel.probes.line.layer.add([[10, 5], [10, 25]], shape_type="line")
    qtbot.waitUntil(lambda: len(panel.probes.plot.curves) == 5, timeout=5000)
    qtbot.waitUntil(lambda: in_sight(panel.probes.plot), timeout=2000)
    photo = panel.probes.plot.curves[0]
    assert photo.label == "photo"
    np.testing.assert_allclose(photo.y, viewer.layers["photo"].data[10, 5:26], rtol=1e-5)
    panel.methods.set_methods([Method.make("tikhonov")])
    press_run(panel, qtbot)
    qtbot.waitUntil(lambda: len(panel.probes.plot.curves) == 3, timeout=5000)  # of the new one
    panel.probes.line.layer.data = [[[-50, -50], [-60, -60]]]
    qtbot.waitUntil(lambda: "outside the image" in panel.notice.text, timeout=5000)

    panel.probes.draw_box.click()
    corners = [[5, 6], [5, 20], [15, 20], [15, 6]]
    panel.probes.rectangle.layer.add(corners, shape_type="rectangle")
    panel.probes.line.layer.data = []
    qtbot.waitUntil(lambda: in_sight(panel.probes.insets), timeout=5000)
    top, left, bottom, right = panel.probes.corners()
    assert (top, left) == (5, 6) and bottom in (15, 16) and right in (20, 21)

    panel.export.folder.set_path(str(tmp_path / "out"))
    panel.export.button.click()
    qtbot.waitUntil(lambda: "Exported" in panel.export.notice.text, timeout=60_000)
    panel.export.parent().button.click()
    panel.export.button.click()
    qtbot.waitUntil(lambda: in_sight(panel.export.notice), timeout=5000)
    lines = csv.DictReader(io.StringIO((tmp_path / "out" / "table.csv").read_text()))
    assert len(list(lines)) == 2
    before = panel.methods.methods()
    panel.methods.set_methods([])
    panel.export.load(str(tmp_path / "out" / "comparison.json"))
    assert panel.methods.methods() == before


def test_sweep_is_a_stack_with_its_best_marked(panel, viewer, qtbot):
    panel.methods.set_methods([Method.make("wiener", nsr=0.01)])
    panel.methods.list.setCurrentRow(0)
    assert panel.sweep.field.currentData() == "nsr"
    panel.sweep.low.setValue(0.001)
    panel.sweep.high.setValue(1)
    panel.sweep.count.setValue(4)
    panel.sweep.button.click()
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=20_000)
    stack = viewer.layers[-1]
    assert stack.data.shape == (4, 48, 57) and tuple(stack.scale) == (1, 2, 2)
    db = panel.sweep.plot.curves[0].y
    assert panel.sweep.plot.curves[0].marked == int(np.argmax(db))
    assert viewer.dims.current_step[0] == int(np.argmax(db))
    ends = int(np.argmax(db)) in (0, 3)
    assert ("widen it" in panel.sweep.verdict.text()) == ends
    panel.sweep.measure.setCurrentIndex(panel.sweep.measure.findData("L-curve"))
    assert len(panel.sweep.plot.curves[0].x) == 4
    panel.sweep.low.setValue(2)
    panel.sweep.button.click()
    assert "is not a range" in panel.run_bar.message.text


def test_settings_are_taken_from_the_deconvolve_panel(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((16, 16)))
    docks = [
        viewer.window.add_plugin_dock_widget("napari-deconv", name)[1]
        for name in ("Deconvolve", "Compare")
    ]
    deconvolve, compare = docks
    assert isinstance(deconvolve, DeconvolvePanel)
    qtbot.waitUntil(lambda: deconvolve.method.form is not None, timeout=30_000)
    qtbot.waitUntil(compare.methods.isEnabled, timeout=30_000)
    deconvolve.method.choose("wiener", {"nsr": 0.25})
    compare.methods.buttons["take"].click()
    assert compare.methods.methods()[-1] == Method.make("wiener", nsr=0.25)


def test_a_stack_of_a_sweep_lies_where_its_image_lies():
    viewer = ViewerModel()
    like = viewer.add_image(np.zeros((5, 6)), scale=(2, 3), translate=(1, 2), rotate=0,
                            affine=[[1, 0, 7], [0, 1, 8], [0, 0, 1]], name="a")  # fmt: skip
    stack = viewer.add_image(np.zeros((4, 5, 6)), **with_axis(Placement.of(like).options, "x"))
    np.testing.assert_allclose(stack.data_to_world((2, 1, 1))[1:], like.data_to_world((1, 1)))


def test_methods_that_do_not_work_with_the_psf_are_marked_before_the_run(panel, viewer, qtbot):
    viewer.add_image(np.zeros((9, 32, 32), np.float32), name="stack")
    panel.image.pick(viewer.layers["stack"])
    panel.methods.set_methods([Method.make("wiener"), Method.make("dcnn")])
    panel.psf.choice.choose("gaussian")
    qtbot.waitUntil(lambda: bool(panel.methods.misfit.text), timeout=5000)
    assert "DCNN works on planes and needs a 2-D PSF" in panel.methods.misfit.text
    assert panel.methods.list.item(1).text() == "DCNN (planes only)"
    qtbot.mouseClick(panel.methods.misfit.button, LEFT)
    assert [m.name for m in panel.methods.methods()] == ["wiener"]
    assert panel.methods.misfit.isHidden()


def test_what_was_found_in_one_image_is_not_taken_for_another(panel, viewer, qtbot, finding):
    panel.psf.choice.choose("image")
    qtbot.mouseClick(panel.doubt.button, LEFT)
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=10_000)
    later = DeconvolvePanel(viewer)
    qtbot.addWidget(later)
    assert later.image.layer is viewer.layers["photo"]
    assert later.psf.layers.layer is viewer.layers[-1] and later.psf.choice.name == "layer"
    another = viewer.add_image(np.zeros((48, 57), np.float32), name="another")
    later.image.pick(another)
    assert later.psf.choice.name == "image" and later.psf.needs_estimate
