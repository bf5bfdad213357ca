from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from scipy.ndimage import convolve, gaussian_filter

from napari_deconv.core.record import RunRecord
from napari_deconv.estimation import Confidence, Estimate, Guess, across
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.docks import image as ImagePsfPanel
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.psf import Disk, Gaussian

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(qtbot):
    rng = np.random.default_rng(0)
    y, x = np.indices((120, 120))
    image = np.zeros((120, 120))
    for _ in range(120):
        cy, cx = rng.uniform(0, 120, 2)
        image[(y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(2, 14) ** 2] = rng.random()
    image = gaussian_filter(image, 2.0) + rng.normal(0, 0.003, image.shape)
    viewer = ViewerModel()
    viewer.add_image(image.astype(np.float32), name="soft", scale=(0.5, 0.5), units=("um",) * 2)
    panel = ImagePsfPanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_an_estimate_becomes_a_layer_with_its_recipe(panel, qtbot):
    assert panel.source.choice.name == "image"
    assert panel.estimate.isVisible() and not panel.button.isVisible()
    panel.page.kind.setCurrentIndex(panel.page.kind.findData("gaussian"))
    layers = panel._viewer.layers
    qtbot.mouseClick(panel.estimate.button, LEFT)
    qtbot.waitUntil(lambda: len(layers) == 2, timeout=60_000)
    psf = layers[-1]
    about = psf.metadata[KEY]["psf"]
    assert about["estimate"]["image_name"] == "soft" and about["spec"]["name"] == "gaussian"
    assert about["spec"]["sigma_px"] == pytest.approx(2.0, rel=0.15)
    np.testing.assert_array_equal(psf.data, Gaussian(sigma_px=about["spec"]["sigma_px"])())
    assert tuple(psf.scale) == (0.5, 0.5)
    assert "Confidence" in panel.page.verdict.text
    poor = panel.page.estimate.confidence.level == "poor"
    assert panel.message.button.text() == ("Try it anyway" if poor else "Deblur with it")


def test_regions_and_edges_are_drawn_in_pixels_of_the_image(panel, qtbot):
    viewer, page = panel._viewer, panel.page
    qtbot.mouseClick(page.region.button, LEFT)
    shapes = viewer.layers[-1]
    assert shapes.mode == "add_rectangle"
    shapes.add([[10, 20], [10, 100], [90, 100], [90, 20]], shape_type="rectangle")
    np.testing.assert_allclose(page.region.corners().min(axis=0), (10, 20))
    assert "80 x 80 px" in page.region.readout.text()
    viewer.layers.remove(shapes)
    assert page.region.corners() is None
    page.kind.setCurrentIndex(page.kind.findData("edge"))
    qtbot.mouseClick(panel.estimate.button, LEFT)
    assert "No line is drawn" in panel.estimate.message.text


def test_a_change_of_what_is_asked_cancels_and_forgets(panel, qtbot):
    qtbot.mouseClick(panel.estimate.button, LEFT)
    assert panel.estimate.running
    panel.page.extent.setValue(15)
    assert not panel.estimate.running and panel.page.estimate is None
    panel.source.choice.choose("disk")
    assert panel.button.isVisible() and not panel.estimate.isVisible()


def test_regions_that_differ_are_deblurred_each_with_its_own(panel, qtbot, monkeypatch):
    def stood_in(plane, regions, size, kind, noise, **options):
        yield Guess(1, 2, "region 1")
        parts = [estimated(s) for s in (1.0, 1.0, 3.5, 3.5)]
        return across._judged(estimated(2.0), tuple(parts), regions)

    monkeypatch.setattr("napari_deconv.estimation.stream_across", stood_in)
    panel.page.across.setChecked(True)
    assert not panel.page.region.isVisible()
    qtbot.mouseClick(panel.estimate.button, LEFT)
    layers = panel._viewer.layers
    qtbot.waitUntil(lambda: len(layers) == 2, timeout=60_000)
    assert "disagree" in panel.page.verdict.text
    panel.message.button.click()
    qtbot.waitUntil(lambda: len(layers) == 3, timeout=60_000)
    about = layers[-1].metadata[KEY]
    assert about["psf"]["regions"] == [2, 2] and about["psf"]["estimate"]["agree"] < 0.8
    assert layers[-1].data.shape == layers[0].data.shape
    panel.page.kind.setCurrentIndex(panel.page.kind.findData("edge"))
    assert not panel.page.across.isVisible()


def estimated(sigma):
    spec = Gaussian(sigma_px=sigma)
    return Estimate(spec(), "gaussian", spec, Confidence("good", ()), np.zeros((0, 2)), {}, {})


def test_a_run_that_refines_the_psf_adds_it_as_a_layer(qtbot):
    rng = np.random.default_rng(0)
    boxes = np.repeat(np.repeat(rng.random((12, 12)), 8, 0), 8, 1)
    image = convolve(boxes, Disk(radius_px=3.0)(), mode="reflect").astype(np.float32)
    viewer = ViewerModel()
    viewer.add_image(image, name="soft")
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(panel.method.isEnabled, timeout=30_000)
    panel.method.choose("wiener", {})
    panel.psf.choice.choose("disk", {"radius_px": 3.5})
    panel.refine.setValue(1)
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=60_000)
    result, psf = viewer.layers[1:]
    record = RunRecord.from_dict(result.metadata[KEY])
    assert record.refine_psf == 1 and psf.metadata[KEY]["kind"] == "psf"
    assert psf.data.shape == Disk(radius_px=3.5)().shape and not psf.visible
    assert psf.name in panel.run_bar.message.text
    assert "refine_psf=1" in record.as_python() and "--refine-psf 1" in record.as_command()
    panel.refine.setValue(0)
    panel.load(record)
    assert panel.refine.value() == 1
