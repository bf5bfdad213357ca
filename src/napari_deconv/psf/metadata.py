"""A microscope's PSF out of the metadata of an image, each value with where it came from."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .. import io
from ..core.checks import field as checked_field
from ..core.errors import DeconvError
from ..io.optics import Optics, at, optics_of
from .base import PSF
from .dyes import band_named, dye_named, laser_named
from .grid import checked_pixel_size
from .microscope import Microscope
from .preset import OpticsPreset, fitting

_WORDS = {
    "kind": ("microscope", ""),
    "numerical_aperture": ("numerical aperture", ""),
    "refractive_index_immersion": ("immersion index", ""),
    "refractive_index_sample": ("sample index", ""),
    "depth_um": ("depth", "µm"),
    "emission_nm": ("emission", "nm"),
    "excitation_nm": ("excitation", "nm"),
    "pinhole_airy": ("pinhole", "Airy units"),
    "sheet_um": ("light sheet", "µm"),
    "coverslip_um": ("coverslip", "µm"),
    "pixel_size": ("pixel size", "µm"),
    "z_step": ("z-step", "µm"),
}
_LIGHT = ("emission_nm", "excitation_nm")
_OPEN = 10.0
"""From this many Airy units on a pinhole keeps nothing out; a confocal's PSF is made up to it."""
_OBLONG = 10
"""No camera's pixels are this many times as long as wide."""
TYPED = "typed"
"""Source of what a person gave."""


@dataclass(frozen=True)
class Fact:
    """One value and where it came from.

    Parameters
    ----------
    field : str
        The field of the PSF, or ``"kind"``, ``"pixel_size"``, ``"z_step"``.
    value : float or str
        In ``unit``.
    unit : str
        ``"nm"``, ``"µm"``, ``"Airy units"``, or nothing.
    source : str
        The place in the file, the name of a channel or dye, ``"typed"``, or why it is assumed.
    assumed : bool
        Whether nobody stated it.
    """

    field: str
    value: float | str
    unit: str
    source: str
    assumed: bool = False

    def __str__(self) -> str:
        return f"{self.text} ({'ASSUMED: ' if self.assumed else ''}{self.source})"

    @property
    def text(self) -> str:
        """The value in words, without its source."""
        word = _WORDS.get(self.field, (self.field.replace("_", " "), ""))[0]
        value = self.value if isinstance(self.value, str) else f"{self.value:.4g}"
        return f"{word} {value} {self.unit}".rstrip()

    def but(self, value: float | str, source: str) -> Fact:
        """The same fact with another value, given by a person."""
        return replace(self, value=value, source=source, assumed=False)

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain JSON values, for a recipe."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; a `DeconvError` if something does not fit."""
        kinds = {"field": str, "value": float | str, "unit": str, "source": str, "assumed": bool}
        return cls(**{key: checked_field("A fact", data, key, kind) for key, kind in kinds.items()})


