"""napari layers in and out: what they hold, combo boxes that follow them, results beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from napari.utils.events import Event, EventEmitter
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ...core.errors import DeconvError
from .stated import stated

KEY = "napari_deconv"
"""Where a layer's metadata holds our record; its ``kind`` is psf, result, truth or preview."""

_LETTERS = {"time": "T", "channel": "C", "depth": "Z", "row": "Y", "column": "X", "position": "P"}


def record(layer: Layer | None) -> dict[str, Any]:
    """Our record on a layer; empty if it carries none."""
    entry = layer.metadata.get(KEY) if layer is not None else None
    return dict(entry) if isinstance(entry, Mapping) else {}


def image_of_psf(layer: Layer | None) -> str:
    """Name of the image that a PSF was made for; empty if it is for any."""
    return str(record(layer).get("image", ""))


def is_ours(layer: Layer | None) -> bool:
    """Whether it is a PSF of ours: from a panel or a sample."""
    return record(layer).get("kind") == "psf"


def is_from_psf_panel(layer: Layer | None) -> bool:
    """Whether it is a PSF that was made in the PSF panel."""
    return is_ours(layer) and record(layer).get("by") == "psf"


def is_image(layer: Layer) -> bool:
    """Whether a layer can be restored: an image that is neither a PSF nor a preview of ours."""
    return isinstance(layer, Image) and record(layer).get("kind") not in ("psf", "preview")


def is_psf(layer: Layer) -> bool:
    """Whether a layer can serve as a PSF: a PSF of ours, or any small image.

    Of one in colours, such as a PSF that was opened from a PNG, the mean is taken.
    """
    if not isinstance(layer, Image) or layer.multiscale:
        return False
    kind = record(layer).get("kind")
    return kind == "psf" or (not kind and layer.ndim in (2, 3) and max(layer.data.shape) <= 512)


def pixels(layer: Image) -> Any:
    """The layer's array as it is, lazy ones included; a pyramid's finest level."""
    return layer.data[0] if layer.multiscale else layer.data


def axes_of(layer: Image) -> str:
    """One letter per axis of the layer's array, for `core.axes.parse_axes`.

    Axis labels are taken where they say something, then what the layer's file says of them;
    otherwise the last axes are Z, Y and X. Only the layer knows whether its last axis holds
    colours.
    """
    letters = letters_of(layer.axis_labels)
    if not letters and (axes := stated(layer)) is not None:
        return axes.axes
    return (letters or "UVWQPTCZYX"[-layer.ndim :]) + "S" * bool(layer.rgb)


def planes(layer: Image) -> int:
    """Size of the layer's z axis; 1 without one."""
    axes = axes_of(layer)
    return int(pixels(layer).shape[axes.index("Z")]) if "Z" in axes else 1


def named(layer: Image) -> bool:
    """Whether the layer's axis labels say which axis is which."""
    return bool(letters_of(layer.axis_labels))


def letters_of(labels: Sequence[str]) -> str:
    """One letter per axis label; empty unless the labels say which axis is which."""
    words = [str(label).lower() for label in labels]
    letters = [_LETTERS.get(w, w.upper() if len(w) == 1 else "") for w in words]
    named = all(x.isalpha() for x in letters) and len(set(letters)) == len(letters)
    usual = named and letters[-2:] == ["Y", "X"] and "S" not in letters
    return "".join(letters) if usual else ""


def pixel_size(layer: Image, ndim: int) -> tuple[float, ...]:
    """Size of a pixel along the last ``ndim`` axes, in the unit of the last."""
    scale = np.abs(np.asarray(layer.scale, dtype=float))[-ndim:]
    last = layer.units[-1]
    sizes = []
    for size, unit in zip(scale, layer.units[-ndim:], strict=True):
        same = unit == last or not unit.is_compatible_with(last)
        sizes.append(float(size) if same else float((size * unit).to(last).magnitude))
    return tuple(sizes)


def voxel(layer: Image) -> dict[str, float]:
    """Size of a voxel along every axis but time and channels, by the letters of `axes_of`."""
    letters = axes_of(layer)[: layer.ndim]
    sizes = dict(zip(letters, pixel_size(layer, layer.ndim), strict=True))
    return {axis: size for axis, size in sizes.items() if axis in "ZYX" and size > 0}


