"""What a panel asks for: a PSF from fields, from a layer or from a file, as a `Request`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...core.errors import DeconvError
from ...io.picture import length
from ..kit.layers import axes_of, pixel_size, pixels, record
from .request import Prepared, Request

_MAKE_ONE = (
    "Make one: Plugins > Deconvolution > PSF. A small grey image that is open can serve as well."
)


_SMALLEST_UM, _LARGEST_UM = 1e-3, 50.0
"""No microscope's voxels are smaller or larger than this."""


class Uncalibrated(DeconvError):
    """How large the image's voxels are is not known, or cannot be true."""


def image_facts(layer: Any) -> dict[str, Any]:
    """What a request knows of the image it is for; nothing without one."""
    if layer is None:
        return {}
    sizes = zip(axes_of(layer), pixels(layer).shape, strict=True)
    shape = tuple(int(n) for axis, n in sizes if axis in "ZYX")
    last = layer.units[-1]
    # Mixed with pixels, the others' unit says nothing of them.
    alike = all(u.is_compatible_with(last) for u in layer.units[-min(len(shape), 3) :])
    unit = format(last, "~P") if alike else ""  # short: µm
    return {
        "image_shape": shape,
        "image_pixel_size": pixel_size(layer, min(layer.ndim, 3)),
        "unit": "" if unit in ("px", "pixel", "") else unit,
    }


def from_fields(spec: Any, ndim: int, extent: str, image: Mapping[str, Any]) -> Request:
    """A generator's PSF, rendered for the image's voxels.

    Parameters
    ----------
    spec : PSF
        The configured generator.
    ndim : int
        Dimensions, where the generator leaves a choice.
    extent : str
        Size of the array as typed.
    image : mapping
        From `image_facts`.
    """
    ndim = ndim if len(spec.ndim) > 1 else spec.ndim[0]
    voxel = tuple(image.get("image_pixel_size", ()))[-ndim:]
    voxel = voxel if len(voxel) == ndim else (1.0,) * ndim
    size = typed_size(extent, ndim)
    given = _micrometres(spec.title, voxel, image) if spec.calibrated else voxel
    about = {"spec": spec.to_dict(), "ndim": ndim, "size": size, "pixel_size": list(given)}
    return Request(lambda: spec(size, given), about, voxel if image else None, spec=spec)


def _micrometres(
    title: str, voxel: tuple[float, ...], image: Mapping[str, Any]
) -> tuple[float, ...]:
    """The image's voxel size for a PSF of physical units."""
    unit = str(image.get("unit", ""))
    sizes, units = zip(*(length(size, unit) for size in voxel), strict=True)
    if not image:
        raise DeconvError(
            f"A {title.lower()} PSF takes its pixel size from an image, and none is open.",
            "Open the image it is for.",
        )
    if not unit or set(units) != {"µm"}:
        stated = f"its unit is {unit!r}" if unit else "its axes do not all have a unit"
        raise Uncalibrated(
            f"How large the image's pixels are in µm is not known: {stated}.",
            "Type it below. The microscope's software or the file's properties have it.",
        )
    sizes = tuple(float(f"{size:.6g}") for size in sizes)
    if not all(_SMALLEST_UM <= size <= _LARGEST_UM for size in sizes):
        raise Uncalibrated(
            f"Voxels of {' x '.join(f'{size:g}' for size in sizes)} µm are no microscope's.",
            "Printing resolutions end up there, or another unit. Type the right ones below.",
        )
    return sizes


def from_layer(layer: Any, image: Any) -> Request:
    """The PSF that a layer holds; ``image`` is the layer it is for, or None."""
    from ...psf import PSF, from_array

    if layer is None:
        raise DeconvError("No PSF layer is open.", _MAKE_ONE)
    data, name = pixels(layer), layer.name
    about = {"layer": name} | {
        k: v for k, v in record(layer).get("psf", {}).items() if k != "layer"
    }
    made = about.get("spec") if not about.get("repaired") else None
    # What is in the nature of a microscope's PSF is so in a layer, too.
    spec = PSF.from_dict(made) if made and PSF.registry[made["name"]].calibrated else None
    return Request(lambda: from_array(data, name), about, _known_size(layer, image), spec=spec)


def from_file(path: str) -> Request:
    """The PSF that a file holds."""
    from ...psf import load

    if not path:
        raise DeconvError("No PSF file is chosen.", "Choose a TIFF, NPY or PNG file.")
    return Request(lambda: load(path), {"file": path})


def typed_size(text: str, ndim: int) -> list[int] | None:
    """An array size as typed: nothing, one number for all axes, or one per axis."""
    parts = [p for p in text.replace("x", ",").replace("×", ",").split(",") if p.strip()]
    if not parts:
        return None
    try:
        sizes = [int(p) for p in parts]
    except ValueError:
        raise DeconvError(f"Size = {text!r} is no size.", "Type 31, or 21, 31, 31.") from None
    sizes = sizes * ndim if len(sizes) == 1 else sizes
    if len(sizes) != ndim:
        raise DeconvError(f"Size = {text!r} has {len(sizes)} numbers.", f"Give 1 or {ndim}.")
    return sizes


def restore(source: Any, about: Mapping[str, Any], find: Callable[[str], Any]) -> None:
    """Set a `PsfSource` from a recipe's ``psf``; ``find`` looks a layer up by its name."""
    spec = about.get("spec")
    if spec:
        source.choice.choose(spec["name"], {k: v for k, v in spec.items() if k != "name"})
        source.dims.setCurrentIndex(int(about.get("ndim", 2)) - 2)
        source.extent.setText(", ".join(map(str, about.get("size") or ())))
    elif about.get("file"):
        source.choice.choose("file")
        source.file.set_path(str(about["file"]))
    elif about.get("layer"):
        source.choice.choose("layer")
        source.layers.pick(find(str(about["layer"])))
    else:
        raise DeconvError("The recipe does not say which PSF it used.", "Choose one here.")


def in_words(made: Prepared, image: Any) -> str:
    """What there is to say of a PSF: its widths, its picture, what it means for a stack."""
    if made.described and made.array.ndim == 3:
        return f"{made.described}\nShown: XY, ZY."
    stack = made.described and image is not None and "Z" in axes_of(image)
    return made.described + "\n2-D: each plane of the stack is taken by itself." * bool(stack)


def _known_size(layer: Any, image: Any) -> tuple[float, ...] | None:
    """A PSF layer's voxel size in the image's unit; None where nothing says that it has one."""
    if image is None or layer.ndim > image.ndim:
        return None
    own, wanted = layer.units[-1], image.units[-1]
    plain = str(own) == "pixel" and bool(np.all(np.abs(layer.scale) == 1))
    if (plain and record(layer).get("kind") != "psf") or not own.is_compatible_with(wanted):
        return None
    factor = float((1 * own).to(wanted).magnitude)
    return tuple(size * factor for size in pixel_size(layer, layer.ndim))