@dataclass(frozen=True)
class ChannelPSF:
    """The PSF of one channel as the metadata give it; calling it renders it.

    Parameters
    ----------
    channel : int
        Which one, from 0.
    name : str
        Of the channel; empty where it has none.
    spec : PSF
        The generator, all of its fields set.
    pixel_size : tuple of float
        ``([z,] y, x)`` in µm.
    facts : tuple of Fact
        Every value and where it came from.
    notes : tuple of str
        What the file states and was not taken, and why.
    """

    channel: int
    name: str
    spec: PSF
    pixel_size: tuple[float, ...]
    facts: tuple[Fact, ...]
    notes: tuple[str, ...] = ()

    def __call__(self, shape: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Render for the image's voxels; float32 of unit sum, in a size that it chooses."""
        return self.spec(shape, self.pixel_size)

    @property
    def assumptions(self) -> tuple[Fact, ...]:
        """The facts that were assumed."""
        return tuple(fact for fact in self.facts if fact.assumed)


def from_metadata(
    source: str | Path | io.Picture,
    kind: str = "auto",
    *,
    pixel_size: Sequence[float] | None = None,
    axes: str | None = None,
    assume: bool = True,
    preset: OpticsPreset | None = None,
    **fields: Any,
) -> tuple[ChannelPSF, ...]:
    """Make the PSF of every channel from what an image's metadata say of its optics.

    OME-XML, ImageJ's info, Micro-Manager's tags, CZI, ND2 and LIF are understood. Where the file
    has no wavelength, names of channels and dyes give it; what is absurd is not taken, and
    `ChannelPSF.notes` says so.

    Parameters
    ----------
    source : str, Path or Picture
        A file with metadata, or what `io.read` made of it.
    kind : str, optional
        ``"wide-field"``, ``"confocal"``, ``"light-sheet"`` or ``"two-photon"``; by default the
        one of the file's acquisition mode.
    pixel_size : sequence of float, optional
        ``([z,] y, x)`` in µm, where the file does not say or says it wrongly.
    axes : str, optional
        As for `io.read`.
    assume : bool, optional
        Whether usual values are taken for what nobody states; they are marked in the facts.
    preset : OpticsPreset, optional
        Optics with a name; its fields win over the file's.
    **fields
        Fields of the PSF that are known better; they win.

    Returns
    -------
    tuple of ChannelPSF
        One for each channel.

    Raises
    ------
    DeconvError
        If the numerical aperture or the voxel size is not known, or anything else and ``assume``
        is false; the message names file, channel and field.
    """
    picture = source if isinstance(source, io.Picture) else io.read(source, axes)
    optics, name = optics_of(picture), picture.path.name if picture.path else "The image"
    count = picture.data.shape[picture.axes.index("C")] if "C" in picture.axes else 1
    psfs = [
        channel_psf(optics, channel, kind, fields, _name(picture, optics, channel), name, preset)
        for channel in range(count)
    ]
    sizes, measured = _sizes(picture, optics, pixel_size, name)
    own = fitting(optics.microscope) if preset is None else None
    offer = (f"A preset is for this microscope: --optics {shlex.quote(own.name)}",) if own else ()
    sized = tuple(
        replace(psf, pixel_size=sizes, facts=(*psf.facts, *measured), notes=(*psf.notes, *offer))
        for psf in psfs
    )
    if not assume:
        _refuse_assumptions(sized, name)
    return sized


def channel_psf(
    optics: Optics,
    channel: int,
    kind: str = "auto",
    typed: Mapping[str, Any] | None = None,
    name: str = "",
    file: str = "The image",
    preset: OpticsPreset | None = None,
) -> ChannelPSF:
    """The PSF of one channel of a file that states ``optics``; its voxel size is left empty.

    Parameters
    ----------
    optics : Optics
        What the file states.
    channel : int
        Which one.
    kind : str
        Name of a microscope, or ``"auto"``.
    typed : mapping, optional
        Fields that win over the file's.
    name : str
        The channel's, which may give its wavelengths.
    file : str
        For errors.
    preset : OpticsPreset, optional
        Optics with a name, which win over the file's.

    Raises
    ------
    DeconvError
        If the kind is ``"auto"`` and no numerical aperture is known, or a field does not fit.
    """
    typed, notes = dict(typed or {}), list(optics.notes)
    if kind == "auto" and preset is not None and preset.kind != "auto":
        first = _fact("kind", kind := preset.kind, preset.source)
    else:
        first = _kind(optics, channel, kind, notes)
    cls = PSF.lookup(str(first.value))
    if not issubclass(cls, Microscope):
        raise DeconvError(f"{cls.title} is not a microscope.", "Choose wide-field or confocal.")
    check_typed(cls.name, typed)
    named = {k: v for k, v in (preset.fields if preset else {}).items() if k in cls.fields()}
    facts = {key: _fact(key, value, preset.source) for key, value in named.items() if preset}
    facts |= {key: _fact(key, value, TYPED) for key, value in typed.items()}
    typed = named | typed
    _aperture(facts, optics, kind, file)
    _indices(facts, optics, notes)
    wanted = [key for key in _LIGHT if key in cls.fields()]
    light = _light(optics, channel, name, str(first.value), notes)
    for key in wanted:
        facts.setdefault(key, light[key])
    if "pinhole_airy" in cls.fields():
        facts.setdefault("pinhole_airy", _pinhole(facts, optics, channel, notes))
    if "sheet_um" in cls.fields():
        facts.setdefault("sheet_um", _fact("sheet_um", 3.0, "usual", assumed=True))
    spec = PSF.make(cls.name, **{key: fact.value for key, fact in facts.items()} | typed)
    order = [key for key in _WORDS if key in facts] + [key for key in facts if key not in _WORDS]
    listed = (first, *(facts[key] for key in order))
    return ChannelPSF(channel, name, spec, (), listed, tuple(dict.fromkeys(notes)))


def check_typed(kind: str, fields: Mapping[str, Any]) -> None:
    """Raise `DeconvError` unless fields fit a microscope, whatever the rest of them will be."""
    PSF.make(kind, **{"refractive_index_immersion": 2.0} | dict(fields))


def _fact(key: str, value: Any, source: str, assumed: bool = False) -> Fact:
    shown = float(value) if isinstance(value, (int, float)) else str(value)
    return Fact(key, shown, _WORDS.get(key, ("", ""))[1], source, assumed)


def _name(picture: io.Picture, optics: Optics, channel: int) -> str:
    """What is known of a channel's name, fluorophore first."""
    stated = optics.names[channel] if channel < len(optics.names) else ""
    return stated or (picture.channels[channel] if channel < len(picture.channels) else "")


def kind_of(optics: Optics, channel: int) -> Fact:
    """Which microscope's PSF would be made of a channel, and why."""
    return _kind(optics, channel, "auto", [])


def _kind(optics: Optics, channel: int, kind: str, notes: list[str]) -> Fact:
    stated = optics.kinds[channel] if channel < len(optics.kinds) else optics.kind
    source = optics.sources.get("kind", "")
    if kind != "auto":
        if stated and kind != stated:
            notes.append(f"The file says {stated}; {kind} was chosen.")
        return _fact("kind", kind, TYPED)
    if stated:
        return _fact("kind", stated, source)
    if at(optics.pinhole_um, channel) or at(optics.pinhole_airy, channel):
        return _fact("kind", "confocal", "the file states a pinhole")
    return _fact("kind", "wide-field", "no acquisition mode is stated", assumed=True)


def _aperture(facts: dict[str, Fact], optics: Optics, kind: str, file: str) -> None:
    key = "numerical_aperture"
    if key in facts:
        return
    if optics.numerical_aperture is not None:
        facts[key] = _fact(key, optics.numerical_aperture, optics.sources[key])
    elif kind == "auto":
        raise DeconvError(
            f"There is no PSF. {file} does not say the numerical aperture that one could be made "
            "of.",
            'Give one: --psf psf.tif, --psf "disk:radius_px=7", or the objective\'s: --psf '
            "wide-field:numerical_aperture=1.4.",
        )
    else:
        facts[key] = _fact(key, 1.2, "usual", assumed=True)


def _indices(facts: dict[str, Fact], optics: Optics, notes: list[str]) -> None:
    """Immersion and sample; no lens has an aperture beyond its immersion's index."""
    aperture = float(facts["numerical_aperture"].value)
    key, index = "refractive_index_immersion", optics.refractive_index_immersion
    if key not in facts and index is not None and index > aperture:
        facts[key] = _fact(key, index, optics.sources[key])
    if key not in facts:
        usual, word = _usual_immersion(aperture)
        why = f"{word}, usual for NA {aperture:g}"
        if index is not None:
            text = f"The immersion's index of {index:g} is not above the NA of {aperture:g}"
            notes.append(f"{text}, and was not taken.")
        facts[key] = _fact(key, usual, why, assumed=True)
    key = "refractive_index_sample"
    if key not in facts and optics.refractive_index_sample is not None:
        facts[key] = _fact(key, optics.refractive_index_sample, optics.sources[key])
    facts.setdefault(key, _fact(key, 1.333, "water or medium", assumed=True))
    apart = float(facts["refractive_index_immersion"].value) - float(facts[key].value)
    if abs(apart) > 0.005:
        facts.setdefault("depth_um", _fact("depth_um", 0.0, "at the coverslip", assumed=True))


def _usual_immersion(aperture: float) -> tuple[float, str]:
    if aperture < 0.97:
        return 1.0, "air"
    if aperture < 1.28:
        return 1.333, "water"
    return (1.515, "oil") if aperture < 1.515 else (1.78, "oil of high index")


def _light(optics: Optics, channel: int, name: str, kind: str, notes: list[str]) -> dict[str, Fact]:
    """Emission and excitation: stated, by the name of a dye or laser, or assumed."""
    stated = {key: at(getattr(optics, key), channel) for key in _LIGHT}
    emission, excitation = stated["emission_nm"], stated["excitation_nm"]
    if kind == "two-photon":
        key = "excitation_nm"
        if excitation is not None and excitation >= 680:
            return {key: _fact(key, excitation, optics.sources[key])}
        if excitation is not None:
            notes.append(f"An excitation of {excitation:g} nm is not a two-photon laser's.")
        return {key: _fact(key, 900.0, "usual for two photons", assumed=True)}
    if emission is not None and excitation is not None and emission <= excitation:
        notes.append(
            f"Channel {channel}: emission {emission:g} nm is not above excitation "
            f"{excitation:g} nm; neither was taken."
        )
        stated = dict.fromkeys(_LIGHT)
    facts = {k: _fact(k, v, optics.sources[k]) for k, v in stated.items() if v is not None}
    dye = dye_named(name)
    if dye is not None:
        for key in _LIGHT:
            source = f"{dye.name} in the channel's name; {dye.source}"
            facts.setdefault(key, _fact(key, getattr(dye, key), source))
    if (band := band_named(name)) is not None:
        facts.setdefault("emission_nm", _fact("emission_nm", band, f"channel's name {name!r}"))
    if (laser := laser_named(name)) is not None:
        source = f"channel's name {name!r}"
        facts.setdefault("excitation_nm", _fact("excitation_nm", laser, source))
    if "emission_nm" not in facts:
        lit = facts.get("excitation_nm")
        value = 520.0 if lit is None else float(lit.value) + 30
        why = "no wavelength and no dye is named" if lit is None else "30 nm above the excitation"
        facts["emission_nm"] = _fact("emission_nm", value, why, assumed=True)
    seen = float(facts["emission_nm"].value)
    lasers = [line for line in (405.0, 488.0, 561.0, 640.0) if line < seen - 8]
    lit_by = max(lasers, default=seen - 30)
    facts.setdefault(
        "excitation_nm",
        _fact("excitation_nm", lit_by, "the usual laser below the emission", assumed=True),
    )
    return facts


def _pinhole(facts: Mapping[str, Fact], optics: Optics, channel: int, notes: list[str]) -> Fact:
    """The pinhole in Airy units: what it is in the sample, over 1.22 emission / NA."""
    key, size = "pinhole_airy", at(optics.pinhole_um, channel)
    value, source = at(optics.pinhole_airy, channel), optics.sources.get(key, "")
    why = "usual"
    if value is None and size is not None and optics.magnification is not None:
        emission, aperture = (float(facts[k].value) for k in ("emission_nm", "numerical_aperture"))
        airy_um = 1.22 * emission / 1000 / aperture * optics.magnification
        value, origin = size / airy_um, f"{size:g} µm, objective {optics.magnification:g}x"
        source = f"{optics.sources['pinhole_um']} {origin}; magnified no further"
    elif value is None and size is not None:
        why = "its magnification is not stated"
    if value is not None and 0.05 <= value <= 100:
        if value > _OPEN:
            text = f"A pinhole of {value:.3g} Airy units ({source}) is open: {_OPEN:g} are taken."
            notes.append(text)
        return _fact(key, round(min(value, _OPEN), 4), source)
    if value is not None:
        why = "the stated one is none that exists"
        notes.append(f"A pinhole of {value:.3g} Airy units ({source}) was not taken.")
    return _fact(key, 1.0, why, assumed=True)


def _sizes(
    picture: io.Picture, optics: Optics, typed: Sequence[float] | None, name: str
) -> tuple[tuple[float, ...], tuple[Fact, ...]]:
    """The voxel size in µm and its facts; a placeholder in the file is not taken."""
    axes = "ZYX" if "Z" in picture.axes else "YX"
    if typed is not None:
        sizes, source = checked_pixel_size("pixel_size", typed, len(axes)), TYPED
    else:
        stated, source = picture.spacing(axes), optics.sources.get("pixel_size", "the file")
        odd = [a for a in axes if a in picture.pixel_size and picture.units.get(a) != "µm"]
        if odd:
            unit = picture.units.get(odd[0], "")
            raise _sizeless(name, f"says its size along {odd[0]} in {unit!r}, which is no length")
        if stated is None and picture.spacing("YX") is not None:
            raise _sizeless(name, "does not say the z-step that a microscope's PSF needs")
        if stated is None:
            raise _sizeless(name, "does not say the pixel size that a microscope's PSF needs")
        if stated[-2:] == (1.0, 1.0):
            raise _sizeless(name, "says pixels of 1 µm exactly, as programs write who know none")
        if max(stated[-2:]) > _OBLONG * min(stated[-2:]):
            text = f"{stated[-1]:.4g} x {stated[-2]:.4g} µm"
            raise _sizeless(name, f"says pixels of {text}, of which one must be in another unit")
        sizes = stated
    across = f"{sizes[-1]:.4g}" + ("" if sizes[-1] == sizes[-2] else f" x {sizes[-2]:.4g}")
    size: float | str = sizes[-1] if sizes[-1] == sizes[-2] else across
    facts = [_fact("pixel_size", size, source)]
    facts += [_fact("z_step", sizes[0], source)] if len(sizes) == 3 else []
    return sizes, tuple(facts)


def _sizeless(name: str, why: str) -> DeconvError:
    return DeconvError(
        f"{name} {why}.", "Give it in µm: deconvolve --spacing Z,Y,X, or pixel_size=(z, y, x)."
    )


def _refuse_assumptions(psfs: Iterable[ChannelPSF], name: str) -> None:
    open_ = {
        f"channel {psf.channel}: {', '.join(fact.field for fact in psf.assumptions)}"
        for psf in psfs
        if psf.assumptions
    }
    if open_:
        raise DeconvError(
            f"{name} does not say everything ({'; '.join(sorted(open_))}).",
            "Type it, such as --psf wide-field:refractive_index_sample=1.333,depth_um=0, or let "
            "usual values be assumed.",
        )
