"""What is the same in all panels: the way of the Tab key, the size of text, one primary button."""

from __future__ import annotations

import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDockWidget,
    QMainWindow,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QWidget,
)

from napari_deconv.comparison.measures import MEASURES
from napari_deconv.panels.compare.panel import ComparePanel
from napari_deconv.panels.deblur.panel import DeblurPanel
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.degrade.panel import DegradePanel
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.panels.kit.plot import Curve, Plot
from napari_deconv.panels.psf.panel import PsfPanel
from napari_deconv.panels.psf.picture import mosaic
from napari_deconv.panels.train.panel import TrainPanel
from napari_deconv.panels.train.parts import CameraFields
from napari_deconv.panels.train.weights import WeightsBox

PANELS = (DegradePanel, PsfPanel, ComparePanel, TrainPanel)
ALL = (DeblurPanel, DeconvolvePanel, *PANELS)


@pytest.fixture(params=PANELS, ids=lambda kind: kind.__name__)
def panel(request, qtbot):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((32, 32), np.float32), name="photo")
    panel = request.param(viewer)
    qtbot.addWidget(panel)
    panel.show()
    return panel


JARGON = re.compile(r"whiteness|as stored|held.out|shipped|\barray \(px", re.IGNORECASE)


def words(panel):
    """All that a panel says, in sight or not, with tooltips and the entries of its lists."""
    for widget in panel.findChildren(QWidget):
        yield widget.toolTip()
        text = getattr(widget, "text", "")
        yield str(text() if callable(text) else text)
        yield str(getattr(widget, "title", ""))
        for i in range(widget.count() if isinstance(widget, QComboBox) else 0):
            yield widget.itemText(i)
            yield str(widget.itemData(i, Qt.ItemDataRole.ToolTipRole) or "")


@pytest.mark.parametrize("panel", ALL, indirect=True, ids=lambda kind: kind.__name__)
def test_the_window_speaks_plainly(panel, qtbot):
    choices = [getattr(panel, name, None) for name in ("method", "network", "methods")]
    for choice in (getattr(x, "choice", x) for x in choices if x is not None):
        qtbot.waitUntil(lambda choice=choice: choice.kind is not None, timeout=30_000)
        for name in choice.kinds:
            choice.choose(name)
            assert [text for text in words(panel) if JARGON.search(text)] == []
    assert [text for text in words(panel) if JARGON.search(text)] == []
    assert not [m for m in MEASURES.values() if JARGON.search(f"{m.title} {m.tip}")]


def tabbed(panel):
    """The visible fields in the order of the Tab key, each with its height in the panel."""
    area = panel.findChildren(QScrollArea)[0]
    start, seen = panel, []
    widget = start.nextInFocusChain()
    while widget is not start:
        if widget.isVisible() and widget.focusPolicy().value & 1 and widget.focusProxy() is None:
            body = area.widget().isAncestorOf(widget)
            origin = area.widget() if body else panel
            if widget is not area and origin.isAncestorOf(widget):
                middle = widget.mapTo(origin, widget.rect().center()).y()
                seen.append((not body, middle, widget))
        widget = widget.nextInFocusChain()
    return seen


def test_tab_goes_through_the_fields_as_they_are_seen(panel, qtbot):
    source = panel.psf if hasattr(panel, "psf") else panel.source
    source.choice.choose("gaussian")
    source.choice.choose("motion")  # its fields are built last
    seen = []

    def follows():
        seen[:] = tabbed(panel)
        assert len(seen) > 5
        for (foot, middle, before), (foot_after, middle_after, after) in pairwise(seen):
            rows_apart = (foot_after, middle_after) >= (foot, middle - before.height())
            assert rows_apart, (before, after)

    qtbot.waitUntil(follows, timeout=5000)  # places are known when the layout has been made
    buttons = {b for b in panel.findChildren(QPushButton) if b.isVisible() and b.isEnabled()}
    assert buttons <= {widget for _, _, widget in seen if isinstance(widget, QAbstractButton)}


def test_one_primary_button_and_text_of_napari_s_size(panel):
    seen = [b for b in panel.findChildren(QPushButton) if b.objectName() == "primary"]
    assert sum(not button.isHidden() for button in seen if button.isVisible()) <= 1
    before, settings = panel.styleSheet(), get_settings().appearance
    size = settings.font_size
    try:
        settings.font_size = size + 3
        assert f"{0.9 * (size + 3):.1f}pt" in panel.styleSheet() != before
    finally:
        settings.font_size = size


def test_a_panel_behind_a_tab_comes_to_the_front_when_its_entry_is_chosen(qtbot):
    window, viewer = QMainWindow(), ViewerModel()
    qtbot.addWidget(window)
    docks = []
    for kind in (DegradePanel, PsfPanel):
        dock = QDockWidget(kind.__name__)
        dock.setWidget(kind(viewer))
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        docks.append(dock)
        window.show()
        qtbot.wait(20)
    below, above = docks
    assert window.tabifiedDockWidgets(below) == [above]

    def choose(dock):  # as napari's menu does
        dock.setVisible(not dock.isVisible())

    def in_front(dock):
        qtbot.waitUntil(lambda: not dock.visibleRegion().isEmpty(), timeout=5000)

    in_front(above)
    assert below.visibleRegion().isEmpty()
    choose(below)
    in_front(below)
    choose(below)
    in_front(above)
    assert below.isHidden(), "in front it is closed, as other panels are"
    choose(below)
    in_front(below)
    above.close()
    qtbot.wait(50)
    assert above.isHidden(), "what is closed stays closed"
    choose(above)
    in_front(above)
    window.removeDockWidget(below)
    qtbot.wait(50)
    assert below.isHidden()
    below.deleteLater()


def test_a_logarithmic_axis_has_even_factors_at_even_distances(qtbot):
    plot = Plot("curve")
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    plot.show_curves([Curve("", [0.001, 0.01, 0.1, 1], [1, 2, 3, 4])], "x", "y", logarithmic=True)
    plot.grab()
    x = [spot.x() for spot in plot._spots]
    np.testing.assert_allclose(np.diff(x), x[1] - x[0])
    plot.show_curves([Curve("", [0, 1], [1, 2])], "x", "y", logarithmic=True)
    assert not plot.logarithmic, "0 has no logarithm"


def test_the_picture_of_a_psf_shows_its_tail():
    psf = np.zeros((9, 9))
    psf[4, 4], psf[4, 6] = 1, 0.01
    tail = int(mosaic(psf)[4, 6].sum())
    linear = round(255 * float(ensure_colormap("inferno").map([0.01])[0, :3].sum()))
    assert tail > 3 * linear


def test_noise_is_never_measured_on_a_result(qtbot):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((16, 16)), name="photo")
    viewer.add_image(np.zeros((16, 16)), name="restored", metadata={KEY: {"kind": "result"}})
    fields = CameraFields(viewer)
    qtbot.addWidget(fields)
    assert [fields.blurred.itemText(i) for i in range(fields.blurred.count())] == ["photo"]


def test_return_does_not_delete_weights(qtbot, monkeypatch):
    box, buttons = WeightsBox(), QMessageBox.StandardButton
    qtbot.addWidget(box)
    box._entries = [SimpleNamespace(name="mine")]
    monkeypatch.setattr(WeightsBox, "entry", box._entries[0])
    deleted = []
    monkeypatch.setattr(box, "delete", deleted.append)

    def answer(parent, title, text, choices=None, preset=buttons.Yes):
        return preset

    monkeypatch.setattr(QMessageBox, "question", answer)
    box._delete()
    assert not deleted
