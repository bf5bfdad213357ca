"""Panels narrow and wide, light and dark, in small and large type: nothing is cut off."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from napari._qt.qt_resources import get_stylesheet
from napari.components import ViewerModel
from napari.settings import get_settings
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_deconv.panels.compare.panel import ComparePanel
from napari_deconv.panels.deblur.panel import DeblurPanel
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.degrade.panel import DegradePanel
from napari_deconv.panels.kit.inputs import Fold
from napari_deconv.panels.psf.panel import PsfPanel
from napari_deconv.panels.train.panel import TrainPanel

PANELS = (DeblurPanel, DeconvolvePanel, PsfPanel, DegradePanel, ComparePanel, TrainPanel)
WIDTHS_PX = (250, 400)
KINDS = (QAbstractButton, QAbstractSpinBox, QComboBox, QLabel, QLineEdit, QSlider)
LEAST_PX = 40


def seen(panel):
    """What a person sees of a panel, without the parts that Qt puts together itself."""
    for widget in panel.findChildren(QWidget):
        inner = isinstance(widget.parent(), (QAbstractSpinBox, QComboBox, QSlider))
        if isinstance(widget, KINDS) and widget.isVisible() and not inner:
            yield widget


def named(widget):
    text = getattr(widget, "text", lambda: "")() or widget.accessibleName()
    return f"{type(widget).__name__} {text[:40]!r}"


def cut_off(widget):
    """Whether some of a widget's text is out of its box; a status line is so by design."""
    text, room = getattr(widget, "text", str)(), widget.contentsRect()
    if isinstance(widget, QLabel):
        if not widget.pixmap().isNull() or not text:
            return False
        if widget.wordWrap():
            return widget.heightForWidth(widget.width()) > widget.height() + 1
        ignored = widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Ignored
        return not ignored and widget.minimumSizeHint().width() > widget.width() + 1
    if isinstance(widget, QAbstractButton):
        metrics = widget.fontMetrics()
        width = metrics.horizontalAdvance(text.replace("&", ""))
        return width > room.width() or metrics.height() > room.height()
    if isinstance(widget, QSlider):
        return room.width() < LEAST_PX
    return room.width() < LEAST_PX or widget.fontMetrics().height() > widget.height()


def faults(panel):
    """What is wrong with a panel as it stands, in words."""
    widgets, boxes = list(seen(panel)), {}
    for widget in widgets:
        origin = widget.mapTo(panel, widget.rect().topLeft())
        boxes[widget] = widget.rect().translated(origin)
        if origin.x() < 0 or origin.x() + widget.width() > panel.width():
            yield f"{named(widget)} goes from {origin.x()} to {origin.x() + widget.width()}"
        if cut_off(widget):
            yield f"{named(widget)} is cut off: {widget.width()} x {widget.height()}"
    area = panel.findChildren(QScrollArea)[0]
    for first, second in combinations(widgets, 2):
        body = area.widget().isAncestorOf(first) == area.widget().isAncestorOf(second)
        if body and boxes[first].intersects(boxes[second]) and not first.isAncestorOf(second):
            yield f"{named(first)} overlaps {named(second)}"


@pytest.mark.parametrize("kind", [DeconvolvePanel, PsfPanel], ids=lambda kind: kind.__name__)
def test_no_answer_makes_a_narrow_panel_wider(kind, qtbot):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((9, 32, 32), np.uint16), name="a stack with a rather long name")
    settings = get_settings().appearance
    usual = settings.font_size
    host = QWidget()
    qtbot.addWidget(host)
    layout = QVBoxLayout(host)
    layout.setContentsMargins(0, 0, 0, 0)
    try:
        settings.font_size = round(1.5 * usual)
        font = {"font_size": f"{settings.font_size}pt"}
        host.setStyleSheet(get_stylesheet("dark", extra_variables=font))
        panel = kind(viewer)
        layout.addWidget(panel)
        host.setFixedSize(250, 700)
        host.show()
        source = panel.psf if hasattr(panel, "psf") else panel.source
        area = panel.findChildren(QScrollArea)[0]
        for place in range(source.choice.combo.count()):
            if name := source.choice.combo.itemData(place):
                source.choice.choose(name)
                qtbot.wait(20)
                needed = area.widget().minimumSizeHint().width()
                assert needed <= area.viewport().width(), name
                spins = [x for x in panel.findChildren(QAbstractSpinBox) if x.isVisible()]
                ends = [x.mapTo(panel, x.rect().topRight()).x() for x in spins]
                assert all(end < panel.width() for end in ends), f"{name}: a number is cut off"
    finally:
        settings.font_size = usual
        panel.close()


@pytest.mark.parametrize("share", [1.0, 1.5], ids=["100 %", "150 %"])
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.__name__)
def test_nothing_is_cut_off_or_overlaps(kind, theme, share, qtbot):
    settings = get_settings().appearance
    usual, viewer = settings.font_size, ViewerModel()
    viewer.add_image(np.zeros((32, 32, 3), np.uint8), name="a photo with a rather long name")
    host = QWidget()
    qtbot.addWidget(host)
    layout = QVBoxLayout(host)
    layout.setContentsMargins(0, 0, 0, 0)
    try:
        settings.font_size = round(usual * share)
        font = {"font_size": f"{settings.font_size}pt"}
        host.setStyleSheet(get_stylesheet(theme, extra_variables=font))
        panel = kind(viewer)
        layout.addWidget(panel)
        host.show()
        for fold in panel.findChildren(Fold):
            fold.unfold(True)

        def settled():
            wrong = list(faults(panel))
            assert not wrong, f"at {host.width()} px: " + "; ".join(wrong)

        for width in WIDTHS_PX:
            host.setFixedSize(width, 1400)
            qtbot.waitUntil(settled, timeout=3000)  # pictures and numbers come from a worker
    finally:
        settings.font_size = usual
        panel.close()
