"""The Degrade panel: blur and camera on a layer, or a whole data set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ...core.errors import DeconvError
from ...core.fields import Field
from ...degradation import Chain
from ...degradation.arrays import full_scale
from ...psf import PreparedPsf
from ..kit.form import Form
from ..kit.inputs import Fold
from ..kit.layer_combo import LayerCombo
from ..kit.layers import (
    Placement,
    add_image,
    axes_of,
    is_from_psf_panel,
    is_image,
    pixels,
    record,
)
from ..kit.live import Task
from ..kit.live_row import LiveRow
from ..kit.parts import Notice, Panel, heading, read_out, rows
from ..kit.run_bar import RunBar
from ..psf.layer import add_psf
from ..psf.source import PsfSource
from .dataset import DatasetBox

_HINT = (
    "Open a sharp image first: File > Open Sample > Deconvolution, or drop a file on the window. "
    "This panel blurs it as a lens and a camera would, so that you know the truth."
)

_NOISELESS = "Nothing is set here: no noise. Real images have some."
_UNCHANGED = "Neither a blur nor a camera is set: the image stays as it is."


def _camera() -> dict[str, Field]:
    """The fields of a chain by which a camera changes an image."""
    return {k: f for k, f in Chain.fields().items() if k not in ("seed", "boundary", "order")}


@dataclass(frozen=True, eq=False)
class Order:
    """A degradation with the panel's settings at the press of the button."""

    chain: Chain
    psf: Callable[[], PreparedPsf] | None

    def run(
        self, data: NDArray[Any], axes: str, cancel: threading.Event
    ) -> Generator[Any, None, tuple[NDArray[Any], NDArray[Any], PreparedPsf | None]]:
        """Degraded, truth and the PSF; runs in the worker."""
        yield from ()
        prepared = self.psf() if self.psf is not None else None
        kernel = None if prepared is None else prepared.single()
        degraded, truth = self.chain(data, kernel, axes=axes)
        return degraded, truth, prepared

    def preview(
        self, data: NDArray[Any], axes: str, kernel: NDArray[Any] | None, cancel: threading.Event
    ) -> Generator[Any, None, NDArray[Any]]:
        """A region degraded; surroundings are cut from it afterwards, so it may not shrink."""
        yield from ()
        boundary = "reflect" if self.chain.boundary == "valid" else self.chain.boundary
        chain = replace(self.chain, boundary=boundary)
        degraded, _ = chain(np.asarray(data), kernel, axes=axes)
        return np.asarray(degraded)


