"""PSFs and images as layers: what a PSF request takes from one, and a PSF put into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image
from napari.viewer import Viewer
from numpy.typing import NDArray

from ...core.errors import DeconvError
from ...io.picture import length
from ...psf import PSF, ImageFacts, PsfRequest, Values
from ...psf.image_facts import calibration
from ...psf.measured import grey
from ...psf.microscope import Microscope
from ..kit.layers import KEY, Placement, axes_of, pixel_size, pixels, record, voxel

_MAKE_ONE = "Make one: Plugins > Deconvolution > PSF. A small image that is open can serve as well."


def image_facts(layer: Image | None) -> ImageFacts | None:
    """What a PSF has to know of the layer it is for."""
    if layer is None:
        return None
    axes = axes_of(layer)
    sizes = zip(axes, pixels(layer).shape, strict=True)
    shape = tuple(int(n) for axis, n in sizes if axis in "ZYX")
    last = layer.units[-1]
    # Mixed with pixels, the others' unit says nothing of them.
    pairs = zip(axes, layer.units, strict=False)  # colours have none
    alike = all(u.is_compatible_with(last) for a, u in pairs if a in "ZYX")
    unit = format(last, "~P") if alike else ""  # short: µm
    unit = "" if unit in ("px", "pixel") else unit
    pixel = voxel(layer)
    microns = {axis: length(size, unit) for axis, size in pixel.items()} if unit else {}
    return ImageFacts(
        shape=shape,
        pixel_size=pixel,
        unit=unit,
        microns={a: float(f"{size:.6g}") for a, (size, word) in microns.items() if word == "µm"},
    )


def rendered(
    spec: PSF, ndim: int, size: tuple[int, ...] | None, image: ImageFacts | None
) -> PsfRequest:
    """A generator's PSF for the voxels of an image.

    Raises
    ------
    DeconvError
        If it needs to know how large these are, and nothing says it.
    """
    voxels = image.sizes(ndim) if image is not None else None
    given = calibration(spec, image, ndim) if spec.calibrated else voxels or (1.0,) * ndim
    return PsfRequest(generator=spec, size=size, pixel_size=given)


def is_preset(spec: PSF) -> bool:
    """Whether a generator is as it is made, with no field set."""
    return all(getattr(spec, key) == field.default for key, field in spec.fields().items())


def psf_in(layer: Image | None, image: Image | None) -> PsfRequest:
    """The PSF that a layer holds; ``image`` is the layer it is for."""
    if layer is None:
        raise DeconvError("No PSF layer is open.", _MAKE_ONE)
    recorded = record(layer).get("psf", {})
    request = PsfRequest.from_dict(recorded)
    mended = dict(recorded.get("repair", {})) if request.repair else None
    array, history = pixels(layer), dict(request.history)
    if layer.rgb or _small_picture(array):
        array, history["colours"] = grey(array), "averaged"
    values = Values(array, _known_size(layer, image), repair=mended)
    return replace(
        request, layer=layer.name, regions=None, repair=False, history=history, values=values
    )


def _small_picture(array: Any) -> bool:
    """Whether it is a picture in colour: napari takes one of up to 30 pixels for a volume."""
    return array.ndim == 3 and array.shape[-1] in (3, 4) and array.dtype == np.uint8


def _known_size(layer: Image, image: Image | None) -> tuple[float, ...] | None:
    """A PSF layer's voxel size in the image's unit; None where nothing says that it has one."""
    if image is None or layer.ndim > image.ndim:
        return None
    own, wanted = layer.units[-1], image.units[-1]
    plain = str(own) == "pixel" and bool(np.all(np.abs(layer.scale) == 1))
    if (plain and record(layer).get("kind") != "psf") or not own.is_compatible_with(wanted):
        return None
    factor = float((1 * own).to(wanted).magnitude)
    return tuple(size * factor for size in pixel_size(layer, layer.ndim))


def typed_size(text: str, ndim: int) -> tuple[int, ...] | None:
    """An array size as typed: nothing, one number for all axes, or one per axis."""
    parts = [p for p in text.replace("x", ",").replace("×", ",").split(",") if p.strip()]
    if not parts:
        return None
    try:
        sizes = tuple(int(p) for p in parts)
    except ValueError:
        raise DeconvError(f"Size = {text!r} is not a size.", "Type 31, or 21, 31, 31.") from None
    sizes = sizes * ndim if len(sizes) == 1 else sizes
    if len(sizes) != ndim:
        raise DeconvError(f"Size = {text!r} has {len(sizes)} numbers.", f"Give 1 or {ndim}.")
    return sizes


def add_psf(
    viewer: Viewer,
    array: NDArray[Any],
    recipe: Mapping[str, Any],
    image: Placement | None,
    visible: bool = True,
    by: str = "",
    image_name: str = "",
) -> Image:
    """Add a PSF with the scale and units of an image.

    One layer in other units would cost all layers theirs. ``by`` names the panel it was made in,
    ``image_name`` the image whose PSF it is, if it is one's.
    """
    n, options = array.ndim, image.options if image is not None else {}
    keys = ("scale", "units", "translate", "axis_labels")
    fits = image is not None and len(options["scale"]) >= n
    return viewer.add_image(
        array,
        name=psf_name(recipe),
        colormap="inferno",
        blending="additive",
        visible=visible,
        metadata={KEY: {"kind": "psf", "psf": dict(recipe), "by": by, "image": image_name}},
        **({key: options[key][-n:] for key in keys} if fits else {}),
    )


def psf_name(recipe: Mapping[str, Any]) -> str:
    """A name that tells PSFs apart in the layer list: ``PSF Motion 15 px 30°``."""
    if "estimate" in recipe and "spec" not in recipe:
        return f"PSF of {recipe['estimate'].get('image_name') or 'image'}"
    if "spec" not in recipe:
        whence = str(recipe.get("layer") or recipe.get("file", "")).replace("\\", "/")
        return f"PSF {whence.rsplit('/')[-1]}"
    spec = PSF.from_dict(recipe["spec"])
    if isinstance(spec, Microscope):
        name = f"PSF {spec.title} NA {spec.numerical_aperture:g}"
        return f"{name} {spec.finest.wavelength_um * 1000:g} nm"
    units = {"px": " px", "deg": "°"}
    sizes: list[str] = []
    for key in list(recipe["spec"])[1:3]:
        value = getattr(spec, key)
        values = value if isinstance(value, tuple) else (value,)
        shown = ", ".join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in values)
        unit = units.get(key.rsplit("_")[-1])
        sizes.append(f"{key} {shown}" if unit is None else shown + unit)
    return " ".join(["PSF", spec.title, *sizes])
