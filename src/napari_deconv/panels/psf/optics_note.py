"""What the image's file says of the optics, filled into the microscope PSFs' fields."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from napari.layers import Image

from ...io.optics import Optics, optics_in, optics_in_info
from ...psf.metadata import ChannelPSF, channel_psf
from ...psf.microscope import Microscope
from ..kit.form import Choice
from ..kit.parts import Notice

_SHOWN = {
    "numerical_aperture": "NA {:g}",
    "refractive_index_immersion": "immersion {:g}",
    "refractive_index_sample": "sample {:g}",
    "emission_nm": "emission {:g} nm",
    "excitation_nm": "excitation {:g} nm",
    "pinhole_airy": "pinhole {:.3g} Airy units",
}


class OpticsNote(Notice):
    """Fills the fields once for each image and kind of PSF, and says from where.

    Parameters
    ----------
    choice : Choice
        The choice of PSF with its form.
    """

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self._choice, self._layer = choice, None
        self._told: set[str] = set()
        self._known: tuple[Optics, str] = (Optics(), "")
        choice.changed.connect(self._fill)

    def set_image(self, layer: Image | None) -> None:
        """Read another image's metadata; what a person typed for the last is kept."""
        if layer is self._layer:
            return
        self._layer, self._told = layer, set()
        self._known = optics_of(layer) if layer is not None else (Optics(), "")
        self._fill()

    def _fill(self) -> None:
        kind, form, (known, whence) = self._choice.kind, self._choice.form, self._known
        psf = None
        if kind is not None and issubclass(kind, Microscope) and (known.fields() or known.names):
            psf = channel_psf(known, 0, kind.name, name=(*known.names, "")[0])
        fields = _worth_filling(psf) if psf is not None else {}
        fields = {k: v for k, v in fields.items() if form is not None and k in form.widgets}
        said = ", ".join(_SHOWN[key].format(value) for key, value in fields.items())
        more = [f"{light:g}" for light in known.emission_nm if light is not None]
        if "emission_nm" in fields and len(set(more)) > 1:
            said += f" (channels: {', '.join(more)})"
        words = [f"From {whence}: {said}. Change what is wrong.", *(psf.notes if psf else ())]
        words += [f"Assumed: {fact.text}." for fact in (psf.assumptions if psf else ())]
        self.say(" ".join(words) if fields else "")
        if fields and kind and form and kind.name not in self._told:
            self._told.add(kind.name)
            form.set_values(fields)


def _worth_filling(psf: ChannelPSF) -> dict[str, float]:
    """What is known, and an immersion that the known aperture can be had with."""
    known = {fact.field: fact.value for fact in psf.facts if not fact.assumed}
    if "numerical_aperture" in known:
        known["refractive_index_immersion"] = psf.spec.to_dict()["refractive_index_immersion"]
    return {key: float(value) for key, value in known.items() if key in _SHOWN}


def optics_of(layer: Image) -> tuple[Optics, str]:
    """What a layer's metadata or its file states, and which of them it was.

    OME-XML is understood as text anywhere in the metadata, or in the TIFF it was read from, and
    there ImageJ's info as well.
    """
    for text in _texts(layer.metadata):
        found = optics_in(text)
        if found.fields():
            return found, "the layer's metadata"
    path = getattr(layer.source, "path", None)
    if path and str(path).lower().endswith((".tif", ".tiff")):
        import tifffile

        with suppress(OSError, ValueError, tifffile.TiffFileError):
            with tifffile.TiffFile(path) as file:
                info = str((file.imagej_metadata or {}).get("Info", ""))
                found = optics_in_info(info) if info else optics_in(file.ome_metadata or "")
            return found, Path(path).name
    return Optics(), ""


def _texts(value: object, depth: int = 0) -> list[str]:
    if isinstance(value, str):
        return [value] if "<OME" in value[:2000] else []
    if not isinstance(value, dict) or depth > 3:
        return []
    return [text for item in value.values() for text in _texts(item, depth + 1)]