@dataclass(frozen=True, eq=False)
class Placement:
    """How a layer lies in the world and looks, kept for when the layer is gone.

    Parameters
    ----------
    name : str
        The layer's name.
    options : dict
        Keyword arguments of `napari.layers.Image`.
    channels : tuple of str
        Names, where they are known.
    """

    name: str
    options: dict[str, Any]
    channels: tuple[str, ...] = ()

    @classmethod
    def of(cls, layer: Image) -> Placement:
        """Take it from a layer; nothing of its data is computed."""
        options: dict[str, Any] = {
            "scale": np.array(layer.scale),
            "translate": np.array(layer.translate),
            "rotate": np.array(layer.rotate),
            "shear": np.array(layer.shear),
            "affine": np.array(layer.affine.affine_matrix),
            "units": layer.units,
            "axis_labels": layer.axis_labels,
            "rgb": layer.rgb,
            "blending": layer.blending,
            "opacity": layer.opacity,
            "interpolation2d": str(layer.interpolation2d),
            "rendering": str(layer.rendering),
            "multiscale": False,
        }
        if not layer.rgb:
            options |= {
                "colormap": layer.colormap.name,
                "contrast_limits": tuple(layer.contrast_limits),
                "gamma": layer.gamma,
            }
        names = layer.metadata.get("channels")
        return cls(layer.name, options, tuple(map(str, names)) if isinstance(names, list) else ())

    def shifted(self, offset: tuple[int, ...]) -> dict[str, Any]:
        """Options for a part that begins at pixel ``offset`` of the layer."""
        from napari.utils.transforms import Affine

        parts = {key: self.options[key] for key in ("scale", "translate", "rotate", "shear")}
        moved = Affine(**parts)(np.asarray(offset, dtype=float))
        return self.options | {"translate": np.asarray(moved)}


def with_axis(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A layer's placement with one axis more in front, which is not a length."""
    ndim = len(options["scale"])
    affine = np.eye(ndim + 2)
    affine[1:, 1:] = options["affine"]
    kept = {k: v for k, v in options.items() if k not in ("rotate", "shear")}
    return kept | {
        "scale": (1.0, *options["scale"]),
        "translate": (0.0, *options["translate"]),
        "affine": affine,
        # An axis in other units than the other layers' would cost all of them theirs.
        "units": (options["units"][0], *options["units"]),
        "axis_labels": (name, *options["axis_labels"]),
    }


def add_image(
    viewer: Viewer,
    data: NDArray[Any],
    name: str,
    options: Mapping[str, Any],
    metadata: Mapping[str, Any],
    channels: Sequence[str] = (),
) -> Image:
    """Add a layer that carries ``metadata`` as its record, and names of channels."""
    more = {"channels": list(channels)} if channels else {}
    return viewer.add_image(data, name=name, metadata={KEY: dict(metadata), **more}, **options)


def add_quietly(
    viewer: Viewer,
    data: NDArray[Any],
    name: str,
    options: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> Image:
    """Add a layer without changing what is selected."""
    selected, active = set(viewer.layers.selection), viewer.layers.selection.active
    layer = add_image(viewer, data, name, options, metadata)
    viewer.layers.selection = {x for x in selected if x in viewer.layers}
    if active in viewer.layers:
        viewer.layers.selection.active = active
    return layer


def find(viewer: Viewer, name: str) -> Image:
    """The image layer of this name, or a `DeconvError` in words."""
    for layer in viewer.layers:
        if layer.name == name and isinstance(layer, Image):
            return layer
    raise DeconvError(f"There is no image layer {name!r} any more.", "Open it again.")


class SizeWatch:
    """Tells when the pixel size of one layer changes: it is often set after the layer is opened.

    Parameters
    ----------
    owner : QWidget
        For as long as it lives.
    call : callable
        What to do then.
    """

    def __init__(self, owner: QWidget, call: Callable[[], object]) -> None:
        self._call = call
        self._layer: Layer | None = None
        owner.destroyed.connect(lambda: self.watch(None))

    def watch(self, layer: Layer | None) -> None:
        """Go over to another layer, or to none."""
        old, self._layer = self._layer, layer
        if old is not None:
            old.events.scale.disconnect(self._tell)
            old.events.units.disconnect(self._tell)
        if layer is not None:
            layer.events.scale.connect(self._tell)
            layer.events.units.connect(self._tell)

    def _tell(self, event: Event) -> None:
        self._call()


def follow(widget: QWidget, emitter: EventEmitter, callback: Callable[[Any], object]) -> None:
    """Connect ``callback`` to a napari event for as long as the widget lives."""
    emitter.connect(callback)
    widget.destroyed.connect(lambda: emitter.disconnect(callback))
