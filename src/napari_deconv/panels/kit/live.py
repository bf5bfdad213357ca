"""The live preview: the visible region, restored while the fields are being set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.utils.events import Event
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ...core.errors import DeconvError
from .job import Job
from .layers import Placement, add_quietly, follow
from .parts import Delay
from .region import visible

_WAIT_MS = 300


@dataclass(eq=False)
class Task:
    """What to show of a region; the panel fills it in.

    Parameters
    ----------
    layer : Image
        Whose visible part is shown.
    prepare : callable
        Called in the worker with the region; returns the PSF, or None.
    stream : callable
        Called in the worker with the region's array, axes, the PSF and the cancel event; returns
        a generator of steps whose result is the restored array.
    """

    layer: Any
    psf_shape: tuple[int, ...]
    prepare: Callable[[Any], NDArray[Any] | None]
    stream: Callable[[Any, str, Any, threading.Event], Generator[Any, None, NDArray[Any]]]
    region: Any = field(default=None)
    placement: Any = field(default=None)


class Live:
    """Keeps one temporary layer that shows the visible region restored.

    Parameters
    ----------
    owner : QWidget
        The panel.
    viewer : napari.Viewer
        Where the layer is shown.
    ask : callable
        Returns the `Task` as the panel stands, or raises `DeconvError`.
    say : callable
        Told what is going on: text and kind.
    name : str
        What the temporary layer is called.
    """

    def __init__(
        self,
        owner: QWidget,
        viewer: Viewer,
        ask: Callable[[], Task],
        say: Callable[[str, str], object],
        name: str = "Preview",
    ) -> None:
        self._viewer, self._ask, self._say, self._name = viewer, ask, say, name
        self.on = False
        self.on_gone: Callable[[], object] = lambda: None
        self.layer: Any = None
        self._task: Task | None = None
        self._job = Job(owner)
        self._job.on_preview = lambda array: self._show(array, False)
        self._job.on_result = lambda array: self._show(array, True)
        self._job.on_error = lambda error: self._fail(error)
        self._delay = Delay(owner, _WAIT_MS, self._start)
        camera, dims = viewer.scene.camera.events, viewer.dims.events
        for emitter in (camera.center, camera.zoom, dims.point, dims.order, dims.ndisplay):
            follow(owner, emitter, self.refresh)
        follow(owner, viewer.layers.events.removed, self._on_removed)
        owner.destroyed.connect(lambda: self.close())

    def switch(self, on: bool) -> None:
        """Begin or end; ending hides the layer.

        Taking a layer away while a stack is shown can crash Mesa's software renderer (napari 0.9,
        Mesa 22.3), and the person's work with it; so that is left for when the panel closes.
        """
        self.on = on
        if on:
            self.refresh()
            return
        self._job.stop()
        if self.layer is not None:
            self.layer.visible = False

    def refresh(self, event: Event | None = None) -> None:
        """Something changed: what is being computed is stale, and it is time for another."""
        if not self.on:
            return
        self._job.stop()
        self._delay.start()

    def close(self, *_: object) -> None:
        """Stop and take the layer away; safe when the panel or the viewer is half gone."""
        self.on = False
        self._job.stop()
        layer, self.layer = self.layer, None
        # The window may be half gone.
        with suppress(RuntimeError):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _start(self) -> None:
        if not self.on:
            return
        try:
            task = self._ask()
            task.region = visible(self._viewer, task.layer, task.psf_shape)
        except DeconvError as error:
            self._fail(error)
            return
        task.placement = Placement.of(task.layer)
        self._task = task
        self._say("Preview: working…", "info")
        # A colour image is restored channel by channel: an unfinished one would be grey.
        self._job.start(lambda cancel: _run(task, cancel), previews=not task.layer.rgb)

    def _show(self, array: NDArray[Any], final: bool) -> None:
        task = self._task
        if task is None or not self.on:
            return
        region = task.region
        if not final:
            if np.size(array) != np.prod(region.data.shape):
                return  # a tile
            # The engine's (S, [Z,] Y, X), where every other axis has one entry.
            array = np.reshape(array, region.data.shape)
        part = array[region.core]
        options = task.placement.shifted(region.offset)
        self._put(part, options, region.axes)
        self._say("" if final else "Preview: improving…", "info")

    def _put(self, part: NDArray[Any], options: dict[str, Any], axes: str) -> None:
        layer = self.layer
        if layer is not None and layer.data.ndim == part.ndim and layer.rgb == options["rgb"]:
            layer.data = part
            for key in ("scale", "rotate", "shear", "affine", "translate"):
                setattr(layer, key, options[key])
            if not layer.rgb:
                layer.contrast_limits = options["contrast_limits"]
            layer.visible = True
            return
        if layer is not None:
            on, self.on = self.on, False
            self._viewer.layers.remove(layer)
            self.on = on
        self.layer = add_quietly(self._viewer, part, self._name, options, {"kind": "preview"})

    def _fail(self, error: DeconvError) -> None:
        self._say(f"No preview: {error}", "warning")

    def _on_removed(self, event: Event) -> None:
        gone = event.value
        if gone is self.layer:
            self.layer = None
            if self.on:
                self.close()
                self.on_gone()
        elif self._task is not None and gone is self._task.layer and self.on:
            self.refresh()


def _run(task: Task, cancel: threading.Event) -> Generator[Any, None, NDArray[Any]]:
    region = task.region
    return (yield from task.stream(region.data, region.axes, task.prepare(region), cancel))
