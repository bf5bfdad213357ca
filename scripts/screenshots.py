"""Make the pictures of the window in ``docs/images`` by driving a real one with mouse and keys.

    xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python scripts/screenshots.py [photo ...]

Each flow (estimate, photo, clock, repair) starts from a fresh napari with its own empty settings.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_API", "pyqt6")
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ["NAPARI_DECONV_DATA"] = tempfile.mkdtemp()
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QWidget

MAIN = ("Deblur a photo", "Deconvolve", "PSF", "Degrade", "Compare", "Train")
OUT = Path(__file__).parents[1] / "docs" / "images"
SIZE = (1280, 800)
LEFT = Qt.MouseButton.LeftButton
MOST_BYTES = 390_000
PATIENCE_S = 900


class Window:
    """A napari window and the hands on it."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window.resize(*SIZE)
        self.pause(500)

    def menu(self, menu: Any, *path: str) -> None:
        """Choose the entry at the end of ``path``, each part of which begins an entry's name."""
        for name in path:
            entries = {x.text().replace("&", ""): x for x in menu.actions()}
            entry = next(x for text, x in entries.items() if text.startswith(name))
            menu = entry.menu()
        entry.trigger()
        self.pause(1000)

    def sample(self, plugin: str, name: str) -> None:
        """File > Open Sample > PLUGIN > NAME."""
        self.menu(self.viewer.window.file_menu, "Open Sample", plugin, name)

    def dock(self, name: str) -> Any:
        """The panel NAME out of its menu, in place of the panel that was open."""
        window = self.viewer.window
        for panel in list(window.dock_widgets.values()):
            window.remove_dock_widget(panel)
        if name.startswith("PSF: "):
            self.menu(window.file_menu, "New Layer", "PSF", f"{name} (")
        elif name in MAIN:
            self.menu(window.plugins_menu, "Deconvolution", f"{name} (")
        else:
            self.menu(window.layers_menu, "Filter", "Networks", f"{name} (")
        (panel,) = window.dock_widgets.values()
        return panel

    def press(self, button: QWidget) -> None:
        """Click it, once it can be clicked."""
        self.wait(lambda: button.isEnabled() and button.isVisible())
        QTest.mouseClick(button, LEFT)
        self.pause(200)

    def unfold(self, fold: Any) -> None:
        """Open a fold, unless it was left open."""
        if not fold.button.isChecked():
            self.press(fold.button)

    def tick(self, box: QWidget) -> None:
        """Click a check box where its square is."""
        QTest.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
        self.pause(200)

    def choose(self, combo: QComboBox, text: str) -> None:
        """Pick an entry as by hand; on a busy machine typing its name would begin anew midway."""
        self.wait(lambda: combo.isEnabled() and combo.findText(text) >= 0)
        combo.setCurrentIndex(combo.findText(text))
        combo.activated.emit(combo.currentIndex())
        self.pause(700)

    def type(self, widget: Any, text: str) -> None:
        """Write into a field in place of what it holds."""
        native = getattr(widget, "native", widget)
        native.setFocus()
        QTest.keyClick(native, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(native, text)
        QTest.keyClick(native, Qt.Key.Key_Tab)
        self.pause(500)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw from one pixel ``(row, column)`` of the image to another."""
        canvas = self.viewer.window._qt_viewer.canvas.native
        first, last = (self._on_canvas(point) for point in (start, end))
        QTest.mousePress(canvas, LEFT, pos=first)
        for i in range(1, 11):
            QTest.mouseMove(canvas, first + (last - first) * i / 10)
            self.pause(40)
        QTest.mouseRelease(canvas, LEFT, pos=last)
        self.pause(300)

    def _on_canvas(self, point: tuple[float, float]) -> QPoint:
        canvas = self.viewer.window._qt_viewer.canvas.native
        camera = self.viewer.scene.camera
        (_, y, x), zoom = camera.center, camera.zoom
        row, column = point
        right = (column - x) * zoom + canvas.width() / 2
        down = (row - y) * zoom + canvas.height() / 2
        return QPoint(round(right), round(down))

    def run(self, bar: Any) -> None:
        """Press the panel's main button and wait for the end."""
        self.press(bar.button)
        self.wait(lambda: not bar.running)
        self.pause()

    def preview(self, panel: Any) -> None:
        """Switch the live preview on and wait until it stands."""
        self.tick(panel.live_row.box)
        self.wait(lambda: "Preview" in self.names() and panel.live_row.note.text() == "")
        self.pause()

    def compare(self, before: str, after: str) -> None:
        """The grid view, one above the other; PSF and truth are hidden behind them."""
        layers = self.viewer.layers
        psf, truth = ([x.name for x in layers if part in x.name] for part in ("PSF", "truth"))
        kept = [*psf[:1], before, *truth[:1], after]
        for name in [x for x in self.names() if x not in kept]:
            layers.remove(name)
        for place, name in enumerate(kept):
            layers.move(layers.index(name), place)
            layers[name].visible = name in (before, after)
        grid = self.viewer.canvas.grid
        grid.enabled, grid.shape, grid.stride = True, (2, 1), 2 if psf else 1
        self.viewer.reset_view()
        layers.selection.active = layers[after]
        self.pause()

    def home(self) -> None:
        """The Home button: fit the view."""
        self.press(self.viewer.window._qt_viewer.viewerButtons.resetViewButton)

    def names(self) -> list[str]:
        """The layers, from the bottom up."""
        return [layer.name for layer in self.viewer.layers]

    def shot(self, name: str, part: QWidget | None = None) -> None:
        """Save the window, or a part of it, as ``docs/images/NAME.png``."""
        self.pause()
        array = self.viewer.screenshot(canvas_only=False, flash=False)
        picture = Image.fromarray(array).convert("RGB")
        if part is not None:
            corner = part.mapTo(self.viewer.window._qt_window, QPoint(0, 0))
            scale = picture.width / self.viewer.window._qt_window.width()
            box = (corner.x(), corner.y(), corner.x() + part.width(), corner.y() + part.height())
            picture = picture.crop([round(scale * v) for v in box])
        save(picture, OUT / f"{name}.png")

    def wait(self, happened: Callable[[], bool]) -> None:
        """Let the window work until something is so."""
        end = time.monotonic() + PATIENCE_S
        while not happened():
            if time.monotonic() > end:
                raise TimeoutError(
                    f"It did not happen within {PATIENCE_S} s; layers: {self.names()}"
                )
            QTest.qWait(50)

    def pause(self, ms: int = 600) -> None:
        """Let the window settle."""
        QTest.qWait(ms)


def save(picture: Image.Image, path: Path) -> None:
    """As a PNG light enough for a page: with fewer colours if need be."""
    data = encoded(picture)
    if len(data) > MOST_BYTES:
        data = encoded(picture.quantize(256, kmeans=2, dither=Image.Dither.FLOYDSTEINBERG))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"{path.name}: {picture.width} x {picture.height}, {len(data) // 1000} kB")


