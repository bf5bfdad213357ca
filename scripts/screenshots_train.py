"""Pictures of the Train panel for the docs: from an empty viewer to weights used on a layer.

    xvfb-run -a -s "-screen 0 1600x1000x24" python scripts/screenshots_train.py --minutes 5

Everything is driven in a real window. The weights go into a data folder of their own.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["NAPARI_DECONV_DATA"] = tempfile.mkdtemp()

import napari
import numpy as np
from PIL import Image
from qtpy.QtWidgets import QApplication
from screenshots import save
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from napari_deconv import degrade
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.psf import Disk

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
RADIUS_PX, NOISE = 4.0, 0.01


def spin(until: Callable[[], Any], limit_s: float = 900) -> float:
    """Let the window live until something holds; the longest it stood still, in seconds."""
    end, worst = time.monotonic() + limit_s, 0.0
    while not until():
        if time.monotonic() > end:
            raise TimeoutError
        began = time.monotonic()
        QApplication.processEvents()
        worst = max(worst, time.monotonic() - began)
        time.sleep(0.01)
    return worst


def rest(seconds: float = 2.0) -> None:
    """Let the window settle."""
    end = time.monotonic() + seconds
    spin(lambda: time.monotonic() > end)


def shot(viewer: Any, out: Path, name: str) -> None:
    """A picture of the whole window."""
    rest()
    picture = viewer.screenshot(canvas_only=False, flash=False)
    save(Image.fromarray(picture).convert("RGB"), out / f"{name}.png")


def train(viewer: Any, minutes: float, out: Path) -> Any:
    """Fine-tune the network that the panel begins with for a lens; the panel."""
    _, panel = viewer.window.add_plugin_dock_widget("napari-deconv", "Train")
    spin(lambda: panel.network.kind)
    panel.psf.choice.choose("disk", {"radius_px": RADIUS_PX})
    panel.camera.form.set_values({"noise": NOISE})
    panel.minutes.setValue(minutes)
    panel.name.setText("my lens")
    spin(lambda: panel.psf.prepared is not None)
    shot(viewer, out, "train-ready")
    panel.run_bar.button.click()
    stood = spin(lambda: panel.sitting is not None and len(panel.sitting.scores) > 4)
    shot(viewer, out, "train-running")
    stood = max(stood, spin(lambda: not panel.run_bar.running))
    steps = panel.sitting.losses[-1][0]
    print(panel.run_bar.message.text, f"{steps} steps, load {os.getloadavg()[0]:.1f}.")
    print(f"The window stood still for {stood:.2f} s at most.")
    return panel


def use(viewer: Any, panel: Any, out: Path) -> None:
    """Press Use it, and restore a photo that the training has not seen in this noise."""
    photo = data.immunohistochemistry()[..., 1]  # not among the built-in photos
    blurred, truth = degrade(
        photo, Disk(radius_px=RADIUS_PX)(), noise=255 * NOISE, seed=3, boundary="valid"
    )
    viewer.add_image(blurred, name="blurred")
    panel.run_bar.message.button.click()

    def found() -> Any:
        opened = viewer.window._qt_window.findChildren(DeconvolvePanel)
        return next((p for p in opened if p.method.name == "unrolled" and p.offer.text), None)

    spin(lambda: found() is not None and found().psf.prepared is not None)
    rest()
    found().run_bar.button.click()
    spin(lambda: len(viewer.layers) > 1)
    result = np.asarray(viewer.layers[-1].data)
    for name, image in (("blurred", blurred), ("restored", result)):
        print(f"{name}: {peak_signal_noise_ratio(truth, image):.2f} dB")
    viewer.canvas.grid.enabled = True
    shot(viewer, out, "train-used")


def main() -> None:
    """Drive the window."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--out", type=Path, default=IMAGES)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1500, 950)
    use(viewer, train(viewer, args.minutes, args.out), args.out)
    viewer.close()


if __name__ == "__main__":
    main()
