"""Make the pictures of the Compare panel in ``docs/images`` by driving a real window.

    xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python scripts/screenshots_compare.py [flow]

The flows are photo and closer (with truth), clock (without) and stack (fluorescence, 3-D).
"""

from __future__ import annotations

import sys
from typing import Any

import screenshots
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QScrollArea, QWidget
from screenshots import Window

from napari_deconv.restoration.base import Method, methods


def opened(window: Window, sample: str, *chosen: Method) -> Any:
    """The panel on a sample, with these methods on its list, wide enough for the table."""
    window.sample("Deconvolution", sample)
    panel = window.dock("Compare")
    window.wait(lambda: panel.methods.isEnabled() and panel.psf.prepared is not None)
    panel.methods.set_methods(chosen)
    widen(window, 470)
    return panel


def widen(window: Window, width: int) -> None:
    """Make the dock so wide."""
    outer = window.viewer.window._qt_window
    docks = [d for d in outer.findChildren(QDockWidget) if "Compare" in d.windowTitle()]
    outer.resizeDocks(docks, [width], Qt.Orientation.Horizontal)
    window.pause(300)


def scroll(panel: Any, part: QWidget | None = None) -> None:
    """Bring a part of the panel into sight, by default its end."""
    (area, *_) = panel.findChildren(QScrollArea)
    bar = area.verticalScrollBar()
    top = bar.maximum() if part is None else part.mapTo(area.widget(), part.rect().topLeft()).y()
    bar.setValue(top)


def photo(window: Window) -> None:
    """A photo whose truth is known: list, table, grid."""
    make = Method.make
    panel = opened(
        window, "Photo", make("wiener"), make("richardson-lucy", iterations=10),
        make("richardson-lucy", iterations=40), make("hyper-laplacian"),
    )  # fmt: skip
    window.shot("compare-list")
    window.run(panel.run_bar)
    scroll(panel, panel.table)
    window.shot("compare-photo")


def closer(window: Window) -> None:
    """Two results of the photo: curtain and maps."""
    panel = opened(window, "Photo", Method.make("wiener"), Method.make("wiener", nsr=0.05))
    window.run(panel.run_bar)
    window.press(panel.views.curtain.show_button)
    window.shot("compare-curtain")
    window.press(panel.views.buttons["truth"])
    window.shot("compare-maps")


def clock(window: Window) -> None:
    """A photo without a truth: profile and insets."""
    make = Method.make
    panel = opened(
        window, "Clock", make("wiener"), make("wiener", nsr=0.05), make("hyper-laplacian")
    )
    window.run(panel.run_bar)
    window.press(panel.probes.draw_line)
    window.drag((100, 60), (220, 330))
    window.press(panel.probes.draw_box)
    window.drag((110, 100), (170, 190))
    window.pause()
    scroll(panel)
    window.shot("compare-clock")


def stack(window: Window) -> None:
    """A fluorescence stack: the sweep of the iterations of Richardson-Lucy."""
    panel = opened(
        window, "Stack", Method.make("richardson-lucy", iterations=10), Method.make("wiener")
    )
    window.viewer.dims.set_current_step(0, 14)
    panel.methods.list.setCurrentRow(0)
    panel.sweep.parent().unfold(True)
    for field, value in (("low", 2), ("high", 40), ("count", 6)):
        getattr(panel.sweep, field).setValue(value)
    panel.sweep.factors.setChecked(True)
    window.press(panel.sweep.button)
    window.wait(lambda: not panel.run_bar.running)
    scroll(panel, panel.sweep)
    window.shot("compare-sweep")


FLOWS = {"photo": photo, "closer": closer, "clock": clock, "stack": stack}


if __name__ == "__main__":
    screenshots.PATIENCE_S = 900  # a comparison takes its time
    methods()
    for name in sys.argv[1:] or FLOWS:
        window = Window()
        FLOWS[name](window)
        window.viewer.close()