def encoded(picture: Image.Image) -> bytes:
    """A PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def photo(window: Window) -> None:
    """A sharp photo, blurred and restored."""
    window.sample("napari builtins", "Coffee")
    panel = window.dock("PSF")
    window.choose(panel.source.choice.combo, "Camera shake")
    window.type(panel.source.choice.form.widgets["seed"], "3")
    window.press(panel.button)
    window.wait(lambda: len(window.viewer.layers) == 2)
    window.shot("photo-psf")
    panel = window.dock("Degrade")
    window.choose(panel.psf.choice.combo, "From a layer")
    window.type(panel.chain.widgets["noise"], "2.5")
    window.run(panel.run_bar)
    window.shot("photo-degrade")
    panel = window.dock("Deconvolve")
    window.choose(panel.method.combo, "Hyper-Laplacian")
    window.preview(panel)
    window.shot("photo-preview")
    window.run(panel.run_bar)
    window.viewer.layers.remove("coffee")
    window.compare("coffee degraded", "coffee degraded Hyper-Laplacian")
    window.shot("photo-deblurred")


def clock(window: Window) -> None:
    """A photo that was really blurred; a drawn line gives the PSF."""
    window.sample("Deconvolution", "Clock")
    window.viewer.layers.remove("clock PSF")
    window.home()
    panel = window.dock("Deconvolve")
    window.choose(panel.psf.choice.combo, "Motion")
    window.press(panel.psf.line.button)
    window.drag((155.5, 193), (154.5, 229))  # the bright streak below the middle
    window.shot("clock-line")
    window.choose(panel.method.combo, "Hyper-Laplacian")
    window.unfold(panel.more)
    window.tick(panel.noise.automatic)
    window.type(panel.noise.spin, "2")
    window.run(panel.run_bar)
    window.compare("clock", "clock Hyper-Laplacian")
    window.shot("clock-deblurred")


def repair(window: Window) -> None:
    """A PSF layer with faults, and the button that mends it."""
    window.sample("Deconvolution", "Cell")
    rng = np.random.default_rng(0)
    psf = np.zeros((24, 24), np.float32)
    rows, columns = np.mgrid[:24, :24]
    psf += 100 * np.exp(-((rows - 14) ** 2 + (columns - 10) ** 2) / 8)
    psf += rng.normal(10, 1, psf.shape).astype(np.float32)
    window.viewer.add_image(psf, name="bead", visible=False)
    panel = window.dock("PSF")
    window.choose(panel.image, "cell")
    window.choose(panel.source.choice.combo, "A PSF layer")
    window.choose(panel.source.layers, "bead")
    window.wait(lambda: bool(panel.source.notice.text))
    window.shot("psf-findings", panel)
    window.press(panel.source.notice.button)
    window.wait(lambda: "Repaired" in panel.source.notice.text)
    window.shot("psf-repaired", panel)


def estimate(window: Window) -> None:
    """A blurred photo and nothing else: estimate, and deblur with it."""
    window.sample("Deconvolution", "Photo")
    for name in [x for x in window.names() if "PSF" in x or "truth" in x]:
        window.viewer.layers.remove(name)
    window.home()
    panel = window.dock("PSF: from image")
    window.choose(panel.page.kind, "Camera shake")
    (name,) = window.names()
    window.press(panel.estimate.button)
    window.wait(lambda: panel.page.latent.isVisible())
    window.wait(lambda: panel.estimate.bar.value() > 20)
    window.shot("estimate-running")
    window.wait(lambda: len(window.viewer.layers) == 2)
    window.viewer.layers[-1].visible = False
    window.shot("estimate-psf")
    window.press(panel.message.button)
    window.wait(lambda: len(window.viewer.layers) == 3)
    window.compare(name, window.names()[-1])
    window.shot("estimate-deblurred")


FLOWS = {"estimate": estimate, "photo": photo, "clock": clock, "repair": repair}


def main() -> None:
    """Run the flows named on the command line, or all."""
    for name in sys.argv[1:] or FLOWS:
        window = Window()
        FLOWS[name](window)
        window.viewer.close()


if __name__ == "__main__":
    main()
