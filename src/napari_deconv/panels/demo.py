"""The demo's windows: what was blurred beside what was restored."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import napari
from qtpy.QtWidgets import QApplication

from ..samples import Sample
from .samples import layers

_log = logging.getLogger(__name__)
_SIZE = (1500, 950)


def show(shown: Sequence[tuple[Sample, Any]], folder: Path, *, wait: bool) -> None:
    """Open a window per sample, leave a picture of each, and wait for the person to close them.

    Parameters
    ----------
    shown : sequence of (Sample, Result)
        The samples and what the engine made of them.
    folder : Path
        Where the pictures go: ``window-NAME.png``.
    wait : bool
        Whether there is somebody to look; otherwise the windows are closed at once.
    """
    viewers = []
    for sample, result in shown:
        viewer = _opened(sample, result)
        viewer.screenshot(str(folder / f"window-{sample.name}.png"), canvas_only=False, flash=False)
        if wait:
            viewers.append(viewer)
        else:
            viewer.close()
    if wait:
        napari.run()


def _opened(sample: Sample, result: Any) -> napari.Viewer:
    viewer = napari.Viewer(title=f"napari-deconv: {sample.name}")
    *behind, (blurred, look, _) = layers(sample)
    record = {**result.recipe, "kind": "result"}
    name = f"{sample.name} restored"
    restored = look | {"name": name, "metadata": {"napari_deconv": record}}
    # The grid shows two layers a cell: truth behind the blurred, PSF behind the restored.
    first, second = behind[:-1], behind[-1:]
    pictures = [(blurred, look), (result.data, restored)]
    for hidden, (data, options) in zip((first, second), pictures, strict=True):
        for values, how, _ in hidden:
            viewer.add_image(values, **how)
        viewer.add_image(data, **options)
    viewer.canvas.grid.enabled, viewer.canvas.grid.stride = True, 2
    if sample.pixel_size_um is not None:
        viewer.canvas.overlays.scale_bar.visible = True
    if "Z" in sample.axes:
        viewer.dims.set_current_step(0, sample.image.shape[0] // 2)
    _dock(viewer)
    viewer.window.resize(*_SIZE)
    # The canvas learns its size from events; fitting the view before would fit another size.
    QApplication.processEvents()
    viewer.reset_view()
    QApplication.processEvents()
    return viewer


def _dock(viewer: napari.Viewer) -> None:
    """The Deconvolve panel, as the menu would open it."""
    try:
        from .menus import open_panel

        open_panel(viewer, "Deconvolve")
    except Exception:  # the demo is worth seeing without it
        _log.debug("no Deconvolve panel", exc_info=True)
