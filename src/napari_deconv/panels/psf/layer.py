"""A PSF as a layer that carries its recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari.layers import Image
from numpy.typing import NDArray

from ..kit.layers import KEY, Placement


def add_psf(
    viewer: Any,
    array: NDArray[Any],
    about: Mapping[str, Any],
    image: Placement | None,
    visible: bool = True,
    by: str = "",
    made_for: str = "",
) -> Image:
    """Add a PSF with the scale and units of an image.

    One layer in other units would cost all layers theirs. ``by`` names the panel it was made in,
    ``made_for`` the image whose PSF it is, if it is one's.
    """
    n, options = array.ndim, image.options if image is not None else {}
    keys = ("scale", "units", "translate", "axis_labels")
    fits = image is not None and len(options["scale"]) >= n
    return viewer.add_image(
        array,
        name=psf_name(about),
        colormap="inferno",
        blending="additive",
        visible=visible,
        metadata={KEY: {"kind": "psf", "psf": dict(about), "by": by, "image": made_for}},
        **({key: options[key][-n:] for key in keys} if fits else {}),
    )


def psf_name(about: Mapping[str, Any]) -> str:
    """A name that tells PSFs apart in the layer list: ``PSF Motion 15 px 30°``."""
    if "estimate" in about and "spec" not in about:
        return f"PSF of {about['estimate'].get('image_name') or 'image'}"
    if "spec" not in about:
        whence = str(about.get("layer") or about.get("file", "")).replace("\\", "/")
        return f"PSF {whence.rsplit('/')[-1]}"
    from ...psf import PSF

    spec = PSF.from_dict(about["spec"])
    if spec.calibrated:
        said = f"PSF {spec.title} NA {spec.numerical_aperture:g}"
        return f"{said} {spec.finest.wavelength_um * 1000:g} nm"
    units = {"px": " px", "deg": "°"}
    sizes: list[str] = []
    for key in list(about["spec"])[1:3]:
        value = getattr(spec, key)
        values = value if isinstance(value, tuple) else (value,)
        shown = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values)
        unit = units.get(key.rsplit("_")[-1])
        sizes.append(f"{key} {shown}" if unit is None else shown + unit)
    return " ".join(["PSF", spec.title, *sizes])
