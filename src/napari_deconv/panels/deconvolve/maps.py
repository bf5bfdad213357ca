"""What happens inside a network, as layers over the image."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit import settings
from ..kit.job import Job
from ..kit.layers import Placement, add_quietly, with_axis
from ..kit.parts import Notice, small
from ..kit.region import visible

if TYPE_CHECKING:
    from ...psf import PreparedPsf
    from ...restoration.base import Method
    from ...restoration.networks.maps import Map
    from ..kit.region import Region
    from .order import Order

_TEXT = "Show what happens inside"
_GRAY = (0.299, 0.587, 0.114)
_SHOWN_PERCENT = (0.5, 99.5)
_GAP = 1.05


@dataclass(frozen=True, eq=False)
class Look:
    """The layer and order whose network is looked into.

    Parameters
    ----------
    layer : Image
        Whose visible part is restored.
    order : Order
        With which method and noise level.
    prepared : PreparedPsf or None
        The PSF; None while it is not ready.
    """

    layer: Image | None
    order: Order
    prepared: PreparedPsf | None


class Inside(QWidget):
    """A button that restores the visible region and adds the network's maps as layers.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are added.
    ask : callable
        Returns the `Look` as the panel stands, or raises `DeconvError`.
    """

    def __init__(
        self, viewer: Viewer, ask: Callable[[], Look], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._ask = viewer, ask
        self.button = small(
            _TEXT, "Restore what you see, at most 512 x 512, and add the network's maps as layers."
        )
        self.notice = Notice()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(self.notice)
        self.job = Job(self, _TEXT)
        self.job.on_result = self._show
        self.job.on_error = lambda error: self.notice.say(str(error), "error")
        self.job.on_cancel = lambda: self.notice.say("Cancelled.")
        self.job.on_end = lambda: self.button.setText(_TEXT)
        self.button.clicked.connect(self._on_click)
        self.hide()

    def look_at(self, kind: type[Method] | None) -> None:
        """Offer it for methods that have maps, and for no other."""
        from ...restoration.networks.maps import has_maps

        self.setVisible(kind is not None and has_maps(kind))
        self.notice.say("")

    def _on_click(self) -> None:
        if self.job.running:
            self.job.cancel()
            return
        try:
            look = self._ask()
            if look.layer is None or look.prepared is None:
                raise DeconvError("The image or the PSF is not ready.", "See above.")
            psf = look.prepared.single()
            region = visible(self._viewer, look.layer, tuple(psf.shape))
        except DeconvError as error:
            self.notice.say(str(error), "error")
            return
        self._placement, self._title = Placement.of(look.layer), look.order.method.title
        self._first = tuple(o - c.start for o, c in zip(region.offset, region.core, strict=True))
        self.button.setText("Cancel")
        self.notice.say("Looking inside…")
        self.job.start(lambda cancel: _run(look.order, region, psf, cancel))

    def _show(self, maps: Sequence[Map]) -> None:
        """Each map as a layer, the last on top and shown."""
        shape = maps[-1].data.shape[-2:]
        for each in maps:
            options = self._options(each, shape)
            data = each.data.reshape(*each.data.shape[:-2], *self._ones, *each.data.shape[-2:])
            low, high = np.percentile(data, _SHOWN_PERCENT)
            options |= {"contrast_limits": (low, max(high, low + 1e-6))}
            options["visible"] = each is maps[-1]
            name = f"Inside {self._title}: {each.name}"
            record = {"kind": "preview", "inside": each.name}
            add_quietly(self._viewer, data, name, options, record)
        self.notice.say(
            f"{len(maps)} layers were added, numbered by step; all but the last are hidden. Where "
            "there are many maps in a layer, the slider goes through them. The grid button below "
            "the layer list shows several side by side."
        )

    @property
    def _ones(self) -> tuple[int, ...]:
        """Sizes of the axes before Y and X, which are all cut to one entry."""
        return (1,) * (len(self._placement.options["scale"]) - 2)

    def _options(self, shown: Map, shape: tuple[int, ...]) -> dict[str, Any]:
        """Where a map lies: over the region, or beside it if it is not a picture."""
        pixels, origin = shown.pixels, np.array(shown.origin)
        if shown.matrix:
            pixels = shape[0] / shown.data.shape[-2]
            origin = np.array([(pixels - 1) / 2, _GAP * shape[1] + (pixels - 1) / 2])
        start = np.array(self._first, dtype=float)
        start[-2:] += origin
        options = self._placement.shifted(tuple(start))
        scale = np.array(options["scale"], dtype=float)
        scale[-2:] *= pixels
        kept = {k: v for k, v in options.items() if k not in ("interpolation2d", "rendering")}
        kept |= {"scale": scale, "rgb": False, "colormap": "gray", "gamma": 1.0}
        kept |= {"blending": "translucent", "interpolation2d": "nearest"}
        return with_axis(kept, "map") if shown.data.ndim > 2 else kept


def _run(
    order: Order, region: Region, psf: NDArray[Any], cancel: threading.Event
) -> Generator[Any, None, Any]:
    from ...restoration.networks.maps import stream_maps
    from ...signal.noise_law import NoiseLaw

    data = np.asarray(region.data)
    if region.axes.endswith("S"):
        data = data[..., :3] @ np.array(_GRAY)
    plane = data.reshape(data.shape[-2:]).astype(np.float32)
    chosen = settings.current()
    noise = None if isinstance(order.noise, NoiseLaw) else order.noise
    maps = yield from stream_maps(
        order.method, plane, psf, noise=noise, device=chosen.device,
        precision=chosen.precision, cancel=cancel,
    )  # fmt: skip
    return maps
