"""Deblur a photo: one button, a first look, the result, its strength, before and after."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from napari._qt.qt_resources import get_stylesheet
from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget
from scipy.ndimage import convolve
from skimage import data

import napari_deconv.deblurring as deblurring
from napari_deconv.estimation import Confidence, Estimate, Guess
from napari_deconv.panels import menus
from napari_deconv.panels.deblur.panel import DeblurPanel
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.psf import Disk

from .test_sizes import cut_off, named, seen


def photo() -> np.ndarray:
    sharp = data.astronaut()[60:156, 160:256].astype(float)
    blurred = np.stack([convolve(sharp[..., c], Disk(radius_px=3)()) for c in range(3)], -1)
    noisy = blurred + np.random.default_rng(0).normal(0, 1.5, blurred.shape)
    return noisy.clip(0, 255).round().astype(np.uint8)


LEVEL = ["good"]
WORDS = "Edges are smeared farther than by the spectrum alone, and some structure is left."


def estimating(image, *args, **options):
    """Stand for the search, which takes its time."""
    yield Guess(1, 1, "spectrum: disk")
    disk, sure = Disk(radius_px=3), Confidence(LEVEL[0], (WORDS,))
    recipe = {"region": [0, 0, *image.shape[:2]]}
    return Estimate(disk(), "disk", disk, sure, np.zeros((0, 2)), {}, recipe)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(deblurring, "estimating", estimating)
    monkeypatch.setattr(deblurring, "stream", partial(deblurring.stream, method="wiener"))


@pytest.fixture
def panel(qtbot, quick):
    viewer = ViewerModel()
    made = DeblurPanel(viewer)
    qtbot.addWidget(made)
    return made


def test_without_a_photo_it_says_what_to_do(panel, monkeypatch):
    assert "Open a photo first" in panel.hint.text
    panel._viewer.add_image(np.zeros((5, 64, 64)), name="stack")
    assert panel.image.layer is None
    assert "A stack is restored in Deconvolve" in panel.hint.text
    opened = []
    monkeypatch.setattr(menus, "open_panel", lambda viewer, title: opened.append(title) or panel)
    panel.hint.button.click()
    assert opened == ["Deconvolve"]
    panel._viewer.add_image(photo(), name="holiday")
    assert panel.image.layer.name == "holiday" and not panel.hint.text


def test_one_press_makes_the_result_which_strength_and_edge_change(panel, qtbot):
    viewer, blurred = panel._viewer, photo()
    viewer.add_image(blurred, name="holiday")
    panel.run()
    qtbot.waitUntil(lambda: panel.deblurred is not None, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["holiday", "holiday deblurred"]
    assert np.array_equal(viewer.layers["holiday"].data, blurred)
    whole, strength = panel.deblurred, panel.strength.value()
    assert strength == round(100 * whole.strength) > 0
    assert panel.level.text().lower().startswith(whole.confidence.level)
    assert np.array_equal(panel.layer.data, whole.data)

    panel.strength.setValue(30)
    qtbot.waitUntil(lambda: panel.layer.metadata[KEY].get("strength") == 0.3, timeout=5000)
    assert np.array_equal(panel.layer.data, whole.at(0.3))
    assert panel.deblurred is whole  # nothing was estimated anew

    panel.edge.setValue(50)
    assert np.array_equal(panel.curtain.data, blurred[:, :48])
    panel.whole.setChecked(True)
    assert panel.curtain.data.shape == blurred.shape and panel.curtain.visible
    panel.whole.setChecked(False)
    panel.edge.setValue(0)
    assert not panel.curtain.visible


def test_the_menu_of_a_photo_deblurs_it_at_once_and_that_of_a_stack_does_not(
    panel, qtbot, monkeypatch
):
    viewer, opened = panel._viewer, []
    monkeypatch.setattr(menus, "open_panel", lambda viewer, title: opened.append(title) or panel)
    viewer.add_image(photo(), name="holiday")
    viewer.add_image(np.zeros((5, 64, 64)), name="stack")
    menus.open_deblur(viewer)
    assert not panel.run_bar.running, "what is selected is no photo"
    viewer.layers.selection.active = viewer.layers["holiday"]
    menus.open_deblur(PublicOnlyProxy(viewer))  # as napari hands it to a command
    assert panel.run_bar.running and opened == ["Deblur a photo"] * 2
    qtbot.waitUntil(lambda: panel.deblurred is not None, timeout=60_000)
    assert panel.layer.name == "holiday deblurred"


def test_a_blur_that_does_not_stand_leaves_the_photo_and_is_shown_as_poor(
    panel, qtbot, monkeypatch
):
    monkeypatch.setattr(deblurring, "_stands", lambda trials, level: False)
    panel._viewer.add_image(photo(), name="holiday")
    panel.run()
    qtbot.waitUntil(lambda: panel.deblurred is not None, timeout=60_000)
    assert panel.strength.value() == 0 and panel.percent.text() == "0 %"
    assert np.array_equal(panel.layer.data, photo())
    assert panel.level.text().startswith("Poor: The blur was not found.")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_texts_are_whole_when_details_open_and_follow_the_strength(
    quick, qtbot, monkeypatch, theme
):
    monkeypatch.setitem(globals(), "LEVEL", ["fair"])
    host = QWidget()
    qtbot.addWidget(host)
    layout = QVBoxLayout(host)
    layout.setContentsMargins(0, 0, 0, 0)
    host.setStyleSheet(get_stylesheet(theme))
    panel = DeblurPanel(ViewerModel())
    layout.addWidget(panel)
    host.resize(300, 800)
    host.show()
    panel._viewer.add_image(photo(), name="holiday")
    panel.run()
    qtbot.waitUntil(lambda: panel.deblurred is not None, timeout=60_000)
    qtbot.wait(50)

    def cut():
        return [named(widget) for widget in seen(panel) if cut_off(widget)]

    assert cut() == []
    qtbot.mouseClick(panel.details.button, Qt.MouseButton.LeftButton)
    qtbot.wait(50)
    assert panel.measured.isVisible() and cut() == []

    assert "Strength is 70 %" in panel.words.text()
    panel.strength.setValue(100)
    assert "Strength is 100 %" in panel.words.text() and "70 %" in panel.words.text()
    panel.strength.setValue(40)
    assert "Strength is 40 %" in panel.words.text()