class DegradePanel(Panel):
    """Blur an image layer and put it through a camera; the truth comes back with it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it is docked in.
    """

    def __init__(self, napari_viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._source: tuple[str, Placement, str, Any] | None = None
        self.hint = Notice()
        self.image = LayerCombo(napari_viewer, is_image, shy=("degraded", "truth", "result"))
        self.image.setToolTip("The sharp image. It is never changed.")
        self.psf = PsfSource(napari_viewer, adopt=is_from_psf_panel, optional=True, apart=True)
        self.chain = Form(Chain)
        self.noise = read_out()
        self.run_bar = RunBar("Degrade", "Degrade")
        self.live_row = LiveRow(napari_viewer, self._task)
        self.live = self.live_row.live
        self.dataset = DatasetBox(napari_viewer, self._settings)
        self._build()
        self._connect()
        self._on_image()

    def order(self) -> Order:
        """What the panel is set to; a `DeconvError` if a field does not fit."""
        if self.image.layer is None:
            raise DeconvError("No image is chosen.", "Open one: File > Open Sample.")
        return Order(self.chain.spec(), None if self.psf.none else self.psf.preparing())

    def run(self) -> None:
        """Degrade the chosen layer; degraded image and truth become new layers."""
        try:
            order = self.order()
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        self.live_row.off()
        layer = self.image.layer
        assert layer is not None  # or there is no order
        self.image.pick(layer)  # from here on it is meant, whatever else is opened
        data, axes = pixels(layer), axes_of(layer)
        self._source = (layer.name, Placement.of(layer), axes, order.chain)
        self.run_bar.start(lambda cancel: order.run(data, axes, cancel))

    def _build(self) -> None:
        top = rows()
        top.addRow("Image", self.image)
        fold = Fold("Make a data set", self.dataset)
        for part in (
            self.hint, top, heading("Blur"), self.psf, heading("Camera"), self.chain,
            self.noise, fold,
        ):  # fmt: skip
            self.body.addWidget(part) if isinstance(part, QWidget) else self.body.addLayout(part)
        self.body.addStretch(1)
        self.footer.addWidget(self.live_row)
        self.footer.addWidget(self.run_bar)

    def _connect(self) -> None:
        self.image.picked.connect(self._on_image)
        self.psf.shown.connect(self.live.refresh)
        self.psf.changed.connect(self._tell_noise)
        self.chain.changed.connect(self.live.refresh)
        self.chain.changed.connect(self._tell_noise)
        self.run_bar.pressed.connect(self.run)
        self.run_bar.done.connect(self._on_result)
        self.run_bar.message.keep_to(self._viewer, self.image)
        self.on_close(self.live.close)
        self.on_close(self.run_bar.job.stop)
        self.on_close(self.dataset.run_bar.job.stop)

    def _on_image(self) -> None:
        layer = self.image.layer
        self.hint.say(self.image.hint(_HINT))
        self.run_bar.set_ready(layer is not None)
        self.psf.set_image(layer)
        self._tell_noise()
        self.live.refresh()

    def _tell_noise(self) -> None:
        """Say what the noise is of the image's range: the number alone says nothing."""
        values = self.chain.values()
        layer, noise = self.image.layer, values["noise"]
        off = all(values[key] == field.default for key, field in _camera().items())
        self.dataset.tell_camera(off)
        if off:
            self.noise.setText(_UNCHANGED if self.psf.none else _NOISELESS)
        self.noise.setVisible(off)
        if layer is None or not noise:
            return
        full = full_scale(np.dtype(pixels(layer).dtype))
        self.noise.setText(
            f"Noise {noise:g} is {100 * noise / full:.3g} % of the image’s range, 0 to {full:g}."
        )
        self.noise.show()

    def _task(self) -> Task:
        order, prepared = self.order(), self.psf.prepared
        if prepared is None and not self.psf.none:
            raise DeconvError("The PSF is not ready.", "See above.")
        kernel = prepared.single() if prepared is not None else None
        shape = tuple(kernel.shape) if kernel is not None else (1, 1)
        return Task(self.image.layer, shape, lambda _: kernel, order.preview)

    def _settings(self) -> tuple[Any, Any]:
        """PSF generator (None if it is not a generator) and chain, for the data set.

        Its images are taken to the unit scale, so the noise is, too: it stays the same part of an
        image's range.
        """
        kind, chain, layer = self.psf.choice.kind, self.chain.spec(), self.image.layer
        if chain.noise and layer is None:
            raise DeconvError(
                f"The noise {chain.noise:g} is on the scale of an image, and none is open.",
                "Open one of the sharp images, or set the noise to 0.",
            )
        full = 1.0 if layer is None else full_scale(np.dtype(pixels(layer).dtype))
        return (self.psf.choice.spec() if kind is not None else None), chain.on_scale(full)

    def _on_result(self, images: tuple[NDArray[Any], NDArray[Any], PreparedPsf | None]) -> None:
        if self._source is None:
            return
        degraded, truth, psf = images
        name, placement, axes, chain = self._source
        recipe = psf.record if psf is not None else {}
        options = placement.shifted(_offset(chain, axes, psf.array.shape if psf else ()))
        record = {"source": name, "degradation": chain.to_dict(), "psf": recipe}
        if psf is not None and "layer" not in recipe and not self._open("psf", psf.array):
            # Whoever restores the image next finds its PSF beside it.
            add_psf(self._viewer, psf.array, recipe, placement, visible=False, by="degrade")
        if not self._open("truth", truth, name):
            add_image(self._viewer, truth, f"{name} truth", options, {"kind": "truth", **record})
        layer = add_image(
            self._viewer, degraded, f"{name} degraded", options, {"kind": "degraded", **record}
        )
        self.run_bar.message.say(f"Made “{layer.name}” and its truth.", about=[layer])

    def _open(self, kind: str, data: NDArray[Any], source: str = "") -> bool:
        """Whether the same is open as a layer already: pressing again must not pile them up."""
        return any(
            record(x).get("kind") == kind
            and record(x).get("source", "") == source
            and np.array_equal(x.data, data)
            for x in self._viewer.layers
        )


def _offset(chain: Chain, axes: str, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Where the result begins in the layer: a valid convolution loses a border."""
    letters = axes.rstrip("S")
    if chain.boundary != "valid" or not psf_shape:
        return (0,) * len(letters)
    lost = dict(zip("ZYX"[-len(psf_shape) :], psf_shape, strict=True))
    return tuple((lost[a] - 1) - lost[a] // 2 if a in lost else 0 for a in letters)
